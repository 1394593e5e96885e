/* Loops over the rows of one group, written so that a compiler turns them into vector instructions.

   exp and log1p are polynomials without branches (a library call per row would keep the loops scalar),
   right to 2 units in the last place, which the tests hold them to. Sums are allowed to run in lanes
   (`omp simd`); nothing else is reordered, so IEEE arithmetic holds as written. */

#ifndef GLMMLIB_LANES_H
#define GLMMLIB_LANES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* With glibc on x86-64 the loader chooses the wider instructions where the processor has them. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__gnu_linux__) && defined(__GLIBC__)
#define WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDE
#endif

#if defined(__GNUC__)
#define INLINED static inline __attribute__((always_inline))
#else
#define INLINED static inline
#endif

#if defined(_MSC_VER)
#define restrict __restrict
#endif

/* exp(x), x being taken as -708 or 708 beyond these; NaN stays NaN. x = k log 2 + r, |r| < 0.35,
   and Taylor's series of exp(r) to the 13th power. */
INLINED double lane_exp(double x)
{
    const double round = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to an integer, in the low bits */
    double shifted, k, r, p;
    uint64_t power, bits;
    x = x < -708.0 ? -708.0 : x;
    x = x > 708.0 ? 708.0 : x;
    shifted = x * 1.4426950408889634 + round;
    k = shifted - round;
    r = x - k * 6.93147180369123816490e-01;
    r = r - k * 1.90821492927058770002e-10;
    p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r * r + r;
    p = p + 1.0;
    memcpy(&power, &shifted, 8);
    memcpy(&bits, &p, 8);
    bits += power << 52;
    memcpy(&p, &bits, 8);
    return p;
}

/* log(1 + x) for 0 <= x <= 1: with 1 + x = 2^k (1 + f), fdlibm's polynomial in s = f / (2 + f). */
INLINED double lane_log1p(double x)
{
    const double upper = x > 0.41421356237309503 ? 1.0 : 0.0;
    const double f = upper > 0.0 ? 0.5 * (x - 1.0) : x;
    const double s = f / (2.0 + f), z = s * s, half = 0.5 * f * f;
    double R = 1.479819860511658591e-01;
    R = R * z + 1.531383769920937332e-01;
    R = R * z + 1.818357216161805012e-01;
    R = R * z + 2.222219843214978396e-01;
    R = R * z + 2.857142874366239149e-01;
    R = R * z + 3.999999999940941908e-01;
    R = R * z + 6.666666666666735130e-01;
    R = R * z;
    return upper * 6.93147180369123816490e-01 - ((half - (s * (half + R) + upper * 1.90821492927058770002e-10)) - f);
}

/* eta = fixed + Z b, Z (q, N) column after column. */
static WIDE void lanes_eta(
    ptrdiff_t N, ptrdiff_t q, const double *restrict fixed, const double *restrict Z, const double *restrict b,
    double *restrict eta)
{
    ptrdiff_t i, r;
    for (i = 0; i < N; i++)
        eta[i] = fixed[i] + Z[i] * b[0];
    for (r = 1; r < q; r++)
        for (i = 0; i < N; i++)
            eta[i] += Z[r * N + i] * b[r];
}

/* G = Z' diag(w) Z (q, q). */
static WIDE void lanes_moments(
    ptrdiff_t N, ptrdiff_t q, const double *restrict Z, const double *restrict w, double *restrict G)
{
    ptrdiff_t i, r, c;
    for (r = 0; r < q; r++)
        for (c = 0; c <= r; c++) {
            const double *x = Z + r * N, *y = Z + c * N;
            double sum = 0.0;
#pragma omp simd reduction(+ : sum)
            for (i = 0; i < N; i++)
                sum += w[i] * x[i] * y[i];
            G[r * q + c] = G[c * q + r] = sum;
        }
}

