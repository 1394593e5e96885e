"""Questions, the mistakes they know, and the points an answer earns.

A question bears the name of the notebook variable that answers it::

    question = Number(
        "subject_9_intercept", "log-odds",
        mistakes=[Mistake(-0.51, "this is subject 9's deviation: add the population intercept.")],
    )

In the notebook a graded test cell asks it twice, by name, so that a variable which does not exist
is a sentence and not a NameError::

    question.check()            # seen by students: speaks at once, never tells the right answer
    ### BEGIN HIDDEN TESTS
    points((2, question, lambda: fit.coef["Subject"].loc[9, "Intercept"]))
    ### END HIDDEN TESTS

Judging (`question.judge(answer, expected)`) is a pure function of plain values: it reads nothing
from the notebook, and may as well run in another process. Known mistakes belong to the question and
may be seen; the expected value is passed in by the hidden test, which computes it.
"""

import contextlib
import io
import math
import sys
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..errors import GlmmlibError
from .answers import Unanswered, Unreadable, as_number, as_table, as_text, notebook_variable, shorten

# Begins the line of a part that could not be judged; `grading` looks for it and tells the person.
UNJUDGED = "? not judged"

# Findings that every kind of question knows.
UNANSWERED = "not answered"
UNREADABLE = "not in the form that is asked for"
FOLLOWS = "follows rightly from a wrong earlier answer"

_FROM_NOTEBOOK = object()

# Characters that fit into half a screen: the notebook beside a text, or beside the file browser.
_LINE = 84

# Percent for proportions, arcmin for degrees, thousandths for wholes.
_FACTORS = (60, 100, 1000)


class QuestionError(GlmmlibError, ValueError):
    """A question or its points are written wrongly: for the author, never for a student."""


@dataclass(frozen=True)
class Verdict:
    """What an answer is worth and why: `share` of the points in [0, 1], `message` one sentence.

    `finding` is what the message says without the answer itself, so that a class can be counted by
    it: the sentence of a known mistake, for instance. It is empty where no such sentence is known.
    """

    share: float
    message: str
    finding: str = field(default="", compare=False)


@dataclass(frozen=True)
class Mistake:
    """A number that a known misconception leads to, and the sentence that names it.

    `share` in [0, 1] is the part of the points it still earns.
    """

    value: float
    message: str
    share: float = 0.0


class _Question:
    """What questions have in common: they are asked by name, and never raise at a student."""

    @property
    def known_findings(self):
        """The sentences of the misconceptions that this question names."""
        return ()

    def check(self, answer=_FROM_NOTEBOOK):
        """Print what is to be said about the notebook's variable (or `answer`): the visible check.

        It says what is missing or wrong in form, names a known mistake, and otherwise that the
        answer has the right form. It does not know the right answer and raises nothing.
        """
        if answer is _FROM_NOTEBOOK:
            answer = notebook_variable(self.name)
        print(_lines(self.comment(answer)))


