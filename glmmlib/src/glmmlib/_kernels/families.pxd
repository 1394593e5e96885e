# cython: language_level=3, cdivision=True
"""glmmlib.family in C: the likelihood of rows and its derivatives, with the same stable forms."""

from libc.math cimport atan2, erfc, exp, expm1, fabs, log, log1p, sqrt, M_PI

cdef extern from "lanes.h" nogil:
    void lanes_logit(Py_ssize_t N, double* y, double* n, double* eta,
                     double* logp, double* d1, double* weight, double* d_weight)
    void lanes_poisson(Py_ssize_t N, double* y, double* n, double* eta,
                       double* logp, double* d1, double* weight, double* d_weight)

cdef enum:
    LARGEST = 100  # as in glmmlib.family

ctypedef struct Family:
    int code
    bint canonical
    bint plain
    double log_room
    double log_guess
    double log_lapse

ctypedef struct Terms:
    # As glmmlib.family.RowTerms. For canonical families the observed ones are the Fisher ones' own arrays.
    double* logp
    double* d1
    double* fisher
    double* observed
    double* d_fisher
    double* d_observed

ctypedef struct LogSide:
    double value
    double d1
    double d2
    double d3


cdef inline Family family_of(object family) except *:
    """What the C functions need of a glmmlib.family.Family that has a code."""
    cdef Family f
    cdef double guess = family.parameters[0], lapse = family.parameters[1]
    f.code = family.code
    f.canonical = family.canonical
    f.plain = guess == 0 and lapse == 0
    f.log_room = log1p(-guess - lapse)
    f.log_guess = log(guess)
    f.log_lapse = log(lapse)
    return f


cdef inline LogSide log_cdf(int code, double eta) noexcept nogil:
    """log F(eta) of the binomial links, and its first three derivatives."""
    cdef LogSide s
    cdef double e, F, S, x, small, mills, gap, t, rise, squared, slope, d_slope
    if code == 0:      # logit
        e = exp(-fabs(eta))
        F = 1.0 / (1.0 + e) if eta >= 0 else e / (1.0 + e)
        S = e / (1.0 + e) if eta >= 0 else 1.0 / (1.0 + e)
        s.value = (eta if eta < 0 else 0.0) - log1p(e)
        s.d1 = S
        s.d2 = -F * S
        s.d3 = F * S * (F - S)
    elif code == 1:    # probit
        if eta > -35.0:
            F = 0.5 * erfc(-eta / sqrt(2.0))
            s.value = log(F) if eta < 1 else log1p(-0.5 * erfc(eta / sqrt(2.0)))
            mills = exp(-0.5 * eta * eta) / (sqrt(2 * M_PI) * F)
            gap = eta + mills
        else:          # Mills' ratio by its asymptotic series
            x = 1.0 / (eta * eta)
            small = x * (1 - 3 * x * (1 - 5 * x * (1 - 7 * x * (1 - 9 * x * (1 - 11 * x)))))
            mills = -eta / (1 - small)
            gap = -eta * small / (1 - small)
            s.value = -0.5 * eta * eta - 0.5 * log(2 * M_PI) - log(mills)
        s.d1 = mills
        s.d2 = -mills * gap if eta > -1e4 else -1.0
        s.d3 = mills * (gap * gap - 1 + mills * gap) if eta > -1e4 else 0.0
    elif code == 2:    # cloglog
        t = exp(eta if eta < LARGEST else LARGEST)
        if t < 1e-14:
            s.value = eta
            s.d1 = 1.0
            rise = 0.0
        elif t > 700:
            s.value = 0.0
            s.d1 = 0.0
            rise = 0.0
            t = 0.0
        else:
            s.value = log(-expm1(-t))
            s.d1 = t / expm1(t)
            rise = 1 - t - s.d1
        s.d2 = s.d1 * rise
        s.d3 = s.d1 * (rise * rise - t - s.d1 * rise)
    else:              # cauchit
        squared = 1 + eta * eta
        F = atan2(1.0, -eta) / M_PI
        slope = -2 * eta / squared
        d_slope = 2 * (eta * eta - 1) / squared / squared
        s.value = log(F)
        s.d1 = 1 / (M_PI * squared * F)
        s.d2 = s.d1 * (slope - s.d1)
        s.d3 = s.d2 * (slope - s.d1) + s.d1 * (d_slope - s.d2)
    return s


