# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled Laplace kernel for several grouping factors, or fixed effects solved for within.

Same numbers as `_kernels.reference`, whose names it keeps. The first factor's groups are
eliminated one by one; each touches only the coefficients of the border that its own rows meet,
so that the cost of crossed designs grows with the meetings, not with groups times border. The
Schur complement of the border is dense and goes to LAPACK.
"""
import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

from glmmlib._kernels.terms import (
    DECREMENT_TOLERANCE, LaplaceTerms, MAX_HALVINGS, MAX_STEPS, checked_arrays, checked_border,
    checked_meetings)

from glmmlib._kernels.families cimport Family, Row, family_of, row_terms
from glmmlib._kernels.linear cimport factorise, solve

from libc.math cimport log


cdef class Layout:
    """Which coefficients each row has: M (N, q) of its group, V (N, s) of the border."""

    cdef double[:, ::1] M, V
    cdef Py_ssize_t[:, ::1] columns, local
    cdef Py_ssize_t[::1] starts, touched, offsets
    cdef Py_ssize_t N, q, s, J, K, penalised, integrated
    cdef object penalty

    def __init__(self, M, starts, border):
        meetings = checked_meetings(border, starts)
        self.M, self.V = M, border.values
        self.columns, self.starts = border.columns, starts
        self.touched, self.offsets, self.local = meetings
        self.N, self.q, self.s = M.shape[0], M.shape[1], border.values.shape[1]
        self.J, self.K = len(starts) - 1, len(border.start)
        self.penalised, self.integrated = border.penalised, border.integrated
        self.penalty = (np.arange(self.K) < border.penalised).astype(float)

    cdef void eta(self, double[::1] fixed, double[:, ::1] u, double[::1] b, double[::1] eta) noexcept nogil:
        """eta = fixed + M u + V b."""
        cdef Py_ssize_t i, j, r
        for j in range(self.J):
            for i in range(self.starts[j], self.starts[j + 1]):
                eta[i] = fixed[i]
                for r in range(self.q):
                    eta[i] += self.M[i, r] * u[j, r]
                for r in range(self.s):
                    eta[i] += self.V[i, r] * b[self.columns[i, r]]

    cdef void transposed(self, double[::1] rows, double[:, ::1] first, double[::1] border) noexcept nogil:
        """Add M' rows to first (J, q) and V' rows to border (K,)."""
        cdef Py_ssize_t i, j, r
        for j in range(self.J):
            for i in range(self.starts[j], self.starts[j + 1]):
                for r in range(self.q):
                    first[j, r] += self.M[i, r] * rows[i]
                for r in range(self.s):
                    border[self.columns[i, r]] += self.V[i, r] * rows[i]


cdef class Curvature:
    """I + M' W M in blocks, factored. `positive` is False where it is not positive definite."""

    cdef Layout at
    cdef double[:, ::1] root          # (J, q * q) Cholesky factors of the first factor's blocks
    cdef double[::1] cross, solved    # concatenated over groups (q, touched): A12, A11^-1 A12
    cdef object schur                 # (K, K) Cholesky factor as LAPACK's upper triangle
    cdef bint positive

    def __init__(self, Layout at, double[::1] W):
        self.at = at
        self.root = np.empty((at.J, at.q * at.q))
        self.cross = np.zeros(at.touched.shape[0] * at.q)
        self.solved = np.empty(at.touched.shape[0] * at.q)
        corner = np.zeros((at.K, at.K))
        cdef double[:, ::1] corner_ = corner
        with nogil:
            self.positive = self.eliminate(at, W, corner_)
        if self.positive:
            corner.flat[::at.K + 1] += at.penalty
            # The lower triangle in rows is the upper one in LAPACK's columns.
            self.schur, failed = dpotrf(corner.T, lower=0, clean=0, overwrite_a=1)
            self.positive = failed == 0

    cdef bint eliminate(self, Layout at, double[::1] W, double[:, ::1] corner) noexcept nogil:
        """Fill root, cross and solved; the Schur complement into the lower triangle of corner."""
        cdef Py_ssize_t i, j, r, c, a, b, first, width, q = at.q, s = at.s
        cdef double w
        cdef double* A
        cdef double* C
        cdef double* B
        cdef double x[64]
        for j in range(at.J):
            A = &self.root[j, 0]
            first = at.offsets[j]
            width = at.offsets[j + 1] - first
            C = &self.cross[first * q] if width else NULL
            B = &self.solved[first * q] if width else NULL
            for r in range(q):
                for c in range(r + 1):
                    A[r * q + c] = 1.0 if r == c else 0.0
            for i in range(at.starts[j], at.starts[j + 1]):
                for r in range(q):
                    w = W[i] * at.M[i, r]
                    for c in range(r + 1):
                        A[r * q + c] += w * at.M[i, c]
                    for c in range(s):
                        C[r * width + at.local[i, c]] += w * at.V[i, c]
                for r in range(s):
                    w = W[i] * at.V[i, r]
                    for c in range(r + 1):
                        corner[at.columns[i, r], at.columns[i, c]] += w * at.V[i, c]
            if not factorise(A, A, q):
                return False
            for a in range(width):
                for r in range(q):
                    x[r] = C[r * width + a]
                solve(A, x, q)
                for r in range(q):
                    B[r * width + a] = x[r]
            for r in range(q):
                for a in range(width):
                    w = C[r * width + a]
                    for b in range(a + 1):
                        corner[at.touched[first + a], at.touched[first + b]] -= w * B[r * width + b]
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
        cdef Py_ssize_t j, r, a, start, width
        with nogil:
            for j in range(at.J):
                start = at.offsets[j]
                width = at.offsets[j + 1] - start
                solve(&self.root[j, 0], &x[j, 0], at.q)
                for r in range(at.q):
                    for a in range(width):
                        b[at.touched[start + a]] -= self.cross[start * at.q + r * width + a] * x[j, r]
        if at.K:  # LAPACK's interface refuses nothing to solve
            b = border = dpotrs(self.schur, border, lower=0)[0]
        with nogil:
            for j in range(at.J):
                start = at.offsets[j]
                width = at.offsets[j + 1] - start
                for r in range(at.q):
                    for a in range(width):
                        x[j, r] -= self.solved[start * at.q + r * width + a] * b[at.touched[start + a]]
        return first_array, border

    def inverse(self):
        """A^-1 of the part that is integrated over: first (J, q, q), border (K, K), and cross
        concatenated over groups (q, touched), at the coefficients that its rows meet."""
        cdef Layout at = self.at
        border = np.zeros((at.K, at.K))
        kept = at.integrated
        if kept:
            upper = np.triu(dpotri(np.asfortranarray(self.schur[:kept, :kept]), lower=0)[0])
            border[:kept, :kept] = upper + np.triu(upper, 1).T
        first = np.empty((at.J, at.q, at.q))
        cross = np.zeros(at.touched.shape[0] * at.q)
        cdef double[:, ::1] P = border
        cdef double[:, :, ::1] F = first
        cdef double[::1] X = cross
        cdef Py_ssize_t j, r, c, a, b, start, width, q = at.q
        cdef double w
        cdef double x[64]
        with nogil:
            for j in range(at.J):
                start = at.offsets[j]
                width = at.offsets[j + 1] - start
                for r in range(q):
                    for a in range(width):
                        w = self.solved[start * q + r * width + a]
                        for b in range(width):
                            X[start * q + r * width + b] -= w * P[at.touched[start + a], at.touched[start + b]]
                for r in range(q):
                    for c in range(q):
                        x[c] = 1.0 if c == r else 0.0
                    solve(&self.root[j, 0], x, q)
                    for c in range(q):
                        w = 0.0
                        for a in range(width):
                            w += X[start * q + r * width + a] * self.solved[start * q + c * width + a]
                        F[j, r, c] = x[c] - w
        return first, cross, border