@dataclass(frozen=True)
class Number(_Question):
    """A question answered by one number in `unit`, asked to `decimals` decimals.

    An answer is right within one unit of the last decimal asked. `objection`, if given, takes the
    answer (a float) and returns a sentence when a property of the right answer does not hold for
    it, else None: the visible check can so refuse an answer without knowing the right one.
    """

    name: str
    unit: str
    decimals: int = field(default=2, kw_only=True)
    mistakes: Sequence[Mistake] = field(default=(), kw_only=True)
    objection: Callable[[float], str | None] | None = field(default=None, kw_only=True)

    @property
    def known_findings(self):
        return tuple(mistake.message for mistake in self.mistakes)

    @property
    def form(self):
        """What is asked for, in words: "a number (log-odds), to 2 decimals"."""
        return f"a number ({self.unit}), to {self._precision}"

    def comment(self, answer):
        """The line that the visible check prints about `answer` (any object)."""
        try:
            number = as_number(answer)
        except Unreadable as problem:
            return f"→ {self.name} {problem} Asked for: {self.form}."
        mistake = self._mistake(number)
        if mistake:
            return f"✗ {self._said(number)}: {mistake.message}"
        objection = self._objection(number)
        if objection:
            return f"✗ {self._said(number)}: {objection}"
        return (
            f"• {self._said(number)} has the right form: {self.form}. "
            "It is graded when you submit."
        )

    def judge(self, answer, expected):
        """The Verdict on `answer` (any object), where `expected` (a number) is right.

        The right answer wins over a mistake that lies within the same tolerance; of several
        mistakes the nearest is named.
        """
        try:
            expected = as_number(expected)
        except Unreadable as problem:
            raise QuestionError(f"The expected value of {self.name} {problem}") from None
        try:
            number = as_number(answer)
        except Unreadable as problem:
            return _refused(self.name, problem)
        if self._agrees(number, expected):
            return Verdict(1.0, f"{self._said(number)} is right.")
        mistake = self._mistake(number)
        if mistake:
            return Verdict(mistake.share, f"{self._said(number)}: {mistake.message}", mistake.message)
        objection = self._objection(number)
        if objection:
            return Verdict(0.0, f"{self._said(number)}: {objection}")
        slip = self._slip(number, expected)
        if slip:
            return Verdict(0.0, f"{self._said(number)} {slip[0]}", slip[1])
        return Verdict(0.0, f"{self._said(number)} is not right. Asked for: {self.form}.")

    def apart_from(self, right):
        """This question without the mistakes that in these data lead to the number `right`.

        The visible check does not know what is right, and must not call it a mistake.
        """
        return replace(self, mistakes=[
            m for m in self.mistakes if math.isfinite(m.value) and abs(m.value - right) > 2 * self._tolerance])

    @property
    def _precision(self):
        """To what an answer has to be right, in words."""
        return f"{self.decimals} decimal" + "s" * (self.decimals != 1) if self.decimals else "the nearest whole number"

    @property
    def _tolerance(self):
        return 10.0**-self.decimals

    def _agrees(self, number, target):
        # the slack lets 0.51 agree with 0.50, which differ by a little more than 0.01 in binary
        slack = 1e-9 * self._tolerance + 1e-15 * abs(target)
        return abs(number - target) <= self._tolerance + slack

    def _slip(self, number, expected):
        """What is said of a number that is made of the right one by a usual slip, and the finding; else None."""
        if self._agrees(-number, expected):
            return "has the right size but the wrong sign.", "the wrong sign"
        factor = self._wrong_unit(number, expected)
        if factor:
            return f"is {factor} what it should be: look at the unit. Asked for: {self.form}.", "the wrong unit"
        near = self._near(number, expected)
        if near:
            return near
        for other, sentence in _other_scales(self.unit, expected):
            if self._agrees(number, other):
                return sentence, "on another scale"
        for factor, how in ((2, "twice"), (0.5, "half of")):
            if self._agrees(number, factor * expected):
                return f"is {how} what it should be.", f"{how} what it should be"
        return None

    def _near(self, number, expected):
        """What is said of a number that nearly is the right one, and the finding; else None."""
        if abs(number - expected) <= 5.001 * self._tolerance:     # 0.62 for 0.625 is rounded, too
            return (f"is close, but not right to {self._precision}: round only the last result.",
                    "close, but not right to the decimals asked for")
        coarse = [round(expected, decimals) for decimals in range(self.decimals - 2, self.decimals)]
        if number in coarse and abs(number - expected) < 0.1 * abs(expected):
            return f"is rounded too much. Asked for: {self.form}.", "rounded too much"
        return None

    def _wrong_unit(self, number, expected):
        """By which usual factor of units the answer is wrong, in words; None if by none of them."""
        for size in _FACTORS:
            for factor, how in ((size, f"{size} times"), (1 / size, f"a {size}th of")):
                target, slack = factor * expected, max(factor, 1.0) * self._tolerance
                # a number that small says nothing about its unit
                if abs(target) > 10 * slack and abs(number - target) <= slack:
                    return how
        return None

    def _mistake(self, number):
        known = [m for m in self.mistakes if self._agrees(number, m.value)]
        return min(known, key=lambda m: abs(number - m.value), default=None)

    def _objection(self, number):
        try:
            return self.objection and self.objection(number)
        except Exception:  # an objection that cannot be computed is no objection
            return None

    def _said(self, number):
        return f"{self.name} = {number:.6g}"


@dataclass(frozen=True)
class Count(Number):
    """A question answered by a whole number of things, named by `unit`; nothing near it is right."""

    @property
    def form(self):
        """What is asked for, in words: "a whole number (trials)"."""
        return f"a whole number ({self.unit})"

    @property
    def _tolerance(self):
        return 0.01

    def _near(self, number, expected):
        if abs(abs(number - expected) - 1) <= self._tolerance:
            return f"is one too {'many' if number > expected else 'few'}: count once more.", "one too many or too few"
        return None

    def _objection(self, number):
        if abs(number - round(number)) > self._tolerance:
            return f"{self.form} is asked for."
        return super()._objection(number)


