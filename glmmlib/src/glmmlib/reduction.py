"""Simpler random effects, one step at a time.

The order is the tutorial's (Jaeger 2020, equations 17-20), which is that of Bates, Kliegl, Vasishth
& Baayen (2015, Parsimonious mixed models): first the correlations, then the random slopes of the
highest-order interactions, those with the smallest variance first; never an effect whose
interaction still varies, and the intercept last. It is one path among several: with correlations
kept, the slope that goes could be another.
"""

from dataclasses import dataclass, replace
from math import prod

import numpy as np


@dataclass(frozen=True)
class Varying:
    """One random term: what varies by a grouping factor.

    text : the expression as it was written; None once an effect has gone.
    effects : the variables of each product, () for the intercept -> its columns in the block.
    factor : index of the block; group, factors : its name, and the columns that make it.
    """

    text: str | None
    effects: dict[tuple[str, ...], list[int]]
    factor: int
    group: str
    factors: tuple[str, ...]
    correlated: bool

    @property
    def size(self):
        """How many coefficients vary."""
        return sum(map(len, self.effects.values()))

    def __str__(self):
        names = [":".join(effect) for effect in self.effects if effect]
        written = self.text or " + ".join(["1" if () in self.effects else "0", *names])
        return f"({written} {'|' if self.correlated or self.size == 1 else '||'} {':'.join(self.factors)})"


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
    terms, steps = read_random(design), []
    while (found := _simpler(terms, design, fit)) is not None:
        terms, change = found
        steps.append(Step(formula_text(design.formula, terms), change))
    return steps


def read_random(design):
    """The design's random terms as `Varying`, in the formula's order."""
    matrices = [iter(sides) for sides in design.random]
    groups, starts, terms = [block.group for block in design.blocks], [0] * len(design.blocks), []
    for term in design.formula.random:
        t, effects = groups.index(term.group), {}
        for product in next(matrices[t]).terms:
            size = prod(len(variable.suffixes[full]) for variable, full in product)
            effects[tuple(variable.name for variable, _ in product)] = list(range(starts[t], starts[t] + size))
            starts[t] += size
        terms.append(Varying(term.expression, effects, t, term.group, term.factors, term.correlated))
    return tuple(terms)


def formula_text(formula, terms):
    """The formula with other random terms."""
    offsets = [f"offset({offset})" for offset in formula.offsets]
    return f"{formula.response} ~ " + " + ".join([formula.fixed, *offsets, *map(str, terms)])


def _simpler(terms, design, fit):
    """(terms, change) one step down; None when one effect is all that varies."""
    correlated = [term for term in terms if term.correlated and term.size > 1]
    if correlated:
        # Where a direction is degenerate, else where the fewest groups have to tell most correlations.
        null = {space.factor for space in fit.certificate.null}
        worst = min(correlated, key=lambda term: (
            term.factor not in null, len(design.blocks[term.factor].levels) / (term.size * (term.size - 1))))
        return _replaced(terms, worst, replace(worst, correlated=False)), f"correlations of {worst.group}"
    if sum(len(term.effects) for term in terms) < 2:
        return None
    # An effect may go unless it is part of an interaction that varies by the same factor.
    _, _, term, effect = min((
        (-len(effect), _variance(design.blocks[term.factor], fit.Lambdas[term.factor], columns), term, effect)
        for term in terms for effect, columns in term.effects.items()
        if not any(set(effect) < set(other) for sibling in terms if sibling.factor == term.factor
                   for other in sibling.effects)), key=lambda candidate: candidate[:2])
    rest = {other: columns for other, columns in term.effects.items() if other != effect}
    changed = replace(term, text=None, effects=rest) if rest else None
    return _replaced(terms, term, changed), f"{':'.join(effect) or '(Intercept)'} by {term.group}"


def _replaced(terms, old, new):
    return tuple(new if term is old else term for term in terms if term is not old or new is not None)


def _variance(block, Lambda, columns):
    """What random coefficients add to the variance of eta, on average over rows: the predictor's
    unit does not matter."""
    variances = np.sum(Lambda[columns] ** 2, axis=1)
    return float(variances @ np.mean(block.Z[:, columns] ** 2, axis=0))
