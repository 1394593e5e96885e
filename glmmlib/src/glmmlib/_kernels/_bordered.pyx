# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled Laplace kernel for several grouping factors, or fixed effects solved for within.

Same numbers as `_kernels.reference`, whose names it keeps. The first factor's groups are eliminated
one by one; each touches only the coefficients of the border that its own rows meet, so that the cost
of crossed designs grows with the meetings, not with groups times border. The Schur complement of the
border falls apart into the components of its incidence: one of all coefficients where factors are
crossed, many small ones where they are nested. Each is dense and goes to LAPACK; where every group
meets every coefficient, the elimination goes to BLAS as well.

All coefficients make one vector: those of the groups, u (J, q), then the border's in the order of its
incidence. The arrays are checked at the boundary; the loops run without the GIL and allocate nothing.
"""
from itertools import pairwise

import numpy as np
from scipy.linalg import cython_blas, cython_lapack

from glmmlib._kernels.terms import (
    CHORD_GAIN, DECREMENT_TOLERANCE, LaplaceTerms, MAX_HALVINGS, MAX_STEPS, checked_arrays, checked_border)

from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from glmmlib._kernels.families cimport Family, Terms, family_of, rows_terms
from glmmlib._kernels.linear cimport backward, factorise, forward

from libc.math cimport fabs, isfinite, log, INFINITY, NAN
from libc.string cimport memcpy, memset

cdef extern from "border.h" nogil:
    void border_eta(Py_ssize_t q, Py_ssize_t s, Py_ssize_t J, const Py_ssize_t* starts, double* M, double* V,
                    const Py_ssize_t* columns, double* fixed, double* u, double* b, double* eta)
    void border_transposed(Py_ssize_t q, Py_ssize_t s, Py_ssize_t J, const Py_ssize_t* starts, double* M, double* V,
                           const Py_ssize_t* columns, double* rows, double* u, double* b)
    void border_moments(Py_ssize_t q, Py_ssize_t s, Py_ssize_t start, Py_ssize_t stop, double* M, double* V,
                        const Py_ssize_t* columns, const Py_ssize_t* local, double* weights, double* L, double* C,
                        Py_ssize_t width, double* S, Py_ssize_t base, Py_ssize_t size)
    void border_leverage(Py_ssize_t q, Py_ssize_t s, Py_ssize_t start, Py_ssize_t stop, double* M, double* V,
                         const Py_ssize_t* columns, const Py_ssize_t* local, double* F, double* X, Py_ssize_t width,
                         double* P, Py_ssize_t base, Py_ssize_t size, double* T, double* U, double* h)
    void border_slopes(Py_ssize_t q, Py_ssize_t s, Py_ssize_t J, const Py_ssize_t* starts, const Py_ssize_t* columns,
                       double* Z, double* T, double* d1, double* W, double* v, double* u, double* lam, double* b,
                       double* lam_b, double* dLambda, double* U)

cdef extern from "lanes.h" nogil:
    double lanes_total(Py_ssize_t N, double* v)
    double lanes_dot(Py_ssize_t N, double* v, double* w)

cdef double TOLERANCE = DECREMENT_TOLERANCE
cdef int STEPS = MAX_STEPS, HALVINGS = MAX_HALVINGS


# --- SciPy's BLAS and LAPACK, column-major; their addresses are had at run time, so that building needs no SciPy ------

ctypedef void (*syrk_t)(char*, char*, int*, int*, double*, double*, int*, double*, double*, int*) noexcept nogil
ctypedef void (*gemm_t)(char*, char*, int*, int*, int*, double*, double*, int*, double*, int*, double*, double*,
                        int*) noexcept nogil
ctypedef void (*potrf_t)(char*, int*, double*, int*, int*) noexcept nogil
ctypedef void (*potrs_t)(char*, int*, int*, double*, int*, double*, int*, int*) noexcept nogil

cdef void* address(object library, str name) except NULL:
    capsule = library.__pyx_capi__[name]
    return PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))

cdef syrk_t dsyrk = <syrk_t> address(cython_blas, "dsyrk")
cdef gemm_t dgemm = <gemm_t> address(cython_blas, "dgemm")
cdef potrf_t dpotrf = <potrf_t> address(cython_lapack, "dpotrf")
cdef potrf_t dpotri = <potrf_t> address(cython_lapack, "dpotri")
cdef potrs_t dpotrs = <potrs_t> address(cython_lapack, "dpotrs")

# A lower triangle row by row is LAPACK's upper one, column by column.
cdef char* UPPER = "U"
cdef char* AS_IT_IS = "N"


ctypedef struct Layout:
    # Which coefficients each row has: M (N, q) of its group, V (N, s) of the border; the rest as in `Incidence`.
    double* M
    double* V
    const Py_ssize_t* columns       # in the kernel's order
    const Py_ssize_t* local
    const Py_ssize_t* starts
    const Py_ssize_t* touched
    const Py_ssize_t* offsets
    const Py_ssize_t* order
    const Py_ssize_t* components
    const Py_ssize_t* component_of
    const Py_ssize_t* squares       # (B + 1,) where each component's block (size, size) begins
    Py_ssize_t N, q, s, J, K, B, meetings, penalised, integrated
    bint full                       # every group meets every coefficient of the border


cdef Layout layout_of(double[:, ::1] M, border, const Py_ssize_t[::1] squares) except *:
    """Its pointers are good as long as the arguments live."""
    cdef Layout at
    incidence = border.incidence
    cdef double[:, ::1] V = border.values
    cdef const Py_ssize_t[:, ::1] columns = incidence.places, local = incidence.local
    at.N, at.q, at.s, at.J, at.K = M.shape[0], M.shape[1], V.shape[1], len(incidence.starts) - 1, incidence.K
    at.B, at.meetings = len(squares) - 1, len(incidence.touched)
    at.penalised, at.integrated = border.penalised, border.integrated
    at.full = at.B == 1 and at.K > 0 and at.meetings == at.J * at.K
    at.starts, at.touched, at.offsets = first_of(incidence.starts), first_of(incidence.touched), first_of(incidence.offsets)
    at.order, at.components = first_of(incidence.order), first_of(incidence.components)
    at.component_of, at.squares = first_of(incidence.component_of), first_of(squares)
    at.M = at.V = &nothing
    at.columns = at.local = &nowhere
    if at.N:
        at.M = &M[0, 0]
    if at.N and at.s:
        at.V, at.columns, at.local = &V[0, 0], &columns[0, 0], &local[0, 0]
    return at


cdef void linear_predictor(Layout* at, double* fixed, double* x, double* eta) noexcept nogil:
    """fixed + M u + V b."""
    border_eta(at.q, at.s, at.J, at.starts, at.M, at.V, at.columns, fixed, x, x + at.J * at.q, eta)


cdef void add_transposed(Layout* at, double* rows, double* x) noexcept nogil:
    """Add M' rows and V' rows to x."""
    border_transposed(at.q, at.s, at.J, at.starts, at.M, at.V, at.columns, rows, x, x + at.J * at.q)


cdef int kept(Layout* at, Py_ssize_t k) noexcept nogil:
    """How many of component k's coefficients are integrated over: they are its first."""
    cdef Py_ssize_t i = at.components[k]
    while i < at.components[k + 1] and at.order[i] < at.integrated:
        i += 1
    return <int> (i - at.components[k])


