# cython: language_level=3, cdivision=True
"""Small dense linear algebra for one group's q coefficients, row-major, lower triangles."""

from libc.math cimport sqrt


cdef inline bint factorise(double* A, double* L, Py_ssize_t q) noexcept nogil:
    """Lower Cholesky factor of A (q, q) into L, which may be A; False when A is not positive definite."""
    cdef Py_ssize_t r, c, k
    cdef double s
    for r in range(q):
        for c in range(r + 1):
            s = A[r * q + c]
            for k in range(c):
                s -= L[r * q + k] * L[c * q + k]
            if r == c:
                if not s > 0:
                    return False
                L[r * q + r] = sqrt(s)
            else:
                L[r * q + c] = s / L[c * q + c]
    return True


cdef inline void forward(double* L, double* x, Py_ssize_t q) noexcept nogil:
    """Overwrite x (q,) with L^-1 x."""
    cdef Py_ssize_t r, k
    for r in range(q):
        for k in range(r):
            x[r] -= L[r * q + k] * x[k]
        x[r] /= L[r * q + r]


cdef inline void backward(double* L, double* x, Py_ssize_t q) noexcept nogil:
    """Overwrite x (q,) with L'^-1 x."""
    cdef Py_ssize_t r, k
    for r in range(q - 1, -1, -1):
        for k in range(r + 1, q):
            x[r] -= L[k * q + r] * x[k]
        x[r] /= L[r * q + r]


cdef inline void solve(double* L, double* x, Py_ssize_t q) noexcept nogil:
    """Overwrite x (q,) with (L L')^-1 x."""
    forward(L, x, q)
    backward(L, x, q)


cdef inline void inverse(double* L, double* out, Py_ssize_t q) noexcept nogil:
    """(L L')^-1 into out (q, q)."""
    cdef Py_ssize_t r, c
    for r in range(q):
        for c in range(q):
            out[r * q + c] = 1.0 if c == r else 0.0
        solve(L, out + r * q, q)


cdef inline void product(double* M, double* x, double* out, Py_ssize_t q) noexcept nogil:
    """out = M x."""
    cdef Py_ssize_t r, c
    for r in range(q):
        out[r] = 0.0
        for c in range(q):
            out[r] += M[r * q + c] * x[c]


cdef inline void congruent(double* G, double* M, double* B, double* out, Py_ssize_t q) noexcept nogil:
    """B = G M, and the lower triangle of M' G M into out."""
    cdef Py_ssize_t r, c, k
    for r in range(q):
        for c in range(q):
            B[r * q + c] = 0.0
        for k in range(q):
            for c in range(q):
                B[r * q + c] += G[r * q + k] * M[k * q + c]
    for r in range(q):
        for c in range(r + 1):
            out[r * q + c] = 0.0
        for k in range(q):
            for c in range(r + 1):
                out[r * q + c] += M[k * q + r] * B[k * q + c]


cdef inline void sandwich(double* M, double* A, double* out, double* T, Py_ssize_t q) noexcept nogil:
    """out = M A M', A symmetric; T (q, q) is room for M A."""
    cdef Py_ssize_t r, c, k
    for r in range(q):
        for c in range(q):
            T[r * q + c] = 0.0
        for k in range(q):
            for c in range(q):
                T[r * q + c] += M[r * q + k] * A[k * q + c]
        for c in range(r + 1):
            out[r * q + c] = 0.0
            for k in range(q):
                out[r * q + c] += T[r * q + k] * M[c * q + k]
            out[c * q + r] = out[r * q + c]
