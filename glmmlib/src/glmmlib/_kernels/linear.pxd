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


cdef inline void solve(double* L, double* x, Py_ssize_t q) noexcept nogil:
    """Overwrite x (q,) with the solution of L L' x = x."""
    cdef Py_ssize_t r, k
    for r in range(q):
        for k in range(r):
            x[r] -= L[r * q + k] * x[k]
        x[r] /= L[r * q + r]
    for r in range(q - 1, -1, -1):
        for k in range(r + 1, q):
            x[r] -= L[k * q + r] * x[k]
        x[r] /= L[r * q + r]