@dataclass(frozen=True)
class Table(_Question):
    """A question about one property of a pandas DataFrame, such as the names of its columns.

    `property` names it in words. `problem` takes the table and returns a sentence about what is
    wrong with it, else None; it does not know the right table, so that the visible check may use
    it. `agrees` takes the table and the right one and says whether they have the property in common.
    """

    name: str
    property: str
    problem: Callable[[object], str | None] = field(kw_only=True)
    agrees: Callable[[object, object], bool] = field(kw_only=True)

    def comment(self, answer):
        """The line that the visible check prints about `answer` (any object)."""
        try:
            problem = self._problem(as_table(answer))
        except Unreadable as unreadable:
            return f"→ {self.name} {unreadable}"
        if problem:
            return f"✗ {self.name}, {self.property}: {problem}"
        return f"• {self.name}, {self.property}: nothing odd to be seen. It is graded when you submit."

    def judge(self, answer, expected):
        """The Verdict on `answer` (any object), where the DataFrame `expected` is right."""
        try:
            table = as_table(answer)
        except Unreadable as unreadable:
            return _refused(self.name, unreadable)
        with contextlib.suppress(Exception):    # a table too odd to be compared does not agree
            if self.agrees(table, expected):
                return Verdict(1.0, f"{self.name}, {self.property}: right.")
        problem = self._problem(table)
        return Verdict(0.0, f"{self.name}, {self.property}: {problem or 'this is not what was asked for.'}",
                       problem or "")

    def _problem(self, table):
        try:
            return self.problem(table)
        except Exception:  # a table so odd that it cannot be looked at
            return "this could not be looked at: is every column there, under its new name?"


@dataclass(frozen=True)
class Choice(_Question):
    """A question answered by one of `options` (texts; upper or lower case is the same).

    `mistakes` maps wrong options to what choosing them means. The visible check keeps these to
    itself, for to name the wrong options is to name the right one: they come with the grade.
    """

    name: str
    options: Sequence[str]
    mistakes: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    def __post_init__(self):
        unknown = set(self.mistakes) - set(self.options)
        if unknown:
            raise QuestionError(f"{self.name} has a mistake that is no option: {shorten(unknown)}.")

    @property
    def known_findings(self):
        return tuple(self.mistakes.values())

    @property
    def form(self):
        """What is asked for, in words: 'one of "higher", "lower"'."""
        return "one of " + ", ".join(f'"{option}"' for option in self.options)

    def comment(self, answer):
        """The line that the visible check prints about `answer` (any object)."""
        try:
            option = self._option(answer)
        except Unreadable as problem:
            return f"→ {self.name} {problem} Asked for: {self.form}."
        return self._noted(option)

    def _noted(self, option):
        return f'• {self.name} = "{option}" is one of the options. It is graded when you submit.'

    def judge(self, answer, expected):
        """The Verdict on `answer` (any object), where the option `expected` is right."""
        if expected not in self.options:
            raise QuestionError(f"The expected value of {self.name} is {shorten(expected)}, no option.")
        try:
            option = self._option(answer)
        except Unreadable as problem:
            return _refused(self.name, problem)
        if option == expected:
            return Verdict(1.0, f'{self.name} = "{option}" is right.')
        reason = self.mistakes.get(option, "")
        return Verdict(0.0, f'{self.name} = "{option}"' + (f": {reason}" if reason else " is not right."), reason)

    def _option(self, answer):
        text = as_text(answer)
        for option in self.options:
            if " ".join(text.casefold().split()) == option.casefold():
                return option
        raise Unreadable(f"is {shorten(text)}, which is none of the options: choose {self.form}.")


@dataclass(frozen=True)
class Prediction(Choice):
    """A guess made before a result is seen: any of the options earns the points."""

    def _noted(self, option):
        return f'• Your prediction is "{option}". Any prediction earns the points: now see what happens.'

    def judge(self, answer, expected=None):
        """The Verdict on `answer` (any object); there is no wrong prediction, so no `expected`."""
        try:
            option = self._option(answer)
        except Unreadable as problem:
            return _refused(self.name, problem)
        return Verdict(1.0, f'{self.name} = "{option}": you have committed yourself.')


@dataclass(frozen=True)
class Follow:
    """The right method, for who took it from a wrong earlier answer.

    `method` takes the numbers that the notebook's variables `names` say, and gives what is then
    expected; an answer that agrees earns `share` of the points.
    """

    method: Callable[..., float]
    names: Sequence[str]
    share: float = 1.0