cdef double factoring(Layout* at) noexcept nogil:
    """What factoring the Schur complement costs, but for a factor."""
    cdef Py_ssize_t k
    cdef double size, total = 0.0
    for k in range(at.B):
        size = at.components[k + 1] - at.components[k]
        total += size * size * size
    return total


# Where empty arrays begin: C's functions refuse NULL even where there is nothing to do.
cdef double nothing = 0.0
cdef Py_ssize_t nowhere = 0


cdef const Py_ssize_t* first_of(const Py_ssize_t[::1] array) noexcept:
    return &array[0] if array.shape[0] else &nowhere


cdef double* start_of(double[::1] array) noexcept:
    return &array[0] if array.shape[0] else &nothing


cdef class Curvature:
    """I + M' W M in blocks, factored.

    With L the Cholesky factor of a group's own block and C its block with the border, L and
    half = L^-1 C are kept: the Schur complement is the border's own block less the sum of half' half.
    """

    cdef Layout at
    cdef object arrays     # keeps alive what pointers point to
    cdef double* root      # (J, q * q), L
    cdef double* half      # concatenated over groups (q, touched)
    cdef double* schur     # concatenated over components (size, size), Cholesky factors as LAPACK's upper triangles

    def __init__(self, Problem problem):
        self.at = problem.at
        cdef Layout* at = &self.at
        root, half, schur = np.empty(at.J * at.q * at.q), np.empty(at.meetings * at.q), np.empty(at.squares[at.B])
        self.arrays = problem.arrays, root, half, schur
        self.root, self.half, self.schur = start_of(root), start_of(half), start_of(schur)

    cdef bint factor(self, double* weights) noexcept nogil:
        """False where it is not positive definite."""
        cdef Layout* at = &self.at
        cdef Py_ssize_t i, k, size
        cdef int n, rows, failed
        cdef double one = 1.0, minus = -1.0
        memset(self.schur, 0, at.squares[at.B] * sizeof(double))
        if not self.eliminate(weights):
            return False
        for k in range(at.B):
            size = at.components[k + 1] - at.components[k]
            for i in range(size):
                if at.order[at.components[k] + i] < at.penalised:
                    self.schur[at.squares[k] + i * (size + 1)] += 1.0
        if at.full:
            n, rows = <int> at.K, <int> (at.J * at.q)
            dsyrk(UPPER, AS_IT_IS, &n, &rows, &minus, self.half, &n, &one, self.schur, &n)
        for k in range(at.B):
            n = <int> (at.components[k + 1] - at.components[k])
            if n:
                dpotrf(UPPER, &n, self.schur + at.squares[k], &n, &failed)
                if failed:
                    return False
        return True

    cdef bint eliminate(self, double* weights) noexcept nogil:
        """Fill root and half; the Schur complement, or when full what it starts from, into the lower
        triangles of schur, without the penalty."""
        cdef Layout* at = &self.at
        cdef Py_ssize_t j, k, r, c, a, b, width, base, size, q = at.q
        cdef double t
        cdef double* L
        cdef double* C
        cdef double* S
        cdef double* row
        cdef const Py_ssize_t* touched
        for j in range(at.J):
            k = at.component_of[j]
            base, size, S = at.components[k], at.components[k + 1] - at.components[k], self.schur + at.squares[k]
            L, C, touched = self.root + j * q * q, self.half + at.offsets[j] * q, at.touched + at.offsets[j]
            width = at.offsets[j + 1] - at.offsets[j]
            memset(C, 0, width * q * sizeof(double))
            for r in range(q):
                for c in range(r + 1):
                    L[r * q + c] = 1.0 if r == c else 0.0
            border_moments(q, at.s, at.starts[j], at.starts[j + 1], at.M, at.V, at.columns, at.local, weights,
                           L, C, width, S, base, size)
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
                        row = S + (touched[a] - base) * size
                        for b in range(a + 1):
                            row[touched[b] - base] -= t * C[r * width + b]
        return True

    cdef double logdet(self) noexcept nogil:
        """Of the part that is integrated over."""
        cdef Layout* at = &self.at
        cdef Py_ssize_t i, k, size, q = at.q
        cdef double total = 0.0
        for i in range(at.J):
            for k in range(q):
                total += 2.0 * log(self.root[i * q * q + k * (q + 1)])
        for k in range(at.B):
            size = at.components[k + 1] - at.components[k]
            for i in range(kept(at, k)):
                total += 2.0 * log(self.schur[at.squares[k] + i * (size + 1)])
        return total

    cdef void solve(self, double* x) noexcept nogil:
        """Overwrite x with what the whole matrix makes x."""
        cdef Layout* at = &self.at
        cdef Py_ssize_t j, k, r, a, width, q = at.q
        cdef int n, one = 1, failed
        cdef double t
        cdef double* b = x + at.J * q
        cdef double* C
        cdef const Py_ssize_t* touched
        for j in range(at.J):
            C, touched, width = self.half + at.offsets[j] * q, at.touched + at.offsets[j], at.offsets[j + 1] - at.offsets[j]
            forward(self.root + j * q * q, x + j * q, q)
            for r in range(q):
                t = x[j * q + r]
                for a in range(width):
                    b[touched[a]] -= C[r * width + a] * t
        for k in range(at.B):
            n = <int> (at.components[k + 1] - at.components[k])
            if n:
                dpotrs(UPPER, &n, &one, self.schur + at.squares[k], &n, b + at.components[k], &n, &failed)
        for j in range(at.J):
            C, touched, width = self.half + at.offsets[j] * q, at.touched + at.offsets[j], at.offsets[j + 1] - at.offsets[j]
            for r in range(q):
                t = 0.0
                for a in range(width):
                    t += C[r * width + a] * b[touched[a]]
                x[j * q + r] -= t
            backward(self.root + j * q * q, x + j * q, q)

    cdef void inverse(self, double* first, double* cross, double* corner) noexcept nogil:
        """A^-1 of the part that is integrated over: first (J, q, q), corner by components (size, size), and
        cross concatenated over groups (q, touched), at the coefficients that its rows meet."""
        cdef Layout* at = &self.at
        cdef Py_ssize_t j, k, r, c, a, b, width, base, size, q = at.q
        cdef int n, some, groups = <int> (at.J * q), failed
        cdef double t, one = 1.0, zero = 0.0
        cdef double* C
        cdef double* L
        cdef double* F
        cdef double* P
        cdef double* X
        cdef const Py_ssize_t* touched
        for k in range(at.B):
            size, some, P = at.components[k + 1] - at.components[k], kept(at, k), corner + at.squares[k]
            n = <int> size
            if some:
                memcpy(P, self.schur + at.squares[k], size * size * sizeof(double))
                dpotri(UPPER, &some, P, &n, &failed)
            for r in range(size):
                for c in range(r + 1):
                    if r >= some:
                        P[r * size + c] = 0.0
                    P[c * size + r] = P[r * size + c]
        # X = half P becomes the cross block, -L'^-1 X.
        if at.full:
            n = <int> at.K
            dgemm(AS_IT_IS, AS_IT_IS, &n, &groups, &n, &one, corner, &n, self.half, &n, &zero, cross, &n)
        for j in range(at.J):
            k = at.component_of[j]
            base, size, P = at.components[k], at.components[k + 1] - at.components[k], corner + at.squares[k]
            C, X, touched = self.half + at.offsets[j] * q, cross + at.offsets[j] * q, at.touched + at.offsets[j]
            width, L, F = at.offsets[j + 1] - at.offsets[j], self.root + j * q * q, first + j * q * q
            if not at.full:
                memset(X, 0, width * q * sizeof(double))
                for r in range(q):
                    for a in range(width):
                        t = C[r * width + a]
                        for b in range(width):
                            X[r * width + b] += t * P[(touched[a] - base) * size + touched[b] - base]
            # first = L'^-1 (I + X half') L^-1, column by column and then row by row
            for r in range(q):
                for c in range(q):
                    t = 1.0 if r == c else 0.0
                    for a in range(width):
                        t += X[r * width + a] * C[c * width + a]
                    F[r * q + c] = t
            for r in range(q):
                backward(L, F + r * q, q)
            for r in range(q):
                for c in range(r):
                    F[r * q + c], F[c * q + r] = F[c * q + r], F[r * q + c]
            for r in range(q):
                backward(L, F + r * q, q)
            for r in range(q - 1, -1, -1):
                for c in range(r + 1, q):
                    t = L[c * q + r]
                    for a in range(width):
                        X[r * width + a] -= t * X[c * width + a]
                t = 1.0 / L[r * q + r]
                for a in range(width):
                    X[r * width + a] *= t
            for a in range(q * width):
                X[a] = -X[a]


