# cython: language_level=3, cdivision=True
"""glmmlib.family in C: the likelihood of one row and its derivatives, with the same stable forms."""

from libc.math cimport atan2, erfc, exp, expm1, fabs, log, log1p, sqrt, M_PI

cdef enum:
    LARGEST = 100  # as in glmmlib.family

ctypedef struct Family:
    int code
    bint canonical
    bint plain
    double log_room
    double log_guess
    double log_lapse

ctypedef struct Row:
    double logp
    double d1
    double fisher
    double observed
    double d_fisher
    double d_observed

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


cdef inline void row_terms(Family* f, double y, double n, double eta, bint derivatives, Row* row) noexcept nogil:
    """The terms of one row; d_fisher and d_observed only if derivatives are asked for."""
    cdef double e, mu, m
    cdef LogSide p, q
    if f.code == 0 and f.plain:
        e = exp(-fabs(eta))
        mu = 1.0 / (1.0 + e) if eta >= 0 else e / (1.0 + e)
        row.d1 = y - n * mu
        row.fisher = n * e / ((1.0 + e) * (1.0 + e))
        row.observed = row.fisher
        if derivatives:
            row.d_fisher = row.fisher * (1.0 - 2.0 * mu)
            row.d_observed = row.d_fisher
        else:
            row.logp = y * eta - n * ((eta if eta > 0 else 0.0) + log1p(e))
    elif f.code < 10:
        p, q = log_cdf(f.code, eta), log_sf(f.code, eta)
        if f.log_guess > -1e300:
            p = mixed(p, f.log_room, f.log_guess)
        else:
            p.value += f.log_room
        if f.log_lapse > -1e300:
            q = mixed(q, f.log_room, f.log_lapse)
        else:
            q.value += f.log_room
        m = n - y
        row.logp = (y * p.value if y > 0 else 0.0) + (m * q.value if m > 0 else 0.0)
        row.d1 = y * p.d1 + m * q.d1
        row.fisher = -n * p.d1 * q.d1
        row.observed = -(y * p.d2 + m * q.d2)
        if derivatives:
            row.d_fisher = -n * (p.d2 * q.d1 + p.d1 * q.d2)
            row.d_observed = -(y * p.d3 + m * q.d3)
    elif f.code == 10:  # poisson
        mu = n * exp(eta if eta < LARGEST else LARGEST)
        row.logp = y * eta - mu
        row.d1 = y - mu
        row.fisher = row.observed = row.d_fisher = row.d_observed = mu
    elif f.code == 11:  # gamma
        mu = y * exp(-eta if -eta < LARGEST else LARGEST)
        row.logp = -mu - n * eta
        row.d1 = mu - n
        row.fisher = n
        row.observed = mu
        row.d_fisher = 0.0
        row.d_observed = -mu
    else:               # gaussian
        row.d1 = y - n * eta
        row.logp = -row.d1 * row.d1 / (2 * n)
        row.fisher = row.observed = n
        row.d_fisher = row.d_observed = 0.0
