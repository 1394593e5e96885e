"""Splits a mixed-model formula into its response, fixed part, offsets and random terms.

Only the bars and the offsets are ours: `y ~ 1 + x + offset(log(t)) + (1 + x | a/b)` becomes the
response `y`, the fixed part `1 + x`, the offset `log(t)` and two random terms, `1 + x` by `b:a` and
by `a`. What stands left of a bar, and the fixed part, are read by `model_matrix`.
"""

import re
from dataclasses import dataclass

from .errors import FormulaError

_COLUMN = re.compile(r"[^\W\d][\w.]*|`[^`]+`")


@dataclass(frozen=True)
class RandomTerm:
    """`(expression | group)`, or `(expression || group)` when not correlated.

    group : lme4's name of the grouping factor; factors : the columns whose combinations are its
    levels, in the order in which the name has them.
    """

    expression: str
    group: str
    factors: tuple[str, ...]
    correlated: bool


@dataclass(frozen=True)
class MixedFormula:
    text: str
    response: str
    fixed: str
    offsets: tuple[str, ...]
    random: tuple[RandomTerm, ...]


def parse(text: str, mixed: bool = True) -> MixedFormula:
    """Read a formula in lme4's notation; with mixed=False one without random terms.

    Raises
    ------
    FormulaError
        When there is no response, no random term (or, for mixed=False, one), or the notation
        cannot be read.
    """
    if not isinstance(text, str):
        raise FormulaError(
            f"The formula must be text such as 'y ~ 1 + x + (1 | g)', not {type(text).__name__}.")
    text = re.sub(r"\s*\n\s*", " ", text).strip()  # formulas may be written on several lines
    response, tilde, right = text.partition("~")
    if not tilde or not response.strip() or not right.strip():
        raise FormulaError(
            f"The formula '{text}' needs a response and predictors around a '~', "
            "as in 'y ~ 1 + x + (1 | g)'.")
    if any(character == "~" for _, character in _outside(right, text)):
        raise FormulaError(f"The formula '{text}' has more than one '~': keep the one after the response.")
    fixed, offsets, random = [], [], []
    for sign, summand in _summands(right, text):
        inside = _enclosed(summand, text)
        offset = summand.startswith("offset") and _enclosed(summand[6:].strip(), text)
        if sign == "-" and (offset or inside and "|" in inside):
            raise FormulaError(f"'{summand}' can be added but not taken away: write it with a '+', or leave it out.")
        if offset:
            offsets.append(offset)
        elif inside and _has_bar(inside, text):
            random += _random_terms(inside, text)
        elif _has_bar(summand, text) or re.search(r"(?<!\w)\([^()]*\|", summand):
            raise FormulaError(
                f"Put random effects in parentheses of their own and add them with '+': "
                f"'+ (1 + x | g)' instead of '{summand}'.")
        else:
            fixed.append(f"{sign} {summand}")
    if random and not mixed:
        raise FormulaError(f"'{text}' has random effects: use glmer for it, or remove them.")
    if mixed and not random:
        raise FormulaError(
            f"The formula '{text}' has no random effects: add a term such as '(1 | Subject)', "
            "or fit a GLM (for example with statsmodels).")
    return MixedFormula(text, response.strip(), " ".join(fixed).removeprefix("+ ") or "1",
                        tuple(offsets), tuple(random))


def _outside(text, formula):
    """(position, character) of what stands outside all parentheses and quotes, which are
    themselves given by their first and last character."""
    closing, quote = [], None
    for position, character in enumerate(text):
        if quote:
            if character == quote:
                quote = None
            continue
        if character in ")]}" and (not closing or character != closing.pop()):
            closing = [character]
            break
        if not closing:
            yield position, character
        if character in "'\"`":
            quote = character
        elif character in "([{":
            closing.append(")]}"["([{".index(character)])
    if closing or quote:
        raise FormulaError(
            f"The formula '{formula}' has an unmatched parenthesis or quote: check that each is closed.")


def _split(text, separators, formula):
    """[(separator before it, part)] of text, the first with a separator of ''."""
    cuts = [(p, c) for p, c in _outside(text, formula) if c in separators]
    starts = [("", 0), *((c, p + 1) for p, c in cuts)]
    ends = [*(p for p, _ in cuts), len(text)]
    return [(c, text[start:end].strip()) for (c, start), end in zip(starts, ends)]


def _summands(text, formula):
    """(sign, summand) of a sum; a sign may lead, and '+ -' is a minus."""
    parts = _split(text, "+-", formula)
    following = [*(sign for sign, _ in parts[1:]), None]
    for i, ((sign, summand), after) in enumerate(zip(parts, following)):
        if summand:
            yield sign or "+", summand
        elif i > 0 and (sign, after) != ("+", "-"):
            raise FormulaError(
                f"The formula '{formula}' has a '{sign}' with nothing on one side: remove it.")


def _enclosed(text, formula):
    """What stands between text's outer parentheses if they belong together, else None."""
    ends = [(0, "("), (len(text) - 1, ")")]
    return text[1:-1].strip() if list(_outside(text, formula)) == ends else None


def _has_bar(text, formula):
    return any(character == "|" for _, character in _outside(text, formula))


def _random_terms(inside, formula):
    """The random terms of `effects | a/b`, the finest grouping first as in lme4."""
    parts = [part for _, part in _split(inside, "|", formula)]
    correlated = len(parts) == 2
    if len(parts) == 3 and parts[1] == "":
        parts = [parts[0], parts[2]]
    if len(parts) != 2 or not all(parts):
        raise FormulaError(
            f"The random term '({inside})' must be '(effects | group)' or '(effects || group)'.")
    terms, name, factors = [], "", ()
    for _, level in _split(_enclosed(parts[1], formula) or parts[1], "/", formula):
        columns = [column for _, column in _split(level, ":", formula)]
        if not all(_COLUMN.fullmatch(column) for column in columns):
            raise FormulaError(
                f"The random term '({inside})' must be grouped by columns, as in 'g', 'a:b' or "
                f"'a/b': make '{parts[1]}' a column of the data first.")
        columns = tuple(column.strip("`") for column in columns)
        # lme4's names: a/b/c is a, b:a and c:(b:a)
        within = f"({name})" if ":" in name else name
        name, factors = ":".join([*columns, *([within] if within else [])]), columns + factors
        terms.append(RandomTerm(parts[0], name, factors, correlated))
    return terms[::-1]
