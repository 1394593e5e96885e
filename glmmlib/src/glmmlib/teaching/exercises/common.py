"""What the catalogues of several sections use."""

from ..checks import Count, Number

# The tutorial's coding: the intercept lies midway between the conditions.
CODING = {"Condition": {"Crowded.vs.Uncrowded": {"uncrowded": -0.5, "crowded": 0.5}}}


def number(name, unit, right, mistakes, **options):
    """A Number whose mistakes can be told from the right answer."""
    return Number(name, unit, mistakes=mistakes, **options).apart_from(right)


def count(name, unit, right, mistakes):
    """A Count whose mistakes can be told from the right answer."""
    return Count(name, unit, mistakes=mistakes).apart_from(right)


def crossing(b, condition, eta):
    """The centred size at which coefficients b (4,) reach eta in a condition (coded -0.5, 0.5)."""
    return (eta - b[0] - b[2] * condition) / (b[1] + b[3] * condition)
