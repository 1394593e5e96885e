"""Ways to write an answer that have nothing to do with what is asked: the same for every question.

A form is code in which `x` is the right answer: a number, or one of the options. What may be wrong
with it is said with the words that the student must be told; HINT stands for any sentence that says
more than "is not right", for a catalogue may name the same mistake in its own words.
"""

from decimal import Decimal
from fractions import Fraction
from itertools import islice

import numpy as np
import pandas as pd

from glmmlib.teaching.checks import Choice, Count, Table

HINT = None
BARE = (" is not right", "not what was asked for")     # what is said when nothing is known about the mistake

# what the forms use; stands in every cell that a student of the bank writes
IMPORTS = "from decimal import Decimal\nfrom fractions import Fraction\nimport numpy as np\nimport pandas as pd\n"

RIGHT_NUMBERS = [
    "np.float32(x)", "str(x)", "np.array([x])", "round(x, {decimals})", "pd.Series([x])", "Decimal(str(x))",
    "format(x, '.{decimals}f')", "[x]", "x + 0.9 * {tolerance}", "np.array(x)",
    "' ' + str(x).replace('-', '\u2212') + ' '", "np.float64(x)", "pd.DataFrame([[x]])", "(x,)", "x - 0.9 * {tolerance}",
    "Fraction(x)", "pd.Series([x], index=['x']).iloc[[0]]",
]
RIGHT_WHOLE_NUMBERS = ["int(x)", "str(int(x))", "np.int64(x)", "np.array([int(x)])", "float(x)", "pd.Series([int(x)])",
                       "[str(int(x))]", "Decimal(int(x))"]
WRONG_FORMS = {
    "None": "is not answered yet",
    "[x, x]": "holds 2 values where one is asked for",
    "f'{{x}} or so'": "give the number alone, without quotes, unit or words",
    "np.nan * x": "is NaN",
    "x > 0": "a number is asked for, not a comparison",
    "lambda: x": "call it, with ( )",
    "np.full((2, 2), x)": "holds 4 values where one is asked for",
    "f'{{x:.3f}}'.replace('.', ',')": "write the decimals after a point, not a comma",
    "x / np.zeros(1)": "is infinite",
    "complex(x, 1)": "is a complex number",
    "[]": "holds 0 values",
    "{{'x': x}}": "is a dict, not a number: take from it the number asked for",
    "''": "is not answered yet",
}
WRONG_NUMBERS = {
    "-x": HINT, "60 * x": HINT, "x + 1.1 * {tolerance}": HINT, "x / 60": HINT, "1000 * x": HINT,
    "round(x, {decimals} - 1)": HINT, "100 * x": HINT, "x / 1000": HINT, "x - 1.1 * {tolerance}": HINT, "x / 100": HINT,
    "2 * x": HINT, "x / 2": HINT, "round(x, {decimals} - 2)": HINT,
}
WRONG_SCALES = {        # words of the unit -> slips
    "log-odds": {"np.exp(x)": HINT, "1 / (1 + np.exp(-x))": HINT},
    "probability": {"1 - x": HINT, "np.log(x / (1 - x))": HINT},
    "proportion": {"1 - x": HINT, "x / (1 - x)": HINT},
}
WRONG_WHOLE_NUMBERS = {"x + 1": HINT, "-x": HINT, "x - 0.5": HINT, "x - 1": HINT}

RIGHT_OPTIONS = ["x.upper()", "f'  {x} '", "[x]", "np.array([x])", "x.title()", "np.str_(x)", "pd.Series([x])"]
WRONG_OPTIONS = {
    "x + '?'": "which is none of the options",
    "None": "is not answered yet",
    "[x, 'perhaps']": "holds 2 values where one is asked for",
    "len(x)": "is a int, not a text: put an option in quotes",
    "'neither this nor that'": "which is none of the options",
    "bool(x)": "is a bool, not a text: put an option in quotes",
    "' '": "is not answered yet",
    "x * 2": "which is none of the options",
    "np.nan": "is a float, not a text",
}

RIGHT_TABLES = ["[x]", "x.copy()", "x.set_index(pd.Index(range(len(x), 0, -1)))", "(x,)"]
WRONG_TABLES = {
    "None": "is not answered yet",
    "17": "is a int, not a table",
    "x.to_numpy()": "is a ndarray, not a table",
    "x.to_dict()": "is a dict, not a table",
    "x.copy": "call it, with ( )",
    "[x, x]": "is a list, not a table",
}


def right_forms(question, expected):
    """Forms of a right answer, each code in which `x` is that answer."""
    if isinstance(question, Choice):
        return RIGHT_OPTIONS
    if isinstance(question, Table):
        return RIGHT_TABLES
    whole = RIGHT_WHOLE_NUMBERS if isinstance(question, Count) else []
    return [_filled_in(form, question) for form in [*whole, *RIGHT_NUMBERS]]


def wrong_forms(question, expected):
    """Wrong forms -> words of what must be said, or HINT."""
    if isinstance(question, Choice):
        return WRONG_OPTIONS
    if isinstance(question, Table):
        return WRONG_TABLES
    amiss = WRONG_WHOLE_NUMBERS if isinstance(question, Count) else WRONG_NUMBERS | _wrong_scales(question.unit)
    amiss = {form: words for form, words in amiss.items() if _is_wrong(form, question, float(np.squeeze(expected)))}
    # by turns, so that whoever takes a few of them has some of each
    mixed, rest = {}, iter(WRONG_FORMS.items())
    for form, words in amiss.items():
        mixed[form] = words
        mixed.update(islice(rest, 1))
    mixed.update(rest)
    return {_filled_in(form, question): words for form, words in mixed.items()}


def _wrong_scales(unit):
    slips = {}
    for scale, forms in WRONG_SCALES.items():
        if scale in unit and " per " not in unit and "squared" not in unit:     # those have a scale of their own
            slips |= forms
    return slips


def evaluated(form, x):
    """The value of a form for the right answer `x`."""
    return eval(form, {"x": x, "np": np, "pd": pd, "Decimal": Decimal, "Fraction": Fraction})


def _filled_in(form, question):
    return form.format(decimals=question.decimals, tolerance=question._tolerance)


def _is_wrong(form, question, expected):
    """Whether the form is a wrong answer to the question in these data, and far enough from 0 to say why."""
    value = evaluated(_filled_in(form, question), expected)
    if any(mistake.share and abs(value - mistake.value) <= question._tolerance for mistake in question.mistakes):
        return False                                         # it is worth something
    factor = max(1.0, abs(value / expected)) if expected else 1.0
    if form.startswith("x /") or "00 *" in form or "60 *" in form:  # a number that small says nothing about its unit
        return abs(value) > 10.5 * factor * question._tolerance
    if form.startswith("round") and abs(value - expected) >= 0.1 * abs(expected):       # could be anything
        return False
    return abs(value - expected) > 1.05 * question._tolerance
