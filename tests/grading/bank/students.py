"""The bank's students: every way to answer a question, packed into as few notebooks as there are ways.

A section's file says what is typed for each variable; forms that go with any question fill up to the
number of ways that the section needs. Student "right 2" answers every question by its second right
way, "wrong 5" by its fifth wrong one; the code of "crash" ends in an error.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module

from glmmlib.teaching.checks import Choice, Prediction, Table

from .forms import HINT, IMPORTS, right_forms, wrong_forms

LEAST_RIGHT, LEAST_WRONG = 3, 6     # ways that every question is answered


@dataclass(frozen=True)
class Answers:
    """What is typed for one variable: code, as an expression or as lines of which the last is one.

    `right` are routes to the right answer, `wrong` misconceptions: code -> words that the student must
    be told, or (share of the points, words), or for a table {property: words} of the properties that
    are amiss. The first of `right` is what forms are made of.
    """

    right: Sequence[str]
    wrong: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One answer: its code, whether it was thought of for this question, and what it is owed.

    ``owed`` has (share of the points, words to be told or HINT) by the question's key.
    """

    code: str
    by_hand: bool
    owed: dict


@dataclass(frozen=True)
class Student:
    """A submission: entries by variable; what it does not answer is left as it was."""

    name: str
    entries: dict


def key_of(question):
    """What tells a question from all others: its variable, and of a table the property."""
    return f"{question.name}: {question.property}" if isinstance(question, Table) else question.name


def questions_about(parts):
    """variable -> [(question, expected)], in the order of the notebook; each of `parts` is a test's Part."""
    about = defaultdict(list)
    for part in parts:
        about[part.question.name].append((part.question, part.expected() if callable(part.expected) else part.expected))
    return dict(about)


def students_of(section, parts):
    """The students of a section whose tests ask `parts`."""
    bank = import_module(f"bank.{section}")
    right, wrong = {}, {}
    about = questions_about(parts)
    for position, (variable, questions) in enumerate(about.items()):
        answers = _predictions(questions[0][0]) if isinstance(questions[0][0], Prediction) else bank.ANSWERS[variable]
        right[variable] = list(_right(answers, questions, position))
        wrong[variable] = list(_wrong(answers, questions, position))
    crash = {variable: Entry("undefined_name", False, _all(questions, (0, "is not answered yet")))
             for variable, questions in about.items()}
    together = [Student(f"together {n}", {variable: Entry(code, True, {variable: (share, words)})
                                          for variable, (code, share, words) in entries.items()})
                for n, entries in enumerate(getattr(bank, "TOGETHER", ()), start=1)]
    return [*_packed("right", right, LEAST_RIGHT), *_packed("wrong", wrong, LEAST_WRONG), Student("crash", crash),
            *together]


def typed(section, student, cells):
    """cell id -> source, for the student's entries; `cells` are cell id -> variables it sets."""
    before = getattr(import_module(f"bank.{section}"), "BEFORE", {})
    sources = {}
    for cell, variables in cells.items():
        answered = [name for name in variables if name in student.entries]
        if answered:
            dots = "".join(f"{name} = ...\n" for name in variables)
            lines = (_assigned(name, student.entries[name].code) for name in answered)
            sources[cell] = dots + IMPORTS + before.get(cell, "") + "".join(lines)
    return sources


def _assigned(name, code):
    lines = code.strip().split("\n")
    # where the last statement begins
    at = max(i for i, line in enumerate(lines) if not line.startswith((" ", ")", "]", "}")))
    return "\n".join([*lines[:at], f"{name} = {lines[at]}", *lines[at + 1:]]) + "\n"


def _packed(kind, entries, least):
    """As many students as it takes for the entries that were thought of, and at least so many."""
    ways = max([least, *(sum(entry.by_hand for entry in of_one) for of_one in entries.values())])
    return [Student(f"{kind} {n + 1}", {variable: of_one[n] for variable, of_one in entries.items() if n < len(of_one)})
            for n in range(ways)]


def _right(answers, questions, position):
    owed = _all(questions, (1, ""))
    for code in answers.right:
        yield Entry(code, True, owed)
    for form in _from(right_forms(*questions[0]), position):
        yield Entry(_in_form(form, answers.right[0], questions[0][0]), False, owed)


def _wrong(answers, questions, position):
    for code, told in answers.wrong.items():
        if isinstance(told, dict):
            owed = {key_of(question): (0, told[question.property]) if question.property in told else (1, "")
                    for question, _ in questions}
        else:
            owed = _all(questions, told if isinstance(told, tuple) else (0, told))
        yield Entry(code, True, owed)
    question, right = questions[0]
    if isinstance(question, Choice) and not isinstance(question, Prediction):
        for option in question.options:     # those that nothing was written about
            if option != right and option not in {code.strip('\'"') for code in answers.wrong}:
                yield Entry(repr(option), True, {question.name: (0, HINT)})
    forms = wrong_forms(*questions[0])
    for form in _from(list(forms), 2 * position):
        yield Entry(_in_form(form, answers.right[0], question), False, _all(questions, (0, forms[form])))


def _all(questions, owed):
    """The same for every question about a variable."""
    return {key_of(question): owed for question, _ in questions}


def _predictions(question):
    """Any option is right."""
    return Answers(right=[repr(option) for option in question.options])


def _from(forms, position):
    """The forms from a place on that differs from question to question, so that all have their turn."""
    at = position % len(forms)
    return forms[at:] + forms[:at]


def _in_form(form, code, question):
    """Code of the right answer's `code` in another form."""
    head, _, last = code.strip().rpartition("\n")
    plain = last if isinstance(question, (Choice, Table)) else f"float(np.squeeze({last}))"
    return f"{head}\n(lambda x: {form})({plain})".strip()
