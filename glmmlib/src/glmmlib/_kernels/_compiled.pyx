# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled Laplace kernel: same function, same numbers as `_kernels.reference`.

Read `reference.py` first: it says the mathematics. Here the same steps are taken group by group: its
rows are copied into columns that stay in cache while its mode is found, and loops run along them in
vector instructions (lanes.h). They need Z only: with b = Lambda u, g = Z' l' and G = Z' W Z,

    M u = Z b,    M' l' = Lambda' g,    A = I + Lambda' G Lambda,    m_i' A^-1 m_i = z_i' S z_i
    with S = Lambda A^-1 Lambda',       Z' W M A^-1 = G Lambda A^-1.

The arrays are checked at the boundary; the loops run without the GIL and allocate nothing.
"""
import numpy as np

from glmmlib._kernels._bordered import laplace_bordered
from glmmlib.family import RowTerms
from glmmlib._kernels.terms import (
    DECREMENT_TOLERANCE, LaplaceTerms, MAX_HALVINGS, MAX_STEPS, checked_arrays)

from glmmlib._kernels.families cimport Family, Terms, family_of, in_lanes, rows_terms
from glmmlib._kernels.linear cimport congruent, factorise, inverse, product, sandwich, solve

from libc.math cimport fabs, log, INFINITY, NAN

cdef extern from "lanes.h" nogil:
    void lanes_eta(Py_ssize_t N, Py_ssize_t q, double* fixed, double* Z, double* b, double* eta)
    void lanes_sums(Py_ssize_t N, Py_ssize_t q, double* Z, double* v, double* g)
    void lanes_moments(Py_ssize_t N, Py_ssize_t q, double* Z, double* w, double* G)
    void lanes_quadratic(Py_ssize_t N, Py_ssize_t q, double* Z, double* S, double* h)
    void lanes_functions(Py_ssize_t N, double* x, double* exps, double* logs)
    void lanes_response(Py_ssize_t N, Py_ssize_t q, double* Z, double* b, double* W, double* response, double* c)
    double lanes_total(Py_ssize_t N, double* v)
    double lanes_dot(Py_ssize_t N, double* v, double* w)

NAME = "cython"

cdef double TOLERANCE = DECREMENT_TOLERANCE
cdef int STEPS = MAX_STEPS, HALVINGS = MAX_HALVINGS

ctypedef struct Group:
    # One group's rows: N of them, zeros appended; Z (q, N). Lambda (q, q) is all groups'.
    Py_ssize_t N, q
    double* y
    double* n
    double* fixed
    double* eta
    double* h
    double* c
    double* Z
    double* Lambda
    Terms terms


cdef bint curvature(Group* at, double* weight, double* G, double* B, double* L) noexcept nogil:
    """G = Z' W Z, B = G Lambda, and I + Lambda' B factored into L; False when it is not positive definite."""
    cdef Py_ssize_t r, q = at.q
    lanes_moments(at.N, q, at.Z, weight, G)
    congruent(G, at.Lambda, B, L, q)
    for r in range(q):
        L[r * q + r] += 1.0
    return factorise(L, L, q)


cdef double find_mode(Family* family, Group* at, double* u, double* work, double* logp) noexcept nogil:
    """PIRLS in place on u; returns -2 sum(logp) + |u|^2, or NaN on failure.

    Leaves the rows' eta and terms as they are at u, and the sum of logp.
    """
    cdef Py_ssize_t r, k, q = at.q
    cdef int steps = 0, halvings = 0
    cdef bint newton, last = False
    cdef double d, decrement, d_old = INFINITY
    cdef double* b = work
    cdef double* g = b + q
    cdef double* step = g + q
    cdef double* u_old = step + q
    cdef double* G = u_old + q
    cdef double* B = G + q * q
    cdef double* L = B + q * q
    while True:
        product(at.Lambda, u, b, q)
        lanes_eta(at.N, q, at.fixed, at.Z, b, at.eta)
        rows_terms(family, at.N, at.y, at.n, at.eta, &at.terms)
        logp[0] = lanes_total(at.N, at.terms.logp)
        d = -2.0 * logp[0]
        for r in range(q):
            d += u[r] * u[r]
        if not d <= d_old + 1e-10 * (1.0 + fabs(d_old)):
            last = False
            halvings += 1
            if halvings > HALVINGS:
                return NAN
            for r in range(q):
                u[r] = 0.5 * (u[r] + u_old[r])
            continue
        if last:
            return d
        # Newton's step; with the Fisher weights where the observed ones have no positive curvature.
        newton = curvature(at, at.terms.observed, G, B, L)
        if not newton and (family.canonical or not curvature(at, at.terms.fisher, G, B, L)):
            return NAN
        lanes_sums(at.N, q, at.Z, at.terms.d1, b)
        for r in range(q):
            g[r] = -u[r]
            for k in range(q):
                g[r] += at.Lambda[k * q + r] * b[k]
            step[r] = g[r]
        solve(L, step, q)
        decrement = 0.0
        for r in range(q):
            decrement += g[r] * step[r]
        if decrement != decrement:
            return NAN
        if steps == STEPS:
            return d
        # What Newton's step leaves over is about the square of what it gains.
        last = decrement * (decrement if newton else 1.0) <= TOLERANCE
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
    cdef double[:, ::1] Z_ = arrays.Z, Lambda_ = arrays.Lambda
    cdef Py_ssize_t[::1] starts_ = arrays.starts
    cdef Py_ssize_t rows = Z_.shape[0], q = Z_.shape[1], J = starts_.shape[0] - 1
    cdef Py_ssize_t i, j, r, c, start, size, most = 8
    cdef double d, logp, total = 0.0, scale = 0.0
    cdef bint one_factor = observed or fam.canonical

    u_out = arrays.u0.copy()
    cov_out = np.empty((J, q, q))
    score_out, leverage_out, response_out = np.empty(rows), np.empty(rows), np.empty(rows)
    dLambda_out = np.zeros((q, q))
    cdef double[:, ::1] u = u_out, dLambda = dLambda_out
    cdef double[:, :, ::1] cov = cov_out
    cdef double[::1] score = score_out, leverage = leverage_out, response = response_out

    for j in range(J):
        most = max(most, starts_[j + 1] - starts_[j])
    most = (most + 7) // 8 * 8
    cdef double[:, ::1] columns = np.zeros((12 + q, most))
    cdef double[::1] work = np.empty(4 * q + 6 * q * q)
    cdef Group at
    at.q, at.Lambda = q, &Lambda_[0, 0]
    at.y, at.n, at.fixed, at.eta = &columns[0, 0], &columns[1, 0], &columns[2, 0], &columns[3, 0]
    at.h, at.c, at.Z = &columns[4, 0], &columns[5, 0], &columns[12, 0]
    at.terms.logp, at.terms.d1 = &columns[6, 0], &columns[7, 0]
    at.terms.fisher, at.terms.d_fisher = &columns[8, 0], &columns[9, 0]
    at.terms.observed, at.terms.d_observed = at.terms.fisher, at.terms.d_fisher
    if not fam.canonical:
        at.terms.observed, at.terms.d_observed = &columns[10, 0], &columns[11, 0]
    cdef double* W = at.terms.observed if observed else at.terms.fisher
    cdef double* dW = at.terms.d_observed if observed else at.terms.d_fisher
    cdef double* d1 = at.terms.d1
    cdef double* Wo = at.terms.observed
    cdef double* lam = &work[0]
    cdef double* a = lam + q
    cdef double* v = a + q
    cdef double* b = v + q
    cdef double* G = b + q
    cdef double* B = G + q * q
    cdef double* L = B + q * q
    cdef double* H = L + q * q
    cdef double* S = H + q * q
    cdef double* T = S + q * q
    if one_factor:
        L = H

    with nogil:
        for j in range(J):
            start = starts_[j]
            size = starts_[j + 1] - start
            at.N = (size + 7) // 8 * 8 if in_lanes(&fam) else size
            for i in range(size):
                at.y[i] = y_[start + i]
                at.n[i] = n_[start + i]
                at.fixed[i] = eta_fixed_[start + i]
            for i in range(size, at.N):
                at.y[i] = at.n[i] = at.fixed[i] = 0.0
            for r in range(q):
                for i in range(size):
                    at.Z[r * at.N + i] = Z_[start + i, r]
                for i in range(size, at.N):
                    at.Z[r * at.N + i] = 0.0
            d = find_mode(&fam, &at, &u[j, 0], &work[0], &logp)
            if d != d or not curvature(&at, Wo, G, B, H) or not (one_factor or curvature(&at, W, G, B, L)):
                total = NAN
                break
            scale -= 2.0 * logp
            total += d
            for r in range(q):
                total += 2.0 * log(L[r * q + r])
            inverse(L, &cov[j, 0, 0], q)
            # h_i = z_i' S z_i and c_i = W'(eta_i) h_i
            sandwich(at.Lambda, &cov[j, 0, 0], S, T, q)
            lanes_quadratic(at.N, q, at.Z, S, at.h)
            for i in range(at.N):
                at.c[i] = dW[i] * at.h[i]
            lanes_sums(at.N, q, at.Z, at.c, a)
            for r in range(q):
                lam[r] = 0.0
                for c in range(q):
                    lam[r] += at.Lambda[c * q + r] * a[c]
            solve(H, lam, q)
            product(at.Lambda, lam, b, q)
            # The modes' response to c goes where eta was, and v where c was.
            lanes_response(at.N, q, at.Z, b, Wo, at.eta, at.c)
            lanes_sums(at.N, q, at.Z, at.c, v)
            lanes_sums(at.N, q, at.Z, d1, a)
            scale += lanes_dot(at.N, at.h, W) + lanes_dot(at.N, at.eta, d1)
            for i in range(size):
                score[start + i] = at.c[i] - 2.0 * d1[i]
                leverage[start + i] = at.h[i]
                response[start + i] = at.eta[i]
            for r in range(q):
                for c in range(q):
                    d = (lam[c] - 2.0 * u[j, c]) * a[r] + u[j, c] * v[r]
                    for i in range(q):
                        d += 2.0 * B[r * q + i] * cov[j, i, c]
                    dLambda[r, c] += d
    return LaplaceTerms(
        total, score_out, dLambda_out, u_out, cov_out, scale, leverage_out, response_out,
        np.zeros(0), np.zeros((rows, 0)), np.zeros((0, 0)), np.zeros((J, q, 0)))


def terms(family, y, n, eta):
    """`family.terms` for families with a code: rows' log-likelihood and its derivatives at eta, all (N,)."""
    cdef double[::1] y_, n_, eta_
    y_, n_, eta_ = (np.ascontiguousarray(a, dtype=float) for a in (y, n, eta))
    cdef Py_ssize_t N = len(y_)
    if len(n_) != N or len(eta_) != N:
        raise ValueError("y, n and eta must be of the same length.")
    cdef Family fam = family_of(family)
    logp, d1, fisher, d_fisher = np.empty((4, N))
    observed, d_observed = (fisher, d_fisher) if fam.canonical else np.empty((2, N))
    cdef Terms out
    if N:
        out.logp, out.d1, out.fisher = start_of(logp), start_of(d1), start_of(fisher)
        out.observed, out.d_fisher, out.d_observed = start_of(observed), start_of(d_fisher), start_of(d_observed)
        with nogil:
            rows_terms(&fam, N, &y_[0], &n_[0], &eta_[0], &out)
    return RowTerms(logp, d1, fisher, observed, d_fisher, d_observed)


cdef double* start_of(double[::1] array):
    return &array[0]


def lane_functions(x):
    """exp(x) and log1p(x) as the kernel computes them (N,), the latter for 0 <= x <= 1: for the tests."""
    cdef double[::1] x_ = np.ascontiguousarray(x, dtype=float)
    exps, logs = np.empty(len(x_)), np.empty(len(x_))
    cdef double[::1] exps_ = exps, logs_ = logs
    if len(x_):
        lanes_functions(len(x_), &x_[0], &exps_[0], &logs_[0])
    return exps, logs
