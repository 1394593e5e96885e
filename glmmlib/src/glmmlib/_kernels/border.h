/* Loops over rows that multiply q coefficients of their group, M (N, q), and s of the border, V (N, s).

   Most crossed models have one or two of each: for these the compiler makes loops of their own. */

#ifndef GLMMLIB_BORDER_H
#define GLMMLIB_BORDER_H

#include <stddef.h>

#if defined(__GNUC__)
#define INLINED_ROWS static inline __attribute__((always_inline))
#else
#define INLINED_ROWS static inline
#endif

#define FOR_EACH_SHAPE(name, ...) \
    do { \
        if (q == 1 && s == 1) name(1, 1, __VA_ARGS__); \
        else if (q == 1 && s == 2) name(1, 2, __VA_ARGS__); \
        else if (q == 2 && s == 1) name(2, 1, __VA_ARGS__); \
        else if (q == 2 && s == 2) name(2, 2, __VA_ARGS__); \
        else name(q, s, __VA_ARGS__); \
    } while (0)

/* eta = fixed + M u + V b; u is the group's own. */
INLINED_ROWS void eta_shape(
    const ptrdiff_t q, const ptrdiff_t s, ptrdiff_t J, const ptrdiff_t *starts, const double *M, const double *V,
    const ptrdiff_t *columns, const double *fixed, const double *u, const double *b, double *eta)
{
    ptrdiff_t i, j, r;
    for (j = 0; j < J; j++)
        for (i = starts[j]; i < starts[j + 1]; i++) {
            double t = fixed[i];
            for (r = 0; r < q; r++)
                t += M[i * q + r] * u[j * q + r];
            for (r = 0; r < s; r++)
                t += V[i * s + r] * b[columns[i * s + r]];
            eta[i] = t;
        }
}

static void border_eta(
    ptrdiff_t q, ptrdiff_t s, ptrdiff_t J, const ptrdiff_t *starts, const double *M, const double *V,
    const ptrdiff_t *columns, const double *fixed, const double *u, const double *b, double *eta)
{
    FOR_EACH_SHAPE(eta_shape, J, starts, M, V, columns, fixed, u, b, eta);
}

/* Add M' rows to u (J, q) and V' rows to b (K,). */
INLINED_ROWS void transposed_shape(
    const ptrdiff_t q, const ptrdiff_t s, ptrdiff_t J, const ptrdiff_t *starts, const double *M, const double *V,
    const ptrdiff_t *columns, const double *rows, double *u, double *b)
{
    ptrdiff_t i, j, r;
    for (j = 0; j < J; j++)
        for (i = starts[j]; i < starts[j + 1]; i++) {
            for (r = 0; r < q; r++)
                u[j * q + r] += M[i * q + r] * rows[i];
            for (r = 0; r < s; r++)
                b[columns[i * s + r]] += V[i * s + r] * rows[i];
        }
}

static void border_transposed(
    ptrdiff_t q, ptrdiff_t s, ptrdiff_t J, const ptrdiff_t *starts, const double *M, const double *V,
    const ptrdiff_t *columns, const double *rows, double *u, double *b)
{
    FOR_EACH_SHAPE(transposed_shape, J, starts, M, V, columns, rows, u, b);
}

/* Add the weighted outer products of rows start..stop to their group's L (q, q), to its cross block C (q, width), and
   to their component's S (size, size), whose first coefficient is base; the lower triangles of L and S. */
INLINED_ROWS void moments_shape(
    const ptrdiff_t q, const ptrdiff_t s, ptrdiff_t start, ptrdiff_t stop, const double *M, const double *V,
    const ptrdiff_t *columns, const ptrdiff_t *local, const double *weights, double *L, double *C, ptrdiff_t width,
    double *S, ptrdiff_t base, ptrdiff_t size)
{
    ptrdiff_t i, r, c;
    for (i = start; i < stop; i++) {
        const double *m = M + i * q, *v = V + i * s;
        const ptrdiff_t *column = columns + i * s, *place = local + i * s;
        for (r = 0; r < q; r++) {
            const double t = weights[i] * m[r];
            for (c = 0; c <= r; c++)
                L[r * q + c] += t * m[c];
            for (c = 0; c < s; c++)
                C[r * width + place[c]] += t * v[c];
        }
        for (r = 0; r < s; r++) {
            const double t = weights[i] * v[r];
            for (c = 0; c <= r; c++)
                S[(column[r] - base) * size + column[c] - base] += t * v[c];
        }
    }
}

