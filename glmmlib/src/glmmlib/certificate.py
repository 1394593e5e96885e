"""Is this the optimum? What the deviance's derivatives at a fit prove.

An interior optimum has no gradient and positive curvature. Three things need more care here.

- At a singular Lambda the gradient in a zero standard deviation vanishes by symmetry, whether or
  not variance would help. With G the derivative of the deviance in the covariance matrix
  Sigma = Lambda Lambda', the gradient in Lambda is 2 G Lambda, which says nothing of the null
  space of Sigma. There an optimum has v' G v >= 0 for every v: the deviance must not fall when
  variance is added along v.
- Lambda is lower triangular, but at a singular one some directions still only rotate its columns:
  Sigma and so the deviance stay the same. They are no fault and count for nothing.
- The parameters' curvatures differ by orders of magnitude, so "positive" is judged after scaling
  each to one.
"""

from dataclasses import dataclass

import numpy as np

# Standard deviations below this, relative to the unit the fit starts from (the noise, with
# predictors of unit root mean square), count as zero (lme4's isSingular uses it too).
SINGULAR_TOLERANCE = 1e-4
# Scaled curvature below this cannot be told from none: the Hessian's differences are no better.
FLAT = 1e-7
# An entry of Lambda whose curvature is below this has a standard error above 100 times the noise: the
# data do not determine it, however well it stands on its own scale.
LOOSE = 1e-4
# A fit has converged when a Newton step would lower the deviance by less than this.
CONVERGED_DECREMENT = 1e-6
# Random effects with a standard deviation above this on the scale of a log or a log-odds are no
# estimate: within groups the outcomes are (nearly) alike, and Laplace's approximation fails too.
RUNAWAY = 15.0
# A residual variance below this share of that without random effects is rounding error.
NOISELESS = 1e-12
VARIANCE_STEP = 1e-4  # standard deviation at which G is read off the gradient; the error is its square


@dataclass(frozen=True)
class NullSpace:
    """Directions without variance among the random coefficients of one grouping factor that may
    be correlated with each other.

    factor : index of the grouping factor; columns : (r,) indices of those coefficients.
    directions : (q, k) orthonormal, for the objective's scaled Z.
    derivatives : (k,) derivative of the deviance in the variance along each, the smallest first.
    """

    factor: int
    columns: np.ndarray
    directions: np.ndarray
    derivatives: np.ndarray


@dataclass(frozen=True)
class Certificate:
    """What is known of a point phi (m,) of an objective, all in its scaled coordinates.

    decrement : what a Newton step would still gain in deviance.
    curvature : the Hessian's smallest eigenvalue, rotations of Lambda left out.
    smallest : the same with every parameter's curvature scaled to one.
    flat : (m, f) orthonormal directions that change the model but (almost) not the deviance.
    down : (m,) direction in which the deviance curves downwards; None when there is none.
    null : the null spaces of the random effects' covariance; empty unless singular.
    runaway : indices of the grouping factors whose random effects have grown beyond all measure.
    noiseless : whether the residual variance has shrunk beyond all measure.
    phi_cov : (m, m), covariance of phi; flat directions count as known.
    """

    decrement: float
    curvature: float
    smallest: float
    flat: np.ndarray
    down: np.ndarray | None
    null: tuple[NullSpace, ...]
    runaway: tuple[int, ...]
    noiseless: bool
    phi_cov: np.ndarray

    @property
    def computed(self):
        """Whether the derivatives exist at all."""
        return bool(np.isfinite(self.decrement))

    @property
    def stationary(self):
        return bool(self.decrement < CONVERGED_DECREMENT)

    @property
    def wants_variance(self):
        """The null spaces along which variance would lower the deviance."""
        return tuple(space for space in self.null if space.derivatives[0] < -1e-3)

    @property
    def optimum(self):
        """True when phi is a (local) optimum, and the only one around."""
        return self.at_rest and not self.flat.size and not self.escaped

    @property
    def escaped(self):
        """True where a parameter is on its way to infinity."""
        return bool(self.runaway) or self.noiseless

    @property
    def at_rest(self):
        """True when no point nearby is better."""
        return self.stationary and self.down is None and not self.wants_variance

    @property
    def singular(self):
        return bool(self.null)


def certify(objective, phi, gradient, hessian) -> Certificate:
    """Judge a point of the objective by its exact gradient and its Hessian there."""
    m = len(phi)
    if not (np.all(np.isfinite(gradient)) and np.all(np.isfinite(hessian))):
        return Certificate(
            np.inf, np.nan, np.nan, np.zeros((m, 0)), None, (), runaway(objective, phi), noiseless(objective, phi),
            np.full((m, m), np.nan))
    null = null_spaces(objective, phi)
    kept = _complement(_rotations(objective, phi, null))
    H = kept.T @ hessian @ kept
    diagonal = np.diag(H)
    unit = 1 / np.sqrt(np.where(diagonal > 0, diagonal, np.max(np.abs(diagonal), initial=1.0)))
    values, vectors = np.linalg.eigh(unit[:, None] * H * unit)
    steep, flat = values > FLAT, np.abs(values) <= FLAT
    back = kept @ (unit[:, None] * vectors)  # from those eigenvectors to phi
    raw, directions = np.linalg.eigh(H)
    directions = kept @ directions
    loose = (np.abs(raw) < LOOSE) & (np.linalg.norm(directions[:objective.k], axis=0) > 0.9)
    # Where the curvature is not positive a step of the gradient's size is as good a guess as any.
    inverse = (back / np.where(flat, 1.0, np.abs(values))) @ back.T
    return Certificate(
        decrement=newton_gain(gradient, inverse), curvature=float(raw[0]) if len(H) else np.inf,
        smallest=float(values[0]) if len(H) else np.inf,
        flat=_span(np.hstack([back[:, flat], directions[:, loose]])),
        down=_unit(back[:, 0]) if len(H) and values[0] < -FLAT else None,
        null=null, runaway=runaway(objective, phi), noiseless=noiseless(objective, phi),
        phi_cov=2 * (back[:, steep] / values[steep]) @ back[:, steep].T)


