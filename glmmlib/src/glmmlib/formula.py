"""Splits a mixed-model formula into its fixed part and its random terms.

Only the bars are ours: `y ~ 1 + x + (1 + x | g)` becomes the response `y`, the fixed part
`1 + x` and one random term (`1 + x`, group `g`). What stands on either side of a bar goes to
formulaic, which knows interactions, transforms and contrasts.
"""

import re
from dataclasses import dataclass

from .errors import FormulaError


@dataclass(frozen=True)
class RandomTerm:
    """`(expression | group)`, or `(expression || group)` when not correlated."""

    expression: str
    group: str
    correlated: bool


@dataclass(frozen=True)
class MixedFormula:
    text: str
    response: str
    fixed: str
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
    response, tilde, right = text.partition("~")
    if not tilde or not response.strip() or not right.strip():
        raise FormulaError(
            f"The formula '{text}' needs a response and predictors around a '~', "
            "as in 'y ~ 1 + x + (1 | g)'.")
    fixed, random = [], []
    for summand in _split(right, "+", text):
        summand = summand.strip()
        if not summand:
            raise FormulaError(f"The formula '{text}' has a '+' with nothing on one side: remove it.")
        if _is_random(summand):
            random.append(_random_term(summand[1:-1], text))
        elif "|" in _outside_parentheses(summand) or re.search(r"(?<!\w)\([^()]*\|", summand):
            raise FormulaError(
                f"Put random effects in parentheses of their own and add them with '+': "
                f"'+ (1 + x | g)' instead of '{summand}'.")
        else:
            fixed.append(summand)
    if random and not mixed:
        raise FormulaError(f"'{text}' has random effects: use glmer for it, or remove them.")
    if mixed and not random:
        raise FormulaError(
            f"The formula '{text}' has no random effects: add a term such as '(1 | Subject)', "
            "or fit a GLM (for example with statsmodels).")
    return MixedFormula(text, response.strip(), " + ".join(fixed) or "1", tuple(random))


def _split(text, separator, formula):
    """The parts of text between separators that stand outside all parentheses and quotes."""
    parts, depth, quote, start = [], 0, None, 0
    for position, character in enumerate(text):
        if quote:
            quote = None if character == quote else quote
        elif character in "'\"`":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth < 0:
                break
        elif character == separator and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    if depth or quote:
        raise FormulaError(
            f"The formula '{formula}' has an unmatched parenthesis or quote: check that each is closed.")
    return [*parts, text[start:]]


def _outside_parentheses(summand):
    depth, outside = 0, []
    for character in summand:
        depth += (character in "([{") - (character in ")]}")
        if depth == 0:
            outside.append(character)
    return "".join(outside)


def _is_random(summand):
    """True for `( ... | ... )` whose outer parentheses belong together."""
    return (
        summand[0] == "(" and summand[-1] == ")"
        and _outside_parentheses(summand) == ")"
        and "|" in _outside_parentheses(summand[1:-1])
    )


def _random_term(inside, formula):
    parts = [part.strip() for part in _split(inside, "|", formula)]
    correlated = len(parts) == 2
    if len(parts) == 3 and parts[1] == "":
        parts = [parts[0], parts[2]]
    if len(parts) != 2 or not all(parts):
        raise FormulaError(
            f"The random term '({inside})' must be '(effects | group)' or '(effects || group)'.")
    return RandomTerm(parts[0], parts[1], correlated)