def laplace_bordered(family, y, n, eta_fixed, Z, starts, Lambda, u0, border, observed):
    """See `glmmlib._kernels.reference.laplace`."""
    arrays = checked_arrays(y, n, eta_fixed, Z, starts, Lambda, u0)
    border = checked_border(border, len(arrays.y))
    if arrays.Z.shape[1] > 64:
        raise ValueError("the compiled kernel takes at most 64 coefficients per group.")
    at = Layout(arrays.Z @ arrays.Lambda, arrays.starts, border)
    cdef Family fam = family_of(family)
    cdef Curvature A, H
    rows = np.empty((7, len(arrays.y)))  # logp, d1, fisher, observed, d_fisher, d_observed, eta
    mode = find_mode(&fam, arrays, at, border.start, rows)
    if mode is None:
        return failed(arrays, border)
    u, b, penalised = mode
    row_pass(&fam, arrays.y, arrays.n, rows, True)
    W, dW = (rows[3], rows[5]) if observed else (rows[2], rows[4])
    A = Curvature(at, W)
    H = A if fam.canonical or observed else Curvature(at, rows[3])
    if not (A.positive and H.positive):
        return failed(arrays, border)
    return derivatives(at, A, H, arrays, border, u, b, penalised, rows, W, dW)


cdef void row_pass(Family* fam, double[::1] y, double[::1] n, double[:, ::1] rows, bint derivs) noexcept:
    """All rows' terms at eta, rows[6]; logp or, with derivs, the derivatives of the weights."""
    cdef Py_ssize_t i
    cdef Row row
    with nogil:
        for i in range(y.shape[0]):
            row_terms(fam, y[i], n[i], rows[6, i], derivs, &row)
            if derivs:
                rows[4, i] = row.d_fisher
                rows[5, i] = row.d_observed
            else:
                rows[0, i] = row.logp
                rows[1, i] = row.d1
                rows[2, i] = row.fisher
                rows[3, i] = row.observed


