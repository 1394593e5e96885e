# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled Laplace kernel: same function, same numbers as `_kernels.reference`.

Read `reference.py` first: it says the mathematics. Here the same steps are taken group by
group, so that one group's rows stay in cache while its mode is found, and every row costs one
exp and one log1p per PIRLS step. The arrays are checked at the boundary; the loops run without
the GIL and allocate nothing.
"""
import numpy as np

from glmmlib._kernels.terms import (
    DECREMENT_TOLERANCE, LaplaceTerms, MAX_HALVINGS, MAX_STEPS, checked_arrays)

from libc.math cimport exp, fabs, log, log1p, sqrt, INFINITY, NAN

NAME = "cython"

cdef double TOLERANCE = DECREMENT_TOLERANCE
cdef int STEPS = MAX_STEPS
cdef int HALVINGS = MAX_HALVINGS


cdef bint factorise(double[:, ::1] A, double[:, ::1] L, Py_ssize_t q) noexcept nogil:
    """Lower Cholesky factor of A (q, q) into L; False when A is not positive definite."""
    cdef Py_ssize_t r, c, k
    cdef double s
    for r in range(q):
        for c in range(r + 1):
            s = A[r, c]
            for k in range(c):
                s -= L[r, k] * L[c, k]
            if r == c:
                if not s > 0:
                    return False
                L[r, r] = sqrt(s)
            else:
                L[r, c] = s / L[c, c]
    return True


cdef void solve(double[:, ::1] L, double* x, Py_ssize_t q) noexcept nogil:
    """Overwrite x (q,) with the solution of L L' x = x."""
    cdef Py_ssize_t r, k
    for r in range(q):
        for k in range(r):
            x[r] -= L[r, k] * x[k]
        x[r] /= L[r, r]
    for r in range(q - 1, -1, -1):
        for k in range(r + 1, q):
            x[r] -= L[k, r] * x[k]
        x[r] /= L[r, r]


cdef double find_mode(
    double[::1] y, double[::1] n, double[::1] eta_fixed, double[:, ::1] M,
    Py_ssize_t start, Py_ssize_t stop, Py_ssize_t q,
    double* u, double* u_old, double* step,
    double[::1] residual, double[::1] weight, double[::1] mu,
    double[:, ::1] A, double[:, ::1] L,
) noexcept nogil:
    """PIRLS for one group, in place on u; returns -2 sum(logp) + |u|^2, or NaN on failure."""
    cdef Py_ssize_t i, r, c
    cdef int steps = 0, halvings = 0
    cdef double eta, e, d, decrement, d_old = INFINITY
    for r in range(q):
        u_old[r] = u[r]
    while True:
        d = 0.0
        for r in range(q):
            d += u[r] * u[r]
            for c in range(r + 1):
                A[r, c] = 1.0 if r == c else 0.0
        for i in range(start, stop):
            eta = eta_fixed[i]
            for r in range(q):
                eta += M[i, r] * u[r]
            e = exp(-fabs(eta))
            d -= 2.0 * (y[i] * eta - n[i] * ((eta if eta > 0 else 0.0) + log1p(e)))
            mu[i] = 1.0 / (1.0 + e) if eta >= 0 else e / (1.0 + e)
            residual[i] = y[i] - n[i] * mu[i]
            weight[i] = n[i] * e / ((1.0 + e) * (1.0 + e))
            for r in range(q):
                for c in range(r + 1):
                    A[r, c] += weight[i] * M[i, r] * M[i, c]
        if not d <= d_old + 1e-10 * (1.0 + fabs(d_old)):
            halvings += 1
            if halvings > HALVINGS:
                return NAN
            for r in range(q):
                u[r] = 0.5 * (u[r] + u_old[r])
            continue
        if not factorise(A, L, q):
            return NAN
        for r in range(q):
            step[r] = -u[r]
        for i in range(start, stop):
            for r in range(q):
                step[r] += M[i, r] * residual[i]
        for r in range(q):
            u_old[r] = step[r]                  # the gradient, kept while step is solved for
        solve(L, step, q)
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


def laplace(y, n, eta_fixed, Z, starts, Lambda, u0):
    """See `glmmlib._kernels.reference.laplace`: same arguments, same result."""
    arrays = checked_arrays(y, n, eta_fixed, Z, starts, Lambda, u0)
    cdef double[::1] y_ = arrays.y, n_ = arrays.n, eta_ = arrays.eta_fixed
    cdef double[:, ::1] Z_ = arrays.Z, Lambda_ = arrays.Lambda
    cdef Py_ssize_t[::1] starts_ = arrays.starts
    cdef Py_ssize_t N = Z_.shape[0], q = Z_.shape[1], J = starts_.shape[0] - 1
    cdef Py_ssize_t i, j, r, c, start, stop
    cdef double d, l, w, total = 0.0

    u_out = arrays.u0.copy()
    cov_out = np.empty((J, q, q))
    score_out = np.empty(N)
    dLambda_out = np.zeros((q, q))
    cdef double[:, ::1] u = u_out, dLambda = dLambda_out
    cdef double[:, :, ::1] cov = cov_out
    cdef double[::1] score = score_out
    cdef double[:, ::1] M = arrays.Z @ arrays.Lambda
    cdef double[::1] residual = np.empty(N), weight = np.empty(N), mu = np.empty(N)
    cdef double[::1] h = np.empty(N)
    cdef double[:, ::1] A = np.empty((q, q)), L = np.empty((q, q)), T = np.empty((N, q))
    cdef double[::1] u_old = np.empty(q), step = np.empty(q), lam = np.empty(q), t = np.empty(q)

    with nogil:
        for j in range(J):
            start = starts_[j]
            stop = starts_[j + 1]
            d = find_mode(y_, n_, eta_, M, start, stop, q, &u[j, 0], &u_old[0], &step[0],
                          residual, weight, mu, A, L)
            if d != d:
                total = NAN
                break
            total += d
            for r in range(q):
                total += 2.0 * log(L[r, r])
                lam[r] = 0.0
                for c in range(q):
                    t[c] = 1.0 if c == r else 0.0
                solve(L, &t[0], q)
                for c in range(q):
                    cov[j, r, c] = t[c]
            # h_i = m_i' A^-1 m_i and c_i = W'(eta_i) h_i; score holds c until v is known
            for i in range(start, stop):
                h[i] = 0.0
                for r in range(q):
                    T[i, r] = 0.0
                    for c in range(q):
                        T[i, r] += cov[j, r, c] * M[i, c]
                    h[i] += M[i, r] * T[i, r]
                score[i] = weight[i] * (1.0 - 2.0 * mu[i]) * h[i]
                for r in range(q):
                    lam[r] += M[i, r] * score[i]
            solve(L, &lam[0], q)
            for i in range(start, stop):
                l = residual[i]
                w = score[i]
                for r in range(q):
                    w -= weight[i] * M[i, r] * lam[r]
                score[i] = w - 2.0 * l
                for c in range(q):
                    d = (lam[c] - 2.0 * u[j, c]) * l + 2.0 * weight[i] * T[i, c] + w * u[j, c]
                    for r in range(q):
                        dLambda[r, c] += Z_[i, r] * d
    return LaplaceTerms(total, score_out, dLambda_out, u_out, cov_out)