static void border_moments(
    ptrdiff_t q, ptrdiff_t s, ptrdiff_t start, ptrdiff_t stop, const double *M, const double *V,
    const ptrdiff_t *columns, const ptrdiff_t *local, const double *weights, double *L, double *C, ptrdiff_t width,
    double *S, ptrdiff_t base, ptrdiff_t size)
{
    FOR_EACH_SHAPE(moments_shape, start, stop, M, V, columns, local, weights, L, C, width, S, base, size);
}

/* For rows start..stop of a group: A^-1 (m, v) into T (N, q) and U (N, s), and h = (m, v)' A^-1 (m, v). The blocks of
   A^-1 are F (q, q) of the group, X (q, width) with the border, and P (size, size) of its component. */
INLINED_ROWS void leverage_shape(
    const ptrdiff_t q, const ptrdiff_t s, ptrdiff_t start, ptrdiff_t stop, const double *M, const double *V,
    const ptrdiff_t *columns, const ptrdiff_t *local, const double *F, const double *X, ptrdiff_t width,
    const double *P, ptrdiff_t base, ptrdiff_t size, double *T, double *U, double *h)
{
    ptrdiff_t i, r, k;
    for (i = start; i < stop; i++) {
        const double *m = M + i * q, *v = V + i * s;
        const ptrdiff_t *column = columns + i * s, *place = local + i * s;
        double sum = 0.0;
        for (r = 0; r < q; r++) {
            double t = 0.0;
            for (k = 0; k < q; k++)
                t += F[r * q + k] * m[k];
            for (k = 0; k < s; k++)
                t += X[r * width + place[k]] * v[k];
            T[i * q + r] = t;
            sum += t * m[r];
        }
        for (r = 0; r < s; r++) {
            double t = 0.0;
            for (k = 0; k < q; k++)
                t += X[k * width + place[r]] * m[k];
            for (k = 0; k < s; k++)
                t += P[(column[r] - base) * size + column[k] - base] * v[k];
            U[i * s + r] = t;
            sum += t * v[r];
        }
        h[i] = sum;
    }
}

static void border_leverage(
    ptrdiff_t q, ptrdiff_t s, ptrdiff_t start, ptrdiff_t stop, const double *M, const double *V,
    const ptrdiff_t *columns, const ptrdiff_t *local, const double *F, const double *X, ptrdiff_t width,
    const double *P, ptrdiff_t base, ptrdiff_t size, double *T, double *U, double *h)
{
    FOR_EACH_SHAPE(leverage_shape, start, stop, M, V, columns, local, F, X, width, P, base, size, T, U, h);
}

/* What each row adds to d/dLambda: for coefficients at the mode x with response lam, and A^-1 (m, v) in part,
   (lam - 2 x) d1 + 2 W part + v x. */
INLINED_ROWS double slope_of(double lam, double x, double d1, double W, double part, double v)
{
    return (lam - 2.0 * x) * d1 + 2.0 * W * part + v * x;
}

/* dLambda (q, q) for the group's coefficients, Z (N, q); and U (N, s) from A^-1 (m, v) to the border's own slopes. */
INLINED_ROWS void slopes_shape(
    const ptrdiff_t q, const ptrdiff_t s, ptrdiff_t J, const ptrdiff_t *starts, const ptrdiff_t *columns,
    const double *Z, const double *T, const double *d1, const double *W, const double *v, const double *u,
    const double *lam, const double *b, const double *lam_b, double *dLambda, double *U)
{
    ptrdiff_t i, j, r, k;
    for (j = 0; j < J; j++)
        for (i = starts[j]; i < starts[j + 1]; i++) {
            for (r = 0; r < q; r++) {
                const double t = slope_of(lam[j * q + r], u[j * q + r], d1[i], W[i], T[i * q + r], v[i]);
                for (k = 0; k < q; k++)
                    dLambda[k * q + r] += Z[i * q + k] * t;
            }
            for (r = 0; r < s; r++) {
                k = columns[i * s + r];
                U[i * s + r] = slope_of(lam_b[k], b[k], d1[i], W[i], U[i * s + r], v[i]);
            }
        }
}

static void border_slopes(
    ptrdiff_t q, ptrdiff_t s, ptrdiff_t J, const ptrdiff_t *starts, const ptrdiff_t *columns,
    const double *Z, const double *T, const double *d1, const double *W, const double *v, const double *u,
    const double *lam, const double *b, const double *lam_b, double *dLambda, double *U)
{
    FOR_EACH_SHAPE(slopes_shape, J, starts, columns, Z, T, d1, W, v, u, lam, b, lam_b, dLambda, U);
}

#endif
