"""Simpler random effects, one step at a time.

The order is the tutorial's (Jaeger 2020, equations 17-20), which is that of Bates, Kliegl, Vasishth
& Baayen (2015, Parsimonious mixed models): first the correlations, then the random slopes of the
highest-order interactions, those with the smallest variance first; never an effect whose
interaction still varies, and the intercept last. It is one path among several: with correlations
kept, the slope that goes could be another.
"""

import re
from dataclasses import dataclass

import numpy as np

from .formula import MixedFormula


@dataclass(frozen=True)
class Varying:
    """One random term, read: effects are the factors of each product, () for the intercept.

    text : the expression as it was written, None once an effect has gone.
    """

    effects: tuple[tuple[str, ...], ...]
    group: str
    factors: tuple[str, ...]
    correlated: bool
    text: str | None

    def __str__(self):
        names = [":".join(effect) for effect in self.effects if effect]
        written = self.text or " + ".join(["1" if () in self.effects else "0", *names])
        bar = "|" if self.correlated or self.effects == ((),) else "||"
        return f"({written} {bar} {':'.join(self.factors)})"


@dataclass(frozen=True)
class Step:
    """A simpler formula, and what was taken away to get there."""

    formula: str
    change: str


def reductions(design, fit) -> list[Step]:
    """The path from a fitted model to the simplest random effects, by the fitted variances.

    Which effect goes first depends on variances, and these change with every refit: `stepwise`
    fits each formula before it takes the next one.
    """
    terms, steps = read_random(design.formula), []
    while (found := _simpler(terms, design, fit)) is not None:
        terms, change = found
        steps.append(Step(formula_text(design.formula, terms), change))
    return steps


def read_random(formula: MixedFormula):
    """The formula's random terms as `Varying`."""
    return tuple(
        Varying(_effects(term.expression), term.group, getattr(term, "factors", (term.group,)),
                term.correlated, term.expression)
        for term in formula.random)


def formula_text(formula, terms):
    """The formula with other random terms."""
    offsets = [f"offset({offset})" for offset in getattr(formula, "offsets", ())]
    return f"{formula.response} ~ " + " + ".join([formula.fixed, *offsets, *map(str, terms)])


def _effects(expression):
    from formulaic import Formula

    return tuple(tuple(str(f).strip("`") for f in term.factors if f.expr != "1") for term in Formula(expression))


def _simpler(terms, design, fit):
    """(terms, change) one step down; None when one intercept or effect is all that varies."""
    correlated = [term for term in terms if term.correlated and len(_columns(term, design)[1]) > 1]
    if correlated:
        # Where a direction is degenerate, else where the fewest groups have to tell most correlations.
        null = {space.factor for space in fit.certificate.null}

        def rank(term):
            t, columns = _columns(term, design)
            return t not in null, len(design.blocks[t].levels) / (len(columns) * (len(columns) - 1))

        worst = min(correlated, key=rank)
        changed = Varying(worst.effects, worst.group, worst.factors, False, worst.text)
        return _replaced(terms, worst, changed), f"correlations of {worst.group}"

    candidates = [
        (-len(effect), _variance(effect, term, design, fit), term, effect)
        for term in terms for effect in term.effects
        if not any(set(effect) < set(other) for sibling in terms if sibling.group == term.group
                   for other in sibling.effects)]
    if sum(len(term.effects) for term in terms) < 2:
        return None
    _, _, term, effect = min(candidates, key=lambda candidate: candidate[:2])
    rest = tuple(other for other in term.effects if other != effect)
    changed = Varying(rest, term.group, term.factors, False, None) if rest else None
    return _replaced(terms, term, changed), f"{':'.join(effect) or '(Intercept)'} by {term.group}"


def _replaced(terms, old, new):
    return tuple(new if term is old else term for term in terms if term is not old or new is not None)


def _variance(effect, term, design, fit):
    """What an effect's random coefficients add to the variance of eta, on average over rows: the
    predictor's unit does not matter."""
    t, columns = _columns(term, design)
    own = [i for i in columns if _effect_of(design.blocks[t].columns[i], term.effects) == effect]
    variances = np.sum(fit.Lambdas[t] ** 2, axis=1)
    return float(variances[own] @ np.mean(design.blocks[t].Z[:, own] ** 2, axis=0))


def _columns(term, design):
    """(factor, indices of its columns that belong to a term)."""
    t = next(t for t, block in enumerate(design.blocks) if block.group == term.group)
    return t, [i for i, name in enumerate(design.blocks[t].columns) if _effect_of(name, term.effects) is not None]


def _effect_of(column, effects):
    """Which of the effects a coefficient's name belongs to: Size:Conditioncrowded to
    ("Size", "Condition"). None when to none of them."""
    def plain(text):
        return re.sub(r"[\s`'\"]", "", text).replace("**", "^")

    found = [effect for effect in effects if re.fullmatch(
        ":".join(re.escape(plain(factor)) + "[^:]*" for factor in effect) or r"\(Intercept\)", plain(column))]
    return max(found, key=lambda effect: sum(map(len, effect)), default=None)
