"""Response distributions and links: elementwise, stable at any linear predictor."""

import numpy as np
from scipy.special import expit, logit

from .errors import DataError


class Logit:
    """Link g(mu) = log(mu / (1 - mu))."""

    name = "logit"

    @staticmethod
    def link(mu):
        return logit(mu)

    @staticmethod
    def inverse(eta):
        return expit(eta)


class Binomial:
    """Binary responses, y in {0, 1}."""

    name = "binomial"
    link = Logit()

    def check_response(self, y, name):
        """Raise DataError unless y (N,) holds zeros and ones of both kinds."""
        wrong = np.setdiff1d(y, [0.0, 1.0])
        if wrong.size:
            raise DataError(
                f"The response '{name}' must be 0 or 1 (or False/True) for family='binomial', "
                f"but it holds {', '.join(f'{value:g}' for value in wrong[:3])}: recode it.")
        if y.size and np.all(y == y[0]):
            raise DataError(
                f"The response '{name}' is {y[0]:g} in all {len(y)} rows, so there is nothing "
                "to explain: check how it was coded.")

    @staticmethod
    def variance(mu):
        return mu * (1 - mu)


FAMILIES = {"binomial": Binomial}


def get_family(name):
    """The family called name; DataError when there is none."""
    if isinstance(name, Binomial):
        return name
    try:
        return FAMILIES[name]()
    except (KeyError, TypeError):
        raise DataError(
            f"There is no family {name!r}; choose one of: {', '.join(map(repr, FAMILIES))}.") from None
