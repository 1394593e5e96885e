# Penalised (maximum a posteriori) fits by blme. The penalised deviance is
#     -2 log L (Laplace, or ML / REML for blmer)  -  2 log p(priors),
# of which `parts` keeps each summand; below, each is computed anew from the formulae and must agree.
# Run from the repository root:  Rscript tests/reference/priors_reference.R
#
# The formulae of blme 1.0.5. In all, Sigma = Lambda Lambda' (d x d) is the covariance of the random
# effects RELATIVE to sigma^2 (common.scale = TRUE, the default; for glmer sigma = 1, so it is the
# covariance itself) and lambda = sd / sigma where d = 1. The prior is a density over Sigma, or over
# lambda where posterior.scale is "sd"; no Jacobian for the parametrisation by theta is added: the mode
# is that over Sigma (or lambda). An infinite scale (rate 0) makes the prior improper; its constant is
# then left out.
#   wishart(df, scale V)       -2 log p = -(df - d - 1) log|Sigma| + tr(V^-1 Sigma)
#                                         + df d log 2 + df log|V| + 2 log Gamma_d(df / 2)
#       default df = d + 2.5, V = Inf: -1.5 log|Sigma|
#   invwishart(df, scale V)    -2 log p = (df + d + 1) log|Sigma| + tr(V Sigma^-1)
#                                         + df d log 2 - df log|V| + 2 log Gamma_d(df / 2)
#   gamma(shape a, rate r)     -2 log p = -2 (a - 1) log x + 2 r x - 2 a log r + 2 log Gamma(a)
#   invgamma(shape a, scale s) -2 log p = 2 (a + 1) log x + 2 s / x - 2 a log s + 2 log Gamma(a)
#       d = 1 only; x = lambda for posterior.scale "sd" (the default of gamma, and of invgamma in bglmer),
#       x = lambda^2 for "var".  gamma's default, a = 2.5 and r = 0, is wishart's default for d = 1.
#   fixef normal(sd)           -2 log p = sum_k [beta_k^2 / v_k + log(2 pi v_k)]
#       v_k = sd_k^2 (bglmer, and blmer with common.scale = FALSE), or sigma^2 sd_k^2 (blmer's default).
#       Two sds: the first is the intercept's, the second all others'; default c(10, 2.5).
#       In blmer with REML = TRUE, beta is integrated out under its prior, not under a flat one.
#   fixef t(df v, scale S)     -2 log p = (v + p) log(1 + beta' S^-1 beta / v)
#                                         - 2 log Gamma((v + p) / 2) + 2 log Gamma(v / 2) + p log(v pi) + log|S|
#       one p-variate t, not p independent ones; `scale` is on the scale of variances: default
#       diag(10^2, 2.5^2, ...).
# blme's own constant for wishart and invwishart differs from 2 log Gamma_d(df / 2) when d > 1: it adds
# d (d - 1) / 2 * log(pi) / 1 half of what the multivariate gamma function asks for. Constants do not move the mode.
source("tests/reference/helpers.R")
suppressMessages(library(blme))

dists <- function(m) {
  describe <- function(p) {
    if (is.null(p)) return(NULL)
    slots <- setNames(lapply(slotNames(p), function(s) slot(p, s)), slotNames(p))
    c(list(distribution = class(p)[1]), slots)
  }
  list(covariance = lapply(m@covPriors, describe), fixef = describe(m@fixefPrior))
}
m1 <- bglmer(cbind(incidence, healthy) ~ period + (1 | herd), read_data("cbpp"), binomial, cov.prior=gamma(shape=2.5,rate=.5), fixef.prior=t)
str(dists(m1)); print(m1@devcomp$cmp); print(logLik(m1)); print(m1@optinfo$val)
m1 <- blmer(Reaction ~ Days + (1 + Days| Subject), read_data("sleepstudy"), fixef.prior=normal)
str(dists(m1)); print(m1@devcomp$cmp); print(logLik(m1)); print(deviance(m1,REML=TRUE)); print(m1@optinfo$val);print(sigma(m1))
