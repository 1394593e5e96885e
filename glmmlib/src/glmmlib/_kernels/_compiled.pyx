# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled Laplace kernel: same function, same numbers as `_kernels.reference`.

Read `reference.py` first: it says the mathematics. Here the same steps are taken group by
group, so that one group's rows stay in cache while its mode is found, and with the logit every
row costs one exp and one log1p per PIRLS step. The arrays are checked at the boundary; the loops
run without the GIL and allocate nothing.
"""
import numpy as np

from glmmlib._kernels._bordered import laplace_bordered
from glmmlib._kernels.terms import (
    DECREMENT_TOLERANCE, LaplaceTerms, MAX_HALVINGS, MAX_STEPS, checked_arrays)

from glmmlib._kernels.families cimport Family, Row, family_of, row_terms
from glmmlib._kernels.linear cimport factorise, solve

from libc.math cimport fabs, log, INFINITY, NAN

NAME = "cython"

cdef double TOLERANCE = DECREMENT_TOLERANCE
cdef int STEPS = MAX_STEPS
cdef int HALVINGS = MAX_HALVINGS


cdef bint curvature(
    double[:, ::1] M, double[::1] weight, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t q,
    double[:, ::1] A, double[:, ::1] L,
) noexcept nogil:
    """Factor I + M' W M of one group's rows into L; False when it is not positive definite."""
    cdef Py_ssize_t i, r, c
    cdef double w
    for r in range(q):
        for c in range(r + 1):
            A[r, c] = 1.0 if r == c else 0.0
    for i in range(start, stop):
        for r in range(q):
            w = weight[i] * M[i, r]
            for c in range(r + 1):
                A[r, c] += w * M[i, c]
    return factorise(&A[0, 0], &L[0, 0], q)


cdef double find_mode(
    Family* family, double[::1] y, double[::1] n, double[::1] eta_fixed, double[:, ::1] M,
    Py_ssize_t start, Py_ssize_t stop, Py_ssize_t q,
    double* u, double* u_old, double* step, double[::1] eta,
    double[::1] d1, double[::1] fisher, double[::1] observed, double* logp,
    double[:, ::1] A, double[:, ::1] L,
) noexcept nogil:
    """PIRLS for one group, in place on u; returns -2 sum(logp) + |u|^2, or NaN on failure.

    Leaves the rows' eta, d1, fisher and observed as they are at u, and the sum of logp.
    """
    cdef Py_ssize_t i, r
    cdef int steps = 0, halvings = 0
    cdef double d, decrement, d_old = INFINITY
    cdef Row row
    for r in range(q):
        u_old[r] = u[r]
    while True:
        logp[0] = 0.0
        for i in range(start, stop):
            eta[i] = eta_fixed[i]
            for r in range(q):
                eta[i] += M[i, r] * u[r]
            row_terms(family, y[i], n[i], eta[i], False, &row)
            logp[0] += row.logp
            d1[i] = row.d1
            fisher[i] = row.fisher
            observed[i] = row.observed
        d = -2.0 * logp[0]
        for r in range(q):
            d += u[r] * u[r]
        if not d <= d_old + 1e-10 * (1.0 + fabs(d_old)):
            halvings += 1
            if halvings > HALVINGS:
                return NAN
            for r in range(q):
                u[r] = 0.5 * (u[r] + u_old[r])
            continue
        # Newton's step; with the Fisher weights where the observed ones have no positive curvature.
        if not curvature(M, observed, start, stop, q, A, L):
            if family.canonical or not curvature(M, fisher, start, stop, q, A, L):
                return NAN
        for r in range(q):
            step[r] = -u[r]
        for i in range(start, stop):
            for r in range(q):
                step[r] += M[i, r] * d1[i]
        for r in range(q):
            u_old[r] = step[r]                  # the gradient, kept while step is solved for
        solve(&L[0, 0], step, q)
        decrement = 0.0
        for r in range(q):
            decrement += u_old[r] * step[r]
        if decrement <= TOLERANCE or steps == STEPS:
            return d if decrement == decrement else NAN
        steps += 1
        halvings = 0
        d_old = d
        for r in range(q):
            u_old[r] = u[r]
            u[r] += step[r]


def laplace(family, y, n, eta_fixed, Z, starts, Lambda, u0, border=None, observed=False):
    """See `glmmlib._kernels.reference.laplace`: same arguments, same result.

    For families with a code; with a border see `_bordered.pyx`.
    """
    if border is not None:
        return laplace_bordered(family, y, n, eta_fixed, Z, starts, Lambda, u0, border, observed)
    arrays = checked_arrays(y, n, eta_fixed, Z, starts, Lambda, u0)
    cdef Family fam = family_of(family)
    cdef double[::1] y_ = arrays.y, n_ = arrays.n, eta_fixed_ = arrays.eta_fixed
    cdef double[:, ::1] Z_ = arrays.Z
    cdef Py_ssize_t[::1] starts_ = arrays.starts
    cdef Py_ssize_t N = Z_.shape[0], q = Z_.shape[1], J = starts_.shape[0] - 1
    cdef Py_ssize_t i, j, r, c, start, stop
    cdef double d, w, t_r, logp, total = 0.0, scale = 0.0
    cdef bint is_observed = observed, one_factor = observed or fam.canonical
    cdef Row row

    u_out = arrays.u0.copy()
    cov_out = np.empty((J, q, q))
    score_out, leverage_out, response_out = np.empty(N), np.empty(N), np.empty(N)
    dLambda_out = np.zeros((q, q))
    cdef double[:, ::1] u = u_out, dLambda = dLambda_out
    cdef double[:, :, ::1] cov = cov_out
    cdef double[::1] score = score_out, h = leverage_out, response = response_out
    cdef double[:, ::1] M = arrays.Z @ arrays.Lambda
    cdef double[::1] d1 = np.empty(N), fisher = np.empty(N), observed_ = np.empty(N), eta = np.empty(N)
    cdef double[::1] W
    cdef double[:, ::1] A = np.empty((q, q)), L = np.empty((q, q)), H = np.empty((q, q)), T = np.empty((N, q))
    cdef double[::1] u_old = np.empty(q), step = np.empty(q), lam = np.empty(q), t = np.empty(q)

    with nogil:
        W = observed_ if is_observed else fisher
        for j in range(J):
            start = starts_[j]
            stop = starts_[j + 1]
            d = find_mode(&fam, y_, n_, eta_fixed_, M, start, stop, q, &u[j, 0], &u_old[0], &step[0],
                          eta, d1, fisher, observed_, &logp, A, L)
            # L holds the observed curvature, unless it was not positive: then there is no mode.
            if d != d or not (fam.canonical or curvature(M, observed_, start, stop, q, A, H)):
                total = NAN
                break
            if not one_factor and not curvature(M, fisher, start, stop, q, A, L):
                total = NAN
                break
            total += d
            scale -= 2.0 * logp
            for r in range(q):
                total += 2.0 * log(L[r, r])
                lam[r] = 0.0
                for c in range(q):
                    t[c] = 1.0 if c == r else 0.0
                solve(&L[0, 0], &t[0], q)
                for c in range(q):
                    cov[j, r, c] = t[c]
            # h_i = m_i' A^-1 m_i and c_i = W'(eta_i) h_i; score holds c until v is known
            for i in range(start, stop):
                h[i] = 0.0
                for r in range(q):
                    t_r = 0.0
                    for c in range(q):
                        t_r += cov[j, r, c] * M[i, c]
                    T[i, r] = t_r
                    h[i] += M[i, r] * t_r
                row_terms(&fam, y_[i], n_[i], eta[i], True, &row)
                score[i] = (row.d_observed if is_observed else row.d_fisher) * h[i]
                for r in range(q):
                    lam[r] += M[i, r] * score[i]
            solve(&L[0, 0] if one_factor else &H[0, 0], &lam[0], q)
            for i in range(start, stop):
                response[i] = 0.0
                for r in range(q):
                    response[i] += M[i, r] * lam[r]
                w = score[i] - observed_[i] * response[i]
                score[i] = w - 2.0 * d1[i]
                scale += h[i] * W[i] + response[i] * d1[i]
                for c in range(q):
                    d = (lam[c] - 2.0 * u[j, c]) * d1[i] + 2.0 * W[i] * T[i, c] + w * u[j, c]
                    for r in range(q):
                        dLambda[r, c] += Z_[i, r] * d
    return LaplaceTerms(
        total, score_out, dLambda_out, u_out, cov_out, scale, leverage_out, response_out,
        np.zeros(0), np.zeros((N, 0)), np.zeros((0, 0)), np.zeros((J, q, 0)))
