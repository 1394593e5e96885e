# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled Laplace kernel for several grouping factors, or fixed effects solved for within.

Same numbers as `_kernels.reference`, whose names it keeps. The first factor's groups are
eliminated one by one; each touches only the coefficients of the border that its own rows meet,
so that the cost of crossed designs grows with the meetings, not with groups times border. The
Schur complement of the border is dense and goes to LAPACK; where every group meets every coefficient
of the border, the elimination goes to BLAS as well.
"""
import numpy as np
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

from glmmlib._kernels.terms import (
    CHORD_GAIN, DECREMENT_TOLERANCE, LaplaceTerms, MAX_HALVINGS, MAX_STEPS, checked_arrays, checked_border,
    checked_meetings)

from glmmlib._kernels.families cimport Family, Terms, family_of, rows_terms
from glmmlib._kernels.linear cimport backward, factorise, forward

from libc.math cimport log


cdef inline void add_row(
    Py_ssize_t q, Py_ssize_t s, double w, double* m, double* v, Py_ssize_t* column, Py_ssize_t* local,
    double* L, double* C, Py_ssize_t width, double* corner, Py_ssize_t K,
) noexcept nogil:
    """Add w times a row's outer product to its blocks: the group's own L, the cross C and the corner."""
    cdef Py_ssize_t r, c
    cdef double t
    for r in range(q):
        t = w * m[r]
        for c in range(r + 1):
            L[r * q + c] += t * m[c]
        for c in range(s):
            C[r * width + local[c]] += t * v[c]
    for r in range(s):
        t = w * v[r]
        for c in range(r + 1):
            corner[column[r] * K + column[c]] += t * v[c]


cdef class Layout:
    """Which coefficients each row has: M (N, q) of its group, V (N, s) of the border."""

    cdef object arrays  # keeps alive what the pointers point to
    cdef double* M
    cdef double* V
    cdef Py_ssize_t* columns
    cdef Py_ssize_t* local
    cdef Py_ssize_t* starts
    cdef Py_ssize_t* touched
    cdef Py_ssize_t* offsets
    cdef Py_ssize_t N, q, s, J, K, meetings, penalised, integrated
    cdef bint full   # every group meets every coefficient of the border

    def __init__(self, M, starts, border):
        meetings = checked_meetings(border, starts)
        self.arrays = M, starts, border, meetings
        cdef double[:, ::1] M_ = M, V_ = border.values
        cdef Py_ssize_t[:, ::1] columns = border.columns, local = meetings[2]
        cdef Py_ssize_t[::1] starts_ = starts, touched = meetings[0], offsets = meetings[1]
        self.N, self.q, self.s = M.shape[0], M.shape[1], border.values.shape[1]
        self.J, self.K, self.meetings = len(starts) - 1, len(border.start), len(touched)
        self.penalised, self.integrated = border.penalised, border.integrated
        self.full = self.K > 0 and self.meetings == self.J * self.K
        self.starts, self.offsets = &starts_[0], &offsets[0]
        if self.N:
            self.M = &M_[0, 0]
        if self.N and self.s:
            self.V, self.columns = &V_[0, 0], &columns[0, 0]
            self.local, self.touched = &local[0, 0], &touched[0]

    cdef void eta(self, double[::1] fixed, double[:, ::1] u, double[::1] b, double[::1] out) noexcept nogil:
        """fixed + M u + V b."""
        cdef Py_ssize_t i, j, r, q = self.q, s = self.s
        cdef double t
        cdef double* m = self.M
        cdef double* v = self.V
        cdef Py_ssize_t* column = self.columns
        for j in range(self.J):
            for i in range(self.starts[j], self.starts[j + 1]):
                t = fixed[i]
                for r in range(q):
                    t += m[i * q + r] * u[j, r]
                for r in range(s):
                    t += v[i * s + r] * b[column[i * s + r]]
                out[i] = t

    cdef void transposed(self, double* rows, double[:, ::1] first, double[::1] border) noexcept nogil:
        """Add M' rows to first (J, q) and V' rows to border (K,)."""
        cdef Py_ssize_t i, j, r, q = self.q, s = self.s
        cdef double w
        cdef double* m = self.M
        cdef double* v = self.V
        cdef Py_ssize_t* column = self.columns
        for j in range(self.J):
            for i in range(self.starts[j], self.starts[j + 1]):
                w = rows[i]
                for r in range(q):
                    first[j, r] += m[i * q + r] * w
                for r in range(s):
                    border[column[i * s + r]] += v[i * s + r] * w


cdef class Curvature:
    """I + M' W M in blocks, factored. `positive` is False where it is not positive definite.

    With L the Cholesky factor of a group's own block and C its block with the border, L and
    half = L^-1 C are kept: the Schur complement is the border's own block less the sum of half' half.
    """

    cdef Layout at
    cdef double[:, ::1] root      # (J, q * q), L
    cdef double[::1] half         # concatenated over groups (q, touched)
    cdef object schur             # (K, K) Cholesky factor as LAPACK's upper triangle
    cdef bint positive

    def __init__(self, Layout at, double[::1] W):
        self.at = at
        self.root = np.empty((at.J, at.q * at.q))
        half = np.zeros(at.meetings * at.q)
        self.half = half
        corner = np.zeros((at.K, at.K))
        cdef double[:, ::1] corner_ = corner
        cdef Py_ssize_t k
        with nogil:
            self.positive = self.eliminate(at, W, corner_)
            for k in range(at.penalised):
                corner_[k, k] += 1.0
        if self.positive:
            # The lower triangle in rows is the upper one in LAPACK's columns.
            corner = corner.T
            if at.full:
                corner = dsyrk(-1.0, half.reshape(at.J * at.q, at.K).T, 1.0, corner, overwrite_c=1)
            self.schur, failed = dpotrf(corner, lower=0, clean=0, overwrite_a=1)
            self.positive = failed == 0

    cdef bint eliminate(self, Layout at, double[::1] weights, double[:, ::1] corner) noexcept nogil:
        """Fill root and half; the Schur complement, or when full what it starts from, into the lower
        triangle of corner."""
        cdef Py_ssize_t i, j, r, c, a, b, width, K = at.K, q = at.q, s = at.s
        cdef double t
        cdef double* whole = &corner[0, 0] if K else NULL
        cdef double* L
        cdef double* C
        cdef double* S
        cdef Py_ssize_t* touched
        for j in range(at.J):
            L = &self.root[j, 0]
            width = at.offsets[j + 1] - at.offsets[j]
            C = &self.half[at.offsets[j] * q] if width else NULL
            touched = at.touched + at.offsets[j]
            for r in range(q):
                for c in range(r + 1):
                    L[r * q + c] = 1.0 if r == c else 0.0
            for i in range(at.starts[j], at.starts[j + 1]):
                add_row(q, s, weights[i], at.M + i * q, at.V + i * s, at.columns + i * s, at.local + i * s,
                        L, C, width, whole, K)
            if not factorise(L, L, q):
                return False
            for r in range(q):
                for c in range(r):
                    t = L[r * q + c]
                    for a in range(width):
                        C[r * width + a] -= t * C[c * width + a]
                t = 1.0 / L[r * q + r]
                for a in range(width):
                    C[r * width + a] *= t
            if not at.full:
                for r in range(q):
                    for a in range(width):
                        t = C[r * width + a]
                        S = whole + touched[a] * K
                        for b in range(a + 1):
                            S[touched[b]] -= t * C[r * width + b]
        return True

    def logdet(self):
        cdef Py_ssize_t j, r
        cdef double total = 0.0
        for j in range(self.at.J):
            for r in range(self.at.q):
                total += 2.0 * log(self.root[j, r * self.at.q + r])
        return total + 2 * np.sum(np.log(np.diag(self.schur)[:self.at.integrated]))

    def solve(self, first_array, border):
        """(J, q) and (K,) such that the whole matrix times them is (first, border)."""
        cdef Layout at = self.at
        first_array = first_array.copy()
        border = border.copy()
        cdef double[:, ::1] x = first_array
        cdef double[::1] b = border
        cdef Py_ssize_t j, r, a, width, q = at.q
        cdef double t
        cdef double* C
        cdef Py_ssize_t* touched
        with nogil:
            for j in range(at.J):
                width = at.offsets[j + 1] - at.offsets[j]
                C = &self.half[at.offsets[j] * q] if width else NULL
                touched = at.touched + at.offsets[j]
                forward(&self.root[j, 0], &x[j, 0], q)
                for r in range(q):
                    t = x[j, r]
                    for a in range(width):
                        b[touched[a]] -= C[r * width + a] * t
        if at.K:  # LAPACK's interface refuses nothing to solve
            b = border = dpotrs(self.schur, border, lower=0, overwrite_b=1)[0]
        with nogil:
            for j in range(at.J):
                width = at.offsets[j + 1] - at.offsets[j]
                C = &self.half[at.offsets[j] * q] if width else NULL
                touched = at.touched + at.offsets[j]
                for r in range(q):
                    t = 0.0
                    for a in range(width):
                        t += C[r * width + a] * b[touched[a]]
                    x[j, r] -= t
                backward(&self.root[j, 0], &x[j, 0], q)
        return first_array, border

    def inverse(self):
        """A^-1 of the part that is integrated over: first (J, q, q), border (K, K), and cross
        concatenated over groups (q, touched), at the coefficients that its rows meet."""
        cdef Layout at = self.at
        cdef Py_ssize_t j, r, c, a, b, width, kept = at.integrated, K = at.K, q = at.q
        border = np.zeros((K, K))
        if kept:
            border[:kept, :kept] = dpotri(np.asfortranarray(self.schur[:kept, :kept]), lower=0)[0].T
        first = np.empty((at.J, q, q))
        cdef double[:, ::1] P_ = border
        cdef double[:, :, ::1] F = first
        cdef double t
        cdef double* C
        cdef double* X
        cdef double* P = &P_[0, 0] if K else NULL
        cdef Py_ssize_t* touched
        for r in range(kept):
            for c in range(r):
                P[c * K + r] = P[r * K + c]
        # X = half P becomes the cross block, -L'^-1 X.
        if at.full:
            cross = (np.asarray(self.half).reshape(at.J * q, K) @ border).ravel()
        else:
            cross = np.zeros(at.meetings * q)
        cdef double[::1] cross_ = cross
        with nogil:
            for j in range(at.J):
                width = at.offsets[j + 1] - at.offsets[j]
                C = &self.half[at.offsets[j] * q] if width else NULL
                X = &cross_[at.offsets[j] * q] if width else NULL
                touched = at.touched + at.offsets[j]
                if not at.full:
                    for r in range(q):
                        for a in range(width):
                            t = C[r * width + a]
                            for b in range(width):
                                X[r * width + b] += t * P[touched[a] * K + touched[b]]
                # first = L'^-1 (I + X half') L^-1, column by column and then row by row
                for r in range(q):
                    for c in range(q):
                        t = 1.0 if r == c else 0.0
                        for a in range(width):
                            t += X[r * width + a] * C[c * width + a]
                        F[j, r, c] = t
                for r in range(q):
                    backward(&self.root[j, 0], &F[j, r, 0], q)
                for r in range(q):
                    for c in range(r):
                        F[j, r, c], F[j, c, r] = F[j, c, r], F[j, r, c]
                for r in range(q):
                    backward(&self.root[j, 0], &F[j, r, 0], q)
                for r in range(q - 1, -1, -1):
                    for c in range(r + 1, q):
                        t = self.root[j, c * q + r]
                        for a in range(width):
                            X[r * width + a] -= t * X[c * width + a]
                    t = 1.0 / self.root[j, r * q + r]
                    for a in range(width):
                        X[r * width + a] *= t
                for a in range(q * width):
                    X[a] = -X[a]
        return first, cross, border


def laplace_bordered(family, y, n, eta_fixed, Z, starts, Lambda, u0, border, observed):
    """See `glmmlib._kernels.reference.laplace`."""
    arrays = checked_arrays(y, n, eta_fixed, Z, starts, Lambda, u0)
    border = checked_border(border, len(arrays.y))
    at = Layout(arrays.Z @ arrays.Lambda, arrays.starts, border)
    cdef Family fam = family_of(family)
    rows = Rows(fam.canonical, arrays)
    mode = find_mode(&fam, rows, arrays, at, border.start)
    if mode is None:
        return failed(arrays, border)
    u, b, penalised = mode
    return derivatives(at, rows, arrays, fam.canonical, observed, u, b, penalised) or failed(arrays, border)


cdef class Rows:
    """All rows' eta, log-likelihood and derivatives; the observed ones are the Fisher ones' own arrays for
    canonical families."""

    cdef double[::1] y, n, eta, logp, d1, fisher, observed, d_fisher, d_observed

    def __init__(self, canonical, arrays):
        self.y, self.n = arrays.y, arrays.n
        N = len(arrays.y)
        self.eta, self.logp, self.d1, self.fisher, self.d_fisher = np.empty((5, N))
        self.observed, self.d_observed = (self.fisher, self.d_fisher) if canonical else np.empty((2, N))

    cdef void fill(self, Family* family) noexcept nogil:
        """The terms at eta."""
        cdef Terms terms
        if self.y.shape[0]:
            terms.logp, terms.d1, terms.fisher = &self.logp[0], &self.d1[0], &self.fisher[0]
            terms.observed, terms.d_fisher = &self.observed[0], &self.d_fisher[0]
            terms.d_observed = &self.d_observed[0]
            rows_terms(family, self.y.shape[0], &self.y[0], &self.n[0], &self.eta[0], &terms)


cdef find_mode(Family* fam, Rows rows, arrays, Layout at, start):
    """PIRLS with step-halving of all coefficients together: (u, b, penalised deviance), or None.

    Where factoring the border costs more than many looks at the rows, steps go on with the same
    curvature (chord steps) as long as each gains enough.
    """
    cdef int steps = 0, halvings = 0
    cdef bint last = False, newton = False, fresh
    cdef bint exact = fam.code == 12  # gaussian responses: Newton's first step leaves nothing over
    cdef bint chords = at.K**3 > CHORD_GAIN * at.N
    cdef Curvature curvature = None
    cdef double[::1] fixed = arrays.eta_fixed
    penalty = (np.arange(at.K) < at.penalised).astype(float)
    u, b = arrays.u0.copy(), start.copy()
    u_old, b_old, d_old, decrement_old = u, b, np.inf, np.inf
    while True:
        at.eta(fixed, u, b, rows.eta)
        rows.fill(fam)
        d = np.vdot(u, u) + penalty @ (b * b) - 2 * np.sum(rows.logp)
        if not d <= d_old + 1e-10 * (1 + abs(d_old)):
            halvings += 1
            if halvings > MAX_HALVINGS:
                return None
            last, curvature = False, None
            u, b = (u + u_old) / 2, (b + b_old) / 2
            continue
        if last:
            return u, b, d
        g, g_border = -u, -penalty * b
        if at.N:
            at.transposed(&rows.d1[0], g, g_border)
        while True:
            fresh = curvature is None
            if fresh:
                newton = True
                curvature = Curvature(at, rows.observed)
                if not curvature.positive and not fam.canonical:
                    newton = False
                    curvature = Curvature(at, rows.fisher)
                if not curvature.positive:
                    return None
            step, step_border = curvature.solve(g, g_border)
            decrement = np.vdot(g, step) + g_border @ step_border
            if not np.isfinite(decrement):
                return None
            # What this step will leave over: the square if it is Newton's, the same share again if a chord.
            left = decrement * (0.0 if exact else decrement / decrement_old if not fresh else decrement if newton else 1.0)
            if fresh or decrement < 1e-2 * decrement_old:
                break
            curvature = None
        if steps == MAX_STEPS:
            return u, b, d
        last = min(left, decrement) <= DECREMENT_TOLERANCE
        if not (chords and newton):
            curvature = None
        u_old, b_old, d_old, decrement_old = u, b, d, decrement
        u, b = u + step, b + step_border
        steps += 1
        halvings = 0


cdef derivatives(Layout at, Rows rows, arrays, canonical, is_observed, u_array, b_array, penalised):
    """The kernel's output at the mode; None where the curvature is not positive definite."""
    cdef double[::1] W = rows.observed if is_observed else rows.fisher
    cdef double[::1] dW = rows.d_observed if is_observed else rows.d_fisher
    cdef double[::1] d1 = rows.d1, Wo = rows.observed
    cdef Curvature A = Curvature(at, W)
    cdef Curvature H = A if canonical or is_observed else Curvature(at, rows.observed)
    if not (A.positive and H.positive):
        return None
    cdef Py_ssize_t i, j, r, k, width, N = at.N, q = at.q, s = at.s, K = at.K
    first, cross, corner = A.inverse()
    T_array, S_array = np.empty((N, q)), np.empty((N, s))
    h_array, c_array = np.empty(N), np.empty(N)
    cdef double[:, :, ::1] F_ = first
    cdef double[::1] X_ = cross, h = h_array, c = c_array
    cdef double[:, ::1] P_ = corner, T = T_array, S = S_array, u = u_array
    cdef double[::1] b = b_array
    cdef double t, sum_h, v, w
    cdef double* F
    cdef double* X
    cdef double* P
    cdef double* m
    cdef double* values
    cdef Py_ssize_t* column
    cdef Py_ssize_t* local
    with nogil:
        for j in range(at.J):
            width = at.offsets[j + 1] - at.offsets[j]
            X = &X_[at.offsets[j] * q] if width else NULL
            F = &F_[j, 0, 0]
            for i in range(at.starts[j], at.starts[j + 1]):
                m, values, column, local = at.M + i * q, at.V + i * s, at.columns + i * s, at.local + i * s
                sum_h = 0.0
                for r in range(q):
                    t = 0.0
                    for k in range(q):
                        t += F[r * q + k] * m[k]
                    for k in range(s):
                        t += X[r * width + local[k]] * values[k]
                    T[i, r] = t
                    sum_h += t * m[r]
                for r in range(s):
                    t = 0.0
                    for k in range(q):
                        t += X[k * width + local[r]] * m[k]
                    P = &P_[column[r], 0]
                    for k in range(s):
                        t += P[column[k]] * values[k]
                    S[i, r] = t
                    sum_h += t * values[r]
                h[i] = sum_h
                c[i] = dW[i] * sum_h
    g, g_border = np.zeros((at.J, q)), np.zeros(K)
    if N:
        at.transposed(&c[0], g, g_border)
    lam_array, lam_border_array = H.solve(g, g_border)
    response_array = np.empty(N)
    at.eta(np.zeros(N), lam_array, lam_border_array, response_array)
    score_array, dLambda_array = np.empty(N), np.zeros((q, q))
    cdef double[:, ::1] lam = lam_array, dLambda = dLambda_array, Z = arrays.Z
    cdef double[::1] lam_border = lam_border_array, response = response_array, score = score_array
    with nogil:
        for j in range(at.J):
            for i in range(at.starts[j], at.starts[j + 1]):
                v = c[i] - Wo[i] * response[i]
                score[i] = v - 2.0 * d1[i]
                for r in range(q):
                    w = (lam[j, r] - 2.0 * u[j, r]) * d1[i] + 2.0 * W[i] * T[i, r] + v * u[j, r]
                    for k in range(q):
                        dLambda[k, r] += Z[i, k] * w
                for r in range(s):  # S turns from A^-1 m into the derivative
                    k = at.columns[i * s + r]
                    S[i, r] = (lam_border[k] - 2.0 * b[k]) * d1[i] + 2.0 * W[i] * S[i, r] + v * b[k]
    scale = -2 * np.sum(rows.logp) + h_array @ W + response_array @ d1
    return LaplaceTerms(
        float(penalised + A.logdet()), score_array, dLambda_array, u_array, first, float(scale), h_array,
        response_array, b_array, S_array, corner, LazyCross(A, corner))