/* g = Z' v. */
static WIDE void lanes_sums(
    ptrdiff_t N, ptrdiff_t q, const double *restrict Z, const double *restrict v, double *restrict g)
{
    ptrdiff_t i, r;
    for (r = 0; r < q; r++) {
        double sum = 0.0;
#pragma omp simd reduction(+ : sum)
        for (i = 0; i < N; i++)
            sum += Z[r * N + i] * v[i];
        g[r] = sum;
    }
}

/* response = Z b, and c becomes c - W response. */
static WIDE void lanes_response(
    ptrdiff_t N, ptrdiff_t q, const double *restrict Z, const double *restrict b, const double *restrict W,
    double *restrict response, double *restrict c)
{
    ptrdiff_t i, r;
    for (i = 0; i < N; i++)
        response[i] = Z[i] * b[0];
    for (r = 1; r < q; r++)
        for (i = 0; i < N; i++)
            response[i] += Z[r * N + i] * b[r];
    for (i = 0; i < N; i++)
        c[i] -= W[i] * response[i];
}

static WIDE double lanes_total(ptrdiff_t N, const double *restrict v)
{
    ptrdiff_t i;
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (i = 0; i < N; i++)
        sum += v[i];
    return sum;
}

static WIDE double lanes_dot(ptrdiff_t N, const double *restrict v, const double *restrict w)
{
    ptrdiff_t i;
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (i = 0; i < N; i++)
        sum += v[i] * w[i];
    return sum;
}

/* h_i = z_i' S z_i, S (q, q) symmetric. */
static WIDE void lanes_quadratic(
    ptrdiff_t N, ptrdiff_t q, const double *restrict Z, const double *restrict S, double *restrict h)
{
    ptrdiff_t i, r, c;
    for (i = 0; i < N; i++)
        h[i] = S[0] * Z[i] * Z[i];
    for (r = 1; r < q; r++) {
        for (c = 0; c < r; c++)
            for (i = 0; i < N; i++)
                h[i] += 2.0 * S[r * q + c] * Z[r * N + i] * Z[c * N + i];
        for (i = 0; i < N; i++)
            h[i] += S[r * q + r] * Z[r * N + i] * Z[r * N + i];
    }
}

/* Rows with y successes among n trials by the logit: log-likelihood, its derivative, the weight and the
   weight's derivative. */
static WIDE void lanes_logit(
    ptrdiff_t N, const double *restrict y, const double *restrict n, const double *restrict eta,
    double *restrict logp, double *restrict d1, double *restrict w, double *restrict d_w)
{
    ptrdiff_t i;
    for (i = 0; i < N; i++) {
        /* mu and 1 - mu each from e, so that neither is lost to rounding far out */
        const double x = eta[i], e = lane_exp(-fabs(x)), near = 1.0 / (1.0 + e), far = e * near;
        const double mu = x >= 0.0 ? near : far, rest = x >= 0.0 ? far : near;
        d1[i] = y[i] * rest - (n[i] - y[i]) * mu;
        w[i] = n[i] * mu * rest;
        d_w[i] = w[i] * (rest - mu);
        logp[i] = y[i] * x - n[i] * ((x > 0.0 ? x : 0.0) + lane_log1p(e));
    }
}

/* Counts by the log link: the mean is n exp(eta), and so are the weight and its derivative. */
static WIDE void lanes_poisson(
    ptrdiff_t N, const double *restrict y, const double *restrict n, const double *restrict eta,
    double *restrict logp, double *restrict d1, double *restrict w, double *restrict d_w)
{
    ptrdiff_t i;
    for (i = 0; i < N; i++) {
        const double mu = n[i] * lane_exp(eta[i] < 100.0 ? eta[i] : 100.0);
        d1[i] = y[i] - mu;
        w[i] = mu;
        d_w[i] = mu;
        logp[i] = y[i] * eta[i] - mu;
    }
}

/* For the tests: both functions elementwise. */
static WIDE void lanes_functions(ptrdiff_t N, const double *restrict x, double *restrict exps, double *restrict logs)
{
    ptrdiff_t i;
    for (i = 0; i < N; i++)
        exps[i] = lane_exp(x[i]);
    for (i = 0; i < N; i++)
        logs[i] = lane_log1p(x[i]);
}

#endif