cdef class Problem:
    """The rows of one evaluation, and all coefficients with what the search for their modes needs."""

    cdef Family family
    cdef Layout at
    cdef object arrays, coefficients  # keep alive what pointers point to
    cdef Py_ssize_t size     # J * q + K
    cdef bint chords         # factoring the border costs more than many looks at the rows
    cdef double* y
    cdef double* n
    cdef double* fixed
    cdef double* eta
    cdef Terms terms
    cdef double* x           # the coefficients
    cdef double* penalty     # 1 or 0
    cdef double* gradient
    cdef double* step
    cdef double* before

    def __init__(self, family, arrays, border):
        N, first, K, components = len(arrays.y), arrays.u0.size, len(border.start), border.incidence.components
        M, squares = np.dot(arrays.Z, arrays.Lambda), np.zeros(len(components), dtype=np.intp)  # `@` is slow for q = 1
        np.cumsum(np.diff(components) ** 2, out=squares[1:])
        self.family, self.at, self.size = family_of(family), layout_of(M, border, squares), first + K
        self.chords = factoring(&self.at) > CHORD_GAIN * N
        rows, coefficients = np.empty((7, N)), np.empty((5, first + K))
        self.arrays, self.coefficients = (arrays, border, M, squares, rows), coefficients
        order = border.incidence.order
        coefficients[0, :first], coefficients[0, first:] = arrays.u0.ravel(), border.start[order]
        coefficients[1, :first], coefficients[1, first:] = 1.0, order < border.penalised
        coefficients[4] = coefficients[0]
        self.y, self.n, self.fixed = start_of(arrays.y), start_of(arrays.n), start_of(arrays.eta_fixed)
        self.eta, self.terms.logp, self.terms.d1 = start_of(rows[0]), start_of(rows[1]), start_of(rows[2])
        self.terms.fisher, self.terms.d_fisher = start_of(rows[3]), start_of(rows[4])
        self.terms.observed, self.terms.d_observed = self.terms.fisher, self.terms.d_fisher
        if not self.family.canonical:
            self.terms.observed, self.terms.d_observed = start_of(rows[5]), start_of(rows[6])
        self.x, self.penalty, self.gradient = start_of(coefficients[0]), start_of(coefficients[1]), start_of(coefficients[2])
        self.step, self.before = start_of(coefficients[3]), start_of(coefficients[4])

    cdef double penalised(self) noexcept nogil:
        """The penalised deviance at x; eta and the rows' terms as they are there."""
        cdef Py_ssize_t i
        cdef double total
        linear_predictor(&self.at, self.fixed, self.x, self.eta)
        if self.at.N:
            rows_terms(&self.family, self.at.N, self.y, self.n, self.eta, &self.terms)
        total = -2.0 * lanes_total(self.at.N, self.terms.logp)
        for i in range(self.size):
            total += self.penalty[i] * self.x[i] * self.x[i]
        return total

    cdef double find_mode(self, Curvature A) noexcept nogil:
        """PIRLS with step-halving of all coefficients together, in place on x; the penalised deviance, or NaN.

        With `chords`, steps go on with the same curvature as long as each gains enough.
        """
        cdef Py_ssize_t i, size = self.size
        cdef int steps = 0, halvings = 0
        cdef bint last = False, newton = False, known = False, fresh
        cdef bint exact = self.family.code == 12  # gaussian responses: Newton's first step leaves nothing over
        cdef double d, decrement, left, d_old = INFINITY, decrement_old = INFINITY
        while True:
            d = self.penalised()
            if not d <= d_old + 1e-10 * (1.0 + fabs(d_old)):
                halvings += 1
                if halvings > HALVINGS:
                    return NAN
                last = known = False
                for i in range(size):
                    self.x[i] = 0.5 * (self.x[i] + self.before[i])
                continue
            if last:
                return d
            for i in range(size):
                self.gradient[i] = -self.penalty[i] * self.x[i]
            add_transposed(&self.at, self.terms.d1, self.gradient)
            while True:
                fresh = not known
                if fresh:
                    newton = A.factor(self.terms.observed)
                    if not newton and (self.family.canonical or not A.factor(self.terms.fisher)):
                        return NAN
                    known = True
                memcpy(self.step, self.gradient, size * sizeof(double))
                A.solve(self.step)
                decrement = 0.0
                for i in range(size):
                    decrement += self.gradient[i] * self.step[i]
                if not isfinite(decrement):
                    return NAN
                # What this step will leave over: the square if it is Newton's, the same share again if a chord.
                left = decrement * (0.0 if exact else decrement / decrement_old if not fresh
                                    else decrement if newton else 1.0)
                if fresh or decrement < 1e-2 * decrement_old:
                    break
                known = False
            if steps == STEPS:
                return d
            last = left <= TOLERANCE or decrement <= TOLERANCE
            known = self.chords and newton
            memcpy(self.before, self.x, size * sizeof(double))
            d_old, decrement_old = d, decrement
            for i in range(size):
                self.x[i] += self.step[i]
            steps += 1
            halvings = 0