class LazyCross:
    """The cross covariance (J, q, K), made when it is asked for: most evaluations never do."""

    def __init__(self, curvature, corner):
        self.curvature, self.corner = curvature, corner

    def __array__(self, dtype=None, copy=None):
        return cross_covariance(self.curvature, self.corner)


cdef cross_covariance(Curvature A, corner):
    """-L'^-1 half times the corner."""
    cdef Layout at = A.at
    cdef Py_ssize_t j, r, c, a, k, width, q = at.q, K = at.K
    cross = np.zeros((at.J, q, K))
    cdef double[:, :, ::1] X = cross
    cdef double[:, ::1] P = corner
    cdef double* C
    cdef double* x
    cdef double* p
    cdef double t
    with nogil:
        for j in range(at.J):
            width = at.offsets[j + 1] - at.offsets[j]
            C = &A.half[at.offsets[j] * q] if width else NULL
            for r in range(q - 1, -1, -1):
                x = &X[j, r, 0]
                for a in range(width):
                    t = C[r * width + a]
                    p = &P[at.touched[at.offsets[j] + a], 0]
                    for k in range(K):
                        x[k] -= t * p[k]
                for c in range(r + 1, q):
                    t = A.root[j, c * q + r]
                    for k in range(K):
                        x[k] -= t * X[j, c, k]
                t = 1.0 / A.root[j, r * q + r]
                for k in range(K):
                    x[k] *= t
    return cross


def failed(arrays, border):
    N, q, J, K = len(arrays.y), arrays.Z.shape[1], len(arrays.u0), len(border.start)
    return LaplaceTerms(
        np.nan, np.zeros(N), np.zeros((q, q)), arrays.u0, np.zeros((J, q, q)), np.nan, np.zeros(N), np.zeros(N),
        border.start, np.zeros(border.values.shape), np.zeros((K, K)), np.zeros((J, q, K)))