def newton_gain(gradient, inverse):
    """By how much a Newton step lowers the deviance: gradient (m,) and the inverse (m, m) of its Hessian."""
    return float(gradient @ inverse @ gradient) / 2


def runaway(objective, phi):
    """Indices of the grouping factors whose random effects are too large to be estimates."""
    if objective.family.name == "gaussian":
        return ()
    return tuple(t for t, Lambda in enumerate(objective.Lambdas(phi)) if np.linalg.norm(Lambda) > RUNAWAY)


def noiseless(objective, phi):
    """Whether the residual variance is too small to be an estimate."""
    return bool(objective.family.dispersed and objective.dispersion(phi) < NOISELESS * objective.glm.dispersion)


def blocks_of(pattern):
    """Groups of coefficients that may be correlated: lists of indices, from a pattern (q, q)."""
    remaining, blocks = list(range(len(pattern))), []
    while remaining:
        block = [i for i in remaining if pattern[i, remaining[0]] or i == remaining[0]]
        blocks.append(np.array(block))
        remaining = [i for i in remaining if i not in block]
    return blocks


def null_spaces(objective, phi):
    """A NullSpace for every set of coefficients whose covariance is singular at phi."""
    spaces = []
    for t, Lambda in enumerate(objective.Lambdas(phi)):
        found = []
        for columns in blocks_of(objective.patterns[t]):
            U, sd, _ = np.linalg.svd(Lambda[np.ix_(columns, columns)])
            if sd[-1] < SINGULAR_TOLERANCE:
                N = np.zeros((len(Lambda), int(np.sum(sd < SINGULAR_TOLERANCE))))
                N[columns] = U[:, sd < SINGULAR_TOLERANCE]
                found.append((columns, N))
        if not found:
            continue
        all_directions = np.hstack([N for _, N in found])
        G, start = variance_derivative(objective, phi, t, all_directions), 0
        for columns, N in found:
            stop = start + N.shape[1]
            # Within the null space any basis will do: take the one in which G is diagonal.
            derivatives, rotation = np.linalg.eigh(G[start:stop, start:stop])
            spaces.append(NullSpace(t, columns, N @ rotation, derivatives))
            start = stop
    return tuple(spaces)


def variance_derivative(objective, phi, factor, directions):
    """N' G N (k, k): derivative of the deviance in the covariance of additional random effects
    along the columns of N (q, k), independent of the others, as their variance rises from zero.

    They get columns Z N of their own. At standard deviations e of these the exact gradient in
    Lambda is 2 e N' G N + O(e^3).
    """
    k, q = directions.shape[1], len(directions)
    wide, point = objective.widened(phi, factor, directions, VARIANCE_STEP)
    terms = wide.terms(point)
    lower = wide.Lambdas(wide.gradient(point, terms))[factor][q:, q:]
    G = np.tril(lower) + np.tril(lower, -1).T
    unit = wide.z_scale[factor][q:]
    return G * np.outer(unit, unit) / (2 * VARIANCE_STEP) if np.all(np.isfinite(G)) else np.zeros((k, k))


def with_variance(objective, phi, space, sd):
    """phi with standard deviation sd along the first direction of a NullSpace."""
    phi, at, entries = phi.copy(), objective.thetas[space.factor], objective.entries[space.factor]
    Lambda = objective.Lambdas(phi)[space.factor]
    square = np.ix_(space.columns, space.columns)
    v = space.directions[space.columns, 0]
    Sigma = Lambda[square] @ Lambda[square].T + sd**2 * np.outer(v, v)
    Lambda[square] = np.linalg.cholesky(Sigma + 1e-12 * max(np.trace(Sigma), 1e-12) * np.eye(len(v)))
    phi[at] = Lambda[entries]
    return phi


def _rotations(objective, phi, null):
    """Orthonormal directions (m, r) in theta that change Sigma in no way: dSigma = 0 and no
    variance appears in the null space."""
    directions = [np.zeros((len(phi), 0))]
    for t, (Lambda, at, entries) in enumerate(zip(objective.Lambdas(phi), objective.thetas, objective.entries)):
        N = [space.directions for space in null if space.factor == t]
        if not N:
            continue
        N = np.hstack(N)
        Lambda = Lambda - N @ (N.T @ Lambda)
        effects = []
        for r, c in zip(*entries):
            E = np.zeros_like(Lambda)
            E[r, c] = 1.0
            effects.append(np.r_[(E @ Lambda.T + Lambda @ E.T).ravel(), (N.T @ E).ravel()])
        _, size, Vt = np.linalg.svd(np.array(effects).T)
        none = np.r_[size, np.zeros(len(Vt) - len(size))] < 1e-6 * max(size[0], 1.0)
        embedded = np.zeros((len(phi), int(none.sum())))
        embedded[at] = Vt[none].T
        directions.append(embedded)
    return np.hstack(directions)


def _complement(directions):
    """An orthonormal basis of what is orthogonal to orthonormal directions (m, r)."""
    if not directions.shape[1]:
        return np.eye(len(directions))
    return np.linalg.svd(directions)[0][:, directions.shape[1]:]


def _span(directions):
    """An orthonormal basis of the columns' span; what is the same but for rounding counts once."""
    U, sizes, _ = np.linalg.svd(directions / np.linalg.norm(directions, axis=0), full_matrices=False)
    return U[:, sizes > 1e-2]


def _unit(direction):
    return direction / np.linalg.norm(direction)