cdef find_mode(Family* fam, arrays, Layout at, start, rows):
    """PIRLS with step-halving of all coefficients together: (u, b, penalised deviance), or None."""
    cdef int steps = 0, halvings = 0
    cdef Curvature curvature
    u, b = arrays.u0.copy(), start.copy()
    u_old, b_old, d_old = u, b, np.inf
    while True:
        at.eta(arrays.eta_fixed, u, b, rows[6])
        row_pass(fam, arrays.y, arrays.n, rows, False)
        d = np.sum(u * u) + np.sum(at.penalty * b * b) - 2 * np.sum(rows[0])
        if not d <= d_old + 1e-10 * (1 + abs(d_old)):
            halvings += 1
            if halvings > MAX_HALVINGS:
                return None
            u, b = (u + u_old) / 2, (b + b_old) / 2
            continue
        g, g_border = -u, -at.penalty * b
        at.transposed(rows[1], g, g_border)
        curvature = Curvature(at, rows[3])
        if not curvature.positive:
            if fam.canonical:
                return None
            curvature = Curvature(at, rows[2])
            if not curvature.positive:
                return None
        step, step_border = curvature.solve(g, g_border)
        decrement = np.sum(g * step) + g_border @ step_border
        if not np.isfinite(decrement):
            return None
        if decrement <= DECREMENT_TOLERANCE or steps == MAX_STEPS:
            return u, b, d
        u_old, b_old, d_old = u, b, d
        u, b = u + step, b + step_border
        steps += 1
        halvings = 0