def laplace_bordered(family, y, n, eta_fixed, Z, starts, Lambda, u0, border, observed):
    """See `glmmlib._kernels.reference.laplace`."""
    arrays = checked_arrays(y, n, eta_fixed, Z, starts, Lambda, u0)
    border = checked_border(border, arrays.starts)
    cdef Problem problem = Problem(family, arrays, border)
    cdef Curvature A = Curvature(problem)
    cdef double deviance
    with nogil:
        deviance = problem.find_mode(A)
    if deviance == deviance:
        terms = derivatives(problem, A, arrays, border, deviance, observed)
        if terms is not None:
            return terms
    N, (J, q), K = len(arrays.y), arrays.u0.shape, len(border.start)
    return LaplaceTerms(
        np.nan, np.zeros(N), np.zeros((q, q)), arrays.u0, np.zeros((J, q, q)), np.nan, np.zeros(N), np.zeros(N),
        border.start, np.zeros(border.values.shape), np.zeros((K, K)), Lazy(lambda: np.zeros((J, q, K))))


cdef derivatives(Problem problem, Curvature A, arrays, border, double deviance, bint observed):
    """The kernel's output at the mode; None where the curvature is not positive definite."""
    cdef Layout* at = &problem.at
    cdef Terms* terms = &problem.terms
    cdef Py_ssize_t i, j, k, N = at.N, J = at.J, q = at.q, size = problem.size
    cdef double* W = terms.observed if observed else terms.fisher
    cdef double* dW = terms.d_observed if observed else terms.d_fisher
    cdef Curvature H = A if observed or problem.family.canonical else Curvature(problem)
    cdef bint positive
    with nogil:
        positive = A.factor(W) and (H is A or H.factor(terms.observed))
    if not positive:
        return None
    first_array, cross_array, corner_array = np.empty((J, q, q)), np.empty(at.meetings * q), np.empty(at.squares[at.B])
    h_array, response_array, score_array = np.empty((3, N))
    T_array, slopes_array, dLambda_array = np.empty(N * q), np.empty(border.values.shape), np.zeros((q, q))
    cdef double[:, ::1] Z = arrays.Z, dLambda = dLambda_array
    cdef double* first = start_of(first_array.ravel())
    cdef double* cross = start_of(cross_array)
    cdef double* corner = start_of(corner_array)
    cdef double* T = start_of(T_array)
    cdef double* U = start_of(slopes_array.ravel())
    cdef double* h = start_of(h_array)
    cdef double* response = start_of(response_array)
    cdef double* score = start_of(score_array)
    cdef double* v = problem.eta    # which is needed no more
    cdef double* lam = problem.gradient
    cdef double scale = 0.0
    with nogil:
        A.inverse(first, cross, corner)
        for j in range(J):
            k = at.component_of[j]
            border_leverage(q, at.s, at.starts[j], at.starts[j + 1], at.M, at.V, at.columns, at.local,
                            first + j * q * q, cross + at.offsets[j] * q, at.offsets[j + 1] - at.offsets[j],
                            corner + at.squares[k], at.components[k], at.components[k + 1] - at.components[k], T, U, h)
        for i in range(N):
            v[i] = dW[i] * h[i]
        memset(lam, 0, size * sizeof(double))
        add_transposed(at, v, lam)
        H.solve(lam)
        memset(score, 0, N * sizeof(double))
        linear_predictor(at, score, lam, response)
        for i in range(N):
            v[i] -= terms.observed[i] * response[i]
            score[i] = v[i] - 2.0 * terms.d1[i]
        if N:
            border_slopes(q, at.s, J, at.starts, at.columns, &Z[0, 0], T, terms.d1, W, v, problem.x, lam,
                          problem.x + J * q, lam + J * q, &dLambda[0, 0], U)
        scale = (-2.0 * lanes_total(N, terms.logp) + lanes_dot(N, h, W) + lanes_dot(N, response, terms.d1))
        deviance += A.logdet()
    x, order = problem.coefficients[0], border.incidence.order
    modes = np.empty(at.K)
    modes[order] = x[J * q:]
    return LaplaceTerms(
        deviance, score_array, dLambda_array, x[:J * q].reshape(J, q).copy(), first_array, scale, h_array, response_array,
        modes, slopes_array, Lazy(lambda: border_cov(border.incidence, corner_array)),
        Lazy(lambda: cross_cov(A, border_cov(border.incidence, corner_array), order)))