@dataclass(frozen=True)
class Part:
    """One question of a test: what it is worth, what is right, and what follows from earlier answers.

    `expected` is the right value or a function without arguments that computes it.
    """

    points: float
    question: _Question
    expected: object = None
    follow: Follow | None = None

    def __post_init__(self):
        if not (isinstance(self.points, (int, float)) and 0 < self.points < math.inf):
            raise QuestionError(f"{self.question.name} has {shorten(self.points)} points: give a positive number.")

    @property
    def names(self):
        """The notebook's variables that judging this part looks at."""
        return (self.question.name, *(self.follow.names if self.follow else ()))

    def judge(self, answer_of):
        """The Verdict, where `answer_of` gives the answer (any object) by a variable's name."""
        expected = self.expected() if callable(self.expected) else self.expected
        verdict = self.question.judge(answer_of(self.question.name), expected)
        if self.follow is None or verdict.share >= self.follow.share:
            return verdict
        return self._followed(answer_of) or verdict

    def _followed(self, answer_of):
        try:
            earlier = [as_number(answer_of(name)) for name in self.follow.names]
            followed = self.question.judge(answer_of(self.question.name), self.follow.method(*earlier))
        except Exception:   # nothing follows from an answer that is none
            return None
        if followed.share < 1:
            return None
        return Verdict(self.follow.share, f"{self.question.name} follows rightly from your "
                                          f"{' and '.join(self.follow.names)}, which must be corrected.", FOLLOWS)


def points(*parts):
    """Judge the notebook's answers, print a line for each, return the points earned.

    Each part is `(points, question, expected)` or `(points, question, expected, Follow(...))`;
    `expected` is the right value or a function without arguments that computes it. As the last value
    of an nbgrader test cell, the returned int or float in [0, sum of points] is taken as partial
    credit. A part whose judging fails earns nothing, says so in one sentence, and leaves the others
    as they are. When a class is graded, `parts_asked` collects the parts instead and they are judged
    far from the notebook.
    """
    parts = [Part(*part) for part in parts]
    if _asked is not None:
        _asked.extend(parts)
        return None
    _clear_cell_output()
    earned, lines = judge_all(parts, notebook_variable)
    print(*lines, sep="\n")
    return earned


def judge_all(parts, answer_of):
    """The points earned by all `parts` (a plain number) and a line for each of them.

    `answer_of` gives the answer (any object) by a variable's name.
    """
    earned, lines = 0.0, []
    for part, verdict in zip(parts, verdicts_on(parts, answer_of), strict=True):
        if verdict.finding == UNJUDGED:
            lines.append(f"{UNJUDGED}: {verdict.message}")
            continue
        gained = part.points * verdict.share
        earned += gained
        mark = "✓" if verdict.share == 1 else "✗"
        lines.append(f"{mark} {verdict.message} ({gained:g} of {part.points:g} point{'s' * (part.points != 1)})")
    return (int(earned) if earned == int(earned) else float(earned)), lines


def verdicts_on(parts, answer_of):
    """The Verdict on each part, in order; if judging it fails, one with the finding UNJUDGED."""
    return [_verdict(part, answer_of) for part in parts]


def _verdict(part, answer_of):
    try:
        return _quietly(part.judge, answer_of)
    except Exception as failure:
        reason = " ".join(f"{type(failure).__name__}: {failure}".split())
        return Verdict(0.0, f"{part.question.name} could not be judged by itself ({reason}); "
                            "your instructor will look at it.", UNJUDGED)


def _other_scales(unit, right):
    """What the number `right` becomes on a scale that is mistaken for its own: pairs (number, sentence)."""
    if "log-odds" in unit and "squared" not in unit and abs(right) < 100:
        yield math.exp(right), "is the exponential of what is asked for: odds instead of log-odds."
        yield 1 / (1 + math.exp(-right)), "is the inverse logit of what is asked for: log-odds are to stay log-odds."
    if ("probability" in unit or "proportion" in unit) and " per " not in unit:
        yield 1 - right, "is the other part: together with what is asked for it makes 1."
        if 0 < right < 1:
            yield math.log(right / (1 - right)), "is the logit of what is asked for: apply the inverse link."
            yield right / (1 - right), "are odds: divide them by 1 + odds to have what is asked for."


def _refused(name, problem):
    return Verdict(0.0, f"{name} {problem}", UNANSWERED if isinstance(problem, Unanswered) else UNREADABLE)


_asked = None


@contextlib.contextmanager
def parts_asked():
    """The parts that calls of `points` ask meanwhile, unjudged: a list that grows."""
    global _asked
    before, _asked = _asked, []
    try:
        yield _asked
    finally:
        _asked = before


def _quietly(function, *arguments):
    # nbgrader gives no points to a cell that wrote to stderr, as every warning does
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        return function(*arguments)


def _clear_cell_output():
    # What the visible check printed would be said twice, and a warning given before this call
    # would cost the points (see `_quietly`).
    if _in_notebook():
        from IPython.display import clear_output

        clear_output()


def _lines(sentence):
    """The sentence as a notebook is to show it: JupyterLab would break a long line within a word."""
    if not _in_notebook():
        return sentence
    return textwrap.fill(sentence, _LINE, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _in_notebook():
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return get_ipython() is not None
