"""An objective with some of its parameters held at given values.

The values define a surface in phi's space. A free vector psi, as long as phi, is moved onto it by
`place`, and f(place(psi)) is minimised over psi with the exact gradient J'g, J being place's
derivative. Each kind of parameter has its own simple move:

- a fixed effect: the orthogonal projection onto the plane where it has its value;
- a standard deviation, the length of a row r of Lambda: r -> s r / |r|;
- a correlation, the cosine between two rows: the later row keeps its length and is turned, in the
  plane of the two, until the cosine is right.

psi has directions that change nothing; the gradient is zero in them, so no search ever goes there.
"""

import numpy as np
from scipy.special import logit

from .errors import DataError

NO_LAPSE = 1e-12  # what zero is on the logit scale


class Held:
    """Callable: psi (m,) -> deviance, gradient (m,), at the phi = place(psi) nearby.

    Parameters
    ----------
    objective : Objective whose phi holds beta if a fixed effect is held.
    values : list of (Parameter, value).
    """

    def __init__(self, objective, values):
        self.objective, self.turns, self.lengths, self.coordinates = objective, [], [], []
        fixef = [(parameter.i, value) for parameter, value in values if parameter.kind == "fixef"]
        for parameter, value in values:
            getattr(self, f"_hold_{parameter.kind}")(parameter, value)
        turned = [parameter.factor for parameter, _ in values if parameter.kind == "cor"]
        if len(set(turned)) < len(turned):
            raise DataError("Only one correlation of a grouping factor can be held at a time.")
        A = objective.to_beta[[i for i, _ in fixef]]
        self.plane = A, np.array([value - objective.origin[i] for i, value in fixef]), np.linalg.pinv(A)

    def _hold_fixef(self, parameter, value):
        if self.objective.inner:
            raise DataError(
                "Fixed effects that are solved for together with the random ones (REML, nAGQ=0) cannot be held: "
                "fit with REML=False or nAGQ=1.")

    def _hold_sd(self, parameter, value):
        if not value >= 0:
            raise DataError(f"A standard deviation must be 0 or more, not {value:g}.")
        row, _ = self._row(parameter.factor, parameter.i)
        self.lengths.append((row, value * self.objective.z_scale[parameter.factor][parameter.i]))

    def _hold_cor(self, parameter, value):
        if not -1 <= value <= 1:
            raise DataError(f"A correlation must lie between -1 and 1, not {value:g}.")
        (first, columns), (later, within) = (self._row(parameter.factor, k) for k in (parameter.i, parameter.j))
        shared = np.searchsorted(within, columns)  # where the earlier row's entries stand in the later one
        self.turns.append((first, later, shared, value))

    def _hold_sigma(self, parameter, value):
        if not value > 0:
            raise DataError(f"sigma must be positive, not {value:g}.")
        self.coordinates.append((self.objective.dispersion_at.start, 2 * np.log(value)))

    def _hold_lapse(self, parameter, value):
        room = 1 - self.objective.family.guess
        if not 0 <= value < room:
            raise DataError(f"The lapse rate must be 0 or more and below {room:g}, not {value:g}.")
        self.coordinates.append((self.objective.free.start, logit(max(value / room, NO_LAPSE))))

    def _row(self, factor, i):
        """Where the free entries of Lambda's row i stand in phi, and their columns, in order."""
        rows, columns = self.objective.entries[factor]
        own = np.flatnonzero(rows == i)
        return self.objective.thetas[factor].start + own, columns[own]

    def start(self, phi):
        """A psi near phi from which every move is defined: no row without a direction."""
        psi = phi.copy()
        for row, _ in self.lengths:
            if np.linalg.norm(psi[row]) < 1e-6:
                psi[row[-1]] = 1.0
        for first, later, shared, _ in self.turns:
            if np.linalg.norm(psi[first]) < 1e-6:
                psi[first[-1]] = 1e-3
            if np.linalg.norm(psi[later]) < 1e-6:
                psi[later[-1]] = 1e-3
            _, _, _, across, _ = _turn(psi[first], psi[later], shared)
            if np.linalg.norm(across) < 1e-6 * np.linalg.norm(psi[later]):
                psi[later[-1]] += 1e-3 * np.linalg.norm(psi[later])
        return psi

    def place(self, psi):
        """phi (m,) on the surface."""
        return self._moved(psi)[0]

    def _moved(self, psi):
        phi = psi.copy()
        for at, value in self.coordinates:
            phi[at] = value
        A, values, pseudo_inverse = self.plane
        if len(values):
            at = self.objective.beta_at
            phi[at] -= pseudo_inverse @ (A @ phi[at] - values)
        for row, length in self.lengths:
            phi[row] *= length / np.linalg.norm(phi[row])
        before = phi.copy()
        for first, later, shared, value in self.turns:
            along, length, _, across, _ = _turn(phi[first], phi[later], shared)
            phi[later] = length * (value * along + np.sqrt(1 - value**2) * _unit(across))
        return phi, before

    def pull(self, psi, gradient):
        """J'g (m,): the derivative in psi of what has the gradient g (m,) at place(psi)."""
        g, (_, before) = gradient.copy(), self._moved(psi)
        for first, later, shared, value in reversed(self.turns):
            g_first, g_later = _pull_turn(before[first], before[later], shared, value, g[later])
            g[first] += g_first
            g[later] = g_later
        for row, length in self.lengths:
            size, unit = np.linalg.norm(psi[row]), _unit(psi[row])
            g[row] = length / size * (g[row] - unit * (unit @ g[row]))
        A, values, pseudo_inverse = self.plane
        if len(values):
            at = self.objective.beta_at
            g[at] -= A.T @ (pseudo_inverse.T @ g[at])
        for at, _ in self.coordinates:
            g[at] = 0.0
        return g

    def __call__(self, psi):
        value, gradient = self.objective(self.place(psi))
        return value, self.pull(psi, gradient)

    def hessian(self, psi, h=1e-4):
        """Central differences of the gradient in psi (m, m); and None, for the modes' derivatives."""
        sides = [[self(psi + sign * step)[1] for sign in (1, -1)] for step in h * np.eye(len(psi))]
        hessian = np.array([(up - down) / (2 * h) for up, down in sides])
        return (hessian + hessian.T) / 2, None

    def covariance(self, psi, hessian):
        """Of phi (m, m) on the surface, from the curvature in psi (m, m); and that curvature's
        smallest eigenvalue relative to its largest; NaN and -inf where there is none."""
        if not np.all(np.isfinite(hessian)):
            return np.full_like(hessian, np.nan), -np.inf
        J = np.array([self.pull(psi, unit) for unit in np.eye(len(psi))])  # rows: d place_i / d psi
        _, sizes, directions = np.linalg.svd(J)
        free = directions[sizes > 1e-8].T
        curvature = free.T @ hessian @ free
        values = np.linalg.eigvalsh(curvature) if free.size else np.ones(1)
        outward = J @ free
        return 2 * outward @ np.linalg.pinv(curvature, hermitian=True) @ outward.T, values[0] / values[-1]


def _unit(vector):
    return vector / max(np.linalg.norm(vector), 1e-300)


def _turn(first, later, shared):
    """The unit vector along the earlier row, the later row's length, its component along, the
    rest of it, and the earlier row's length."""
    along = np.zeros(len(later))
    along[shared] = _unit(first)
    component = later @ along
    return along, np.linalg.norm(later), component, later - component * along, np.linalg.norm(first)


def _pull_turn(first, later, shared, value, g):
    """The derivative in both rows, of what has the gradient g in the turned later row."""
    along, length, component, across, first_length = _turn(first, later, shared)
    beside, side = np.sqrt(1 - value**2), _unit(across)
    h = length * beside * (g - side * (side @ g)) / max(np.linalg.norm(across), 1e-300)
    g_later = later / length * (g @ (value * along + beside * side)) + h - along * (h @ along)
    g_along = length * value * g - later * (h @ along) - component * h
    g_first = (g_along - along * (along @ g_along))[shared] / first_length
    return g_first, g_later
