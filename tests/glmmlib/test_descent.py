"""The quasi-Newton descent on functions whose minimum is known."""

import numpy as np
import pytest

from glmmlib.descent import descend
from glmmlib.objective import FAILED


def rosenbrock(x):
    a, b = 1 - x[0], x[1] - x[0] ** 2
    return a**2 + 100 * b**2, np.array([-2 * a - 400 * x[0] * b, 200 * b])


@pytest.mark.parametrize("size", [1e-4, 1e-2, 1.0, 100.0])
def test_it_finds_the_minimum_whatever_the_first_guess_of_the_curvature(size):
    x = descend(rosenbrock, np.array([-1.2, 1.0]), size * np.eye(2), 1e-14)
    np.testing.assert_allclose(x, 1, atol=1e-5)


def test_it_turns_back_where_there_is_no_value():
    def walled(x):
        return (FAILED, np.zeros(1)) if x[0] > 1.5 else (-np.log1p(x[0]) + x[0] / 2, np.array([0.5 - 1 / (1 + x[0])]))

    assert descend(walled, np.array([0.0]), 10 * np.eye(1), 1e-14)[0] == pytest.approx(1, abs=1e-5)


def test_it_stops_where_it_is_told_to():
    x = descend(lambda x: (-x[0], np.array([-1.0])), np.zeros(1), np.eye(1), 1e-9, escaped=lambda x: x[0] > 10)
    assert 10 < x[0] < 1e3


def test_nothing_to_minimise():
    assert descend(lambda x: (1.0, np.zeros(0)), np.zeros(0), np.zeros((0, 0)), 1e-9).shape == (0,)