class Lazy:
    """An array that is made when it is asked for: most evaluations never do."""

    def __init__(self, make):
        self.make = make

    def __array__(self, dtype=None, copy=None):
        return self.make()

    def __reduce__(self):
        return np.asarray, (self.make(),)


cdef border_cov(incidence, blocks):
    """(K, K) from the blocks of components."""
    if len(incidence.components) == 2:  # a single one, in its own order
        return blocks.reshape(incidence.K, incidence.K)
    cov, begin = np.zeros((incidence.K, incidence.K)), 0
    for start, stop in pairwise(incidence.components):
        mine = incidence.order[start:stop]
        end = begin + len(mine) ** 2
        cov[np.ix_(mine, mine)] = blocks[begin:end].reshape(len(mine), len(mine))
        begin = end
    return cov


cdef cross_cov(Curvature A, corner, order):
    """(J, q, K): -L'^-1 half times the corner (K, K)."""
    cdef Layout* at = &A.at
    cdef Py_ssize_t j, r, c, a, k, width, q = at.q, K = at.K
    cross = np.zeros((at.J, q, K))
    cdef double[:, :, ::1] X = cross
    cdef double[:, ::1] P = corner
    cdef const Py_ssize_t[::1] external = order
    cdef double* C
    cdef double* L
    cdef double t
    with nogil:
        for j in range(at.J):
            width = at.offsets[j + 1] - at.offsets[j]
            C, L = A.half + at.offsets[j] * q, A.root + j * q * q
            for r in range(q - 1, -1, -1):
                for a in range(width):
                    t = C[r * width + a]
                    for k in range(K):
                        X[j, r, k] -= t * P[external[at.touched[at.offsets[j] + a]], k]
                for c in range(r + 1, q):
                    t = L[c * q + r]
                    for k in range(K):
                        X[j, r, k] -= t * X[j, c, k]
                t = 1.0 / L[r * q + r]
                for k in range(K):
                    X[j, r, k] *= t
    return cross