cdef inline LogSide log_sf(int code, double eta) noexcept nogil:
    """log(1 - F(eta)) and its first three derivatives."""
    cdef LogSide s
    if code == 2:
        s.value = -exp(eta if eta < LARGEST else LARGEST)
        s.d1 = s.d2 = s.d3 = s.value
    else:
        s = log_cdf(code, -eta)
        s.d1 = -s.d1
        s.d3 = -s.d3
    return s


cdef inline LogSide mixed(LogSide s, double log_room, double log_floor) noexcept nogil:
    """log(floor + room * exp(s)), from the derivatives of s."""
    cdef LogSide m
    cdef double r, rest, e, v = s.value + log_room, x = v - log_floor
    e = exp(-fabs(x))
    r = 1 / (1 + e) if x >= 0 else e / (1 + e)
    rest = r * (e / (1 + e) if x >= 0 else 1 / (1 + e))
    m.value = (v if x >= 0 else log_floor) + log1p(e)
    m.d1 = r * s.d1
    m.d2 = r * s.d2 + rest * s.d1 * s.d1
    m.d3 = r * s.d3 + 3 * rest * s.d1 * s.d2 + rest * (1 - 2 * r) * s.d1 * s.d1 * s.d1
    return m


cdef inline bint in_lanes(Family* f) noexcept nogil:
    """Whether rows of zeros may be appended, for loops that run in vector instructions: their terms are finite."""
    return f.code == 10 or f.code == 0 and f.plain


cdef inline void rows_terms(Family* f, Py_ssize_t N, double* y, double* n, double* eta, Terms* out) noexcept nogil:
    """The terms of N rows."""
    cdef Py_ssize_t i
    if f.code == 0 and f.plain:
        lanes_logit(N, y, n, eta, out.logp, out.d1, out.fisher, out.d_fisher)
    elif f.code == 10:
        lanes_poisson(N, y, n, eta, out.logp, out.d1, out.fisher, out.d_fisher)
    elif f.code < 10:
        for i in range(N):
            binomial_terms(f, i, y[i], n[i], eta[i], out)
    else:
        for i in range(N):
            other_terms(f, i, y[i], n[i], eta[i], out)


cdef inline void binomial_terms(Family* f, Py_ssize_t i, double y, double n, double eta, Terms* out) noexcept nogil:
    """One row with y successes among n trials."""
    cdef double m = n - y
    cdef LogSide p = log_cdf(f.code, eta), q = log_sf(f.code, eta)
    if f.log_guess > -1e300:
        p = mixed(p, f.log_room, f.log_guess)
    else:
        p.value += f.log_room
    if f.log_lapse > -1e300:
        q = mixed(q, f.log_room, f.log_lapse)
    else:
        q.value += f.log_room
    out.logp[i] = (y * p.value if y > 0 else 0.0) + (m * q.value if m > 0 else 0.0)
    out.d1[i] = y * p.d1 + m * q.d1
    out.fisher[i] = -n * p.d1 * q.d1
    out.observed[i] = -(y * p.d2 + m * q.d2)
    out.d_fisher[i] = -n * (p.d2 * q.d1 + p.d1 * q.d2)
    out.d_observed[i] = -(y * p.d3 + m * q.d3)


cdef inline void other_terms(Family* f, Py_ssize_t i, double y, double n, double eta, Terms* out) noexcept nogil:
    """One row of gamma (log link) or gaussian responses."""
    cdef double mu
    if f.code == 11:
        mu = y * exp(-eta if -eta < LARGEST else LARGEST)
        out.logp[i] = -mu - n * eta
        out.d1[i] = mu - n
        out.fisher[i] = n
        out.observed[i] = mu
        out.d_fisher[i] = 0.0
        out.d_observed[i] = -mu
    else:
        out.d1[i] = y - n * eta
        out.logp[i] = -out.d1[i] * out.d1[i] / (2 * n)
        out.fisher[i] = out.observed[i] = n
        out.d_fisher[i] = out.d_observed[i] = 0.0