cdef derivatives(Layout at, Curvature A, Curvature H, arrays, border, u_array, b_array, penalised, rows, W_array, dW):
    """The kernel's output at the mode."""
    first, cross, corner = A.inverse()
    N, q, s = at.N, at.q, at.s
    T_array, S_array = np.empty((N, q)), np.empty((N, s))
    h_array, c_array = np.empty(N), np.empty(N)
    cdef double[:, :, ::1] F = first
    cdef double[::1] X = cross, h = h_array, c = c_array, dW_ = dW, W = W_array, d1 = rows[1], Wo = rows[3]
    cdef double[:, ::1] P = corner, T = T_array, S = S_array, u = u_array
    cdef double[::1] b = b_array
    cdef Py_ssize_t i, j, r, k, start, width
    cdef double t
    with nogil:
        for j in range(at.J):
            start = at.offsets[j]
            width = at.offsets[j + 1] - start
            for i in range(at.starts[j], at.starts[j + 1]):
                h[i] = 0.0
                for r in range(at.q):
                    t = 0.0
                    for k in range(at.q):
                        t += F[j, r, k] * at.M[i, k]
                    for k in range(at.s):
                        t += X[start * at.q + r * width + at.local[i, k]] * at.V[i, k]
                    T[i, r] = t
                    h[i] += t * at.M[i, r]
                for r in range(at.s):
                    t = 0.0
                    for k in range(at.q):
                        t += X[start * at.q + k * width + at.local[i, r]] * at.M[i, k]
                    for k in range(at.s):
                        t += P[at.columns[i, r], at.columns[i, k]] * at.V[i, k]
                    S[i, r] = t
                    h[i] += t * at.V[i, r]
                c[i] = dW_[i] * h[i]
    g, g_border = np.zeros((at.J, q)), np.zeros(at.K)
    at.transposed(c_array, g, g_border)
    lam_array, lam_border_array = H.solve(g, g_border)
    response_array = np.empty(N)
    at.eta(np.zeros(N), lam_array, lam_border_array, response_array)
    score_array, dLambda_array = np.empty(N), np.zeros((q, q))
    cdef double[:, ::1] lam = lam_array, dLambda = dLambda_array, Z = arrays.Z
    cdef double[::1] lam_border = lam_border_array, response = response_array, score = score_array
    cdef double v, w
    with nogil:
        for j in range(at.J):
            for i in range(at.starts[j], at.starts[j + 1]):
                v = c[i] - Wo[i] * response[i]
                score[i] = v - 2.0 * d1[i]
                for r in range(at.q):
                    w = (lam[j, r] - 2.0 * u[j, r]) * d1[i] + 2.0 * W[i] * T[i, r] + v * u[j, r]
                    for k in range(at.q):
                        dLambda[k, r] += Z[i, k] * w
                for r in range(at.s):  # S turns from A^-1 m into the derivative
                    k = at.columns[i, r]
                    S[i, r] = (lam_border[k] - 2.0 * b[k]) * d1[i] + 2.0 * W[i] * S[i, r] + v * b[k]
    scale = -2 * np.sum(rows[0]) + h_array @ W_array + response_array @ rows[1]
    return LaplaceTerms(
        float(penalised + A.logdet()), score_array, dLambda_array, u_array, first, float(scale), h_array,
        response_array, b_array, S_array, corner, LazyCross(A, corner))


class LazyCross:
    """The cross covariance (J, q, K), made when it is asked for: most evaluations never do."""

    def __init__(self, curvature, corner):
        self.curvature, self.corner = curvature, corner

    def __array__(self, dtype=None, copy=None):
        cdef Curvature A = self.curvature
        cdef Layout at = A.at
        cross = np.empty((at.J, at.q, at.K))
        for j in range(at.J):
            start, stop = at.offsets[j], at.offsets[j + 1]
            solved = np.asarray(A.solved[start * at.q:stop * at.q]).reshape(at.q, stop - start)
            cross[j] = -solved @ self.corner[np.asarray(at.touched[start:stop])]
        return cross


def failed(arrays, border):
    N, q, J, K = len(arrays.y), arrays.Z.shape[1], len(arrays.u0), len(border.start)
    return LaplaceTerms(
        np.nan, np.zeros(N), np.zeros((q, q)), arrays.u0, np.zeros((J, q, q)), np.nan, np.zeros(N), np.zeros(N),
        border.start, np.zeros(border.values.shape), np.zeros((K, K)), np.zeros((J, q, K)))
