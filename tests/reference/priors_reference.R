# Penalised (maximum a posteriori) fits by blme. The penalised deviance is
#     -2 log L (Laplace, or ML / REML)  -  2 log p(random-effect covariance)  -  2 log p(fixed effects);
# `parts` keeps each summand, computed here from the formulae below, and their sum must be blme's.
# Run from the repository root:  Rscript tests/reference/priors_reference.R
#
# The formulae of blme 1.0.5. Sigma = Lambda Lambda' (d x d) is the covariance of a term's random
# effects RELATIVE to sigma^2 (common.scale = TRUE, the default; for bglmer sigma is 1, so it is the
# covariance itself), lambda = sqrt(Sigma) where d = 1. A prior is a density over Sigma (over lambda if
# posterior.scale is "sd"); no Jacobian for the parametrisation by theta is added, so the mode is that
# over Sigma (or lambda). With an infinite scale (a rate of 0) the prior is improper, and all terms but
# the power of |Sigma| are left out. Gamma_d is the multivariate gamma function.
#   wishart(df, scale V)       -(df - d - 1) log|Sigma| + tr(V^-1 Sigma) + df d log 2 + df log|V| + 2 log Gamma_d(df / 2)
#                              default df = d + 2.5, V = Inf: -1.5 log|Sigma|
#   invwishart(df, scale V)    (df + d + 1) log|Sigma| + tr(V Sigma^-1) + df d log 2 - df log|V| + 2 log Gamma_d(df / 2)
#                              default (bglmer) df = d - 0.5, V = 100 / (df + d + 1) I
#   gamma(shape a, rate r)     -2 (a - 1) log x + 2 r x - 2 a log r + 2 log Gamma(a)
#   invgamma(shape a, scale s)  2 (a + 1) log x + 2 s / x - 2 a log s + 2 log Gamma(a)
#                              both for d = 1 only; x = lambda if posterior.scale is "sd" (default), lambda^2 if "var";
#                              gamma's default, a = 2.5 and r = 0, is wishart's for d = 1
#   fixef: normal(sd)          sum_k [beta_k^2 / v_k + log(2 pi v_k)], v_k = sd_k^2 in bglmer and with
#                              common.scale = FALSE, sigma^2 sd_k^2 in blmer by default.
#                              Two sds: the first for the intercept, the second for all others; default 10, 2.5.
#                              With REML beta is integrated out under this prior, not under a flat one: the parts
#                              `deviance` and `fixef` are then one, -2 log N(y; 0, sigma^2 (I + Z Sigma Z' + X S X')).
#   fixef: t(df v, scale S)    (v + p) log(1 + beta' S^-1 beta / v) - 2 log Gamma((v + p) / 2) + 2 log Gamma(v / 2)
#                              + p log(v pi) + log|S|: one p-variate t, not p of them. S is on the scale of variances:
#                              default diag(10^2, 2.5^2, ...), times sigma^2 in blmer by default.
# log L reported by blme, and kept as `loglik`, is without priors. Standard errors of bglmer come from the
# Hessian of the penalised deviance in (theta, beta).
source("tests/reference/helpers.R")
suppressMessages(library(blme))

# --- the formulae -----------------------------------------------------------------------------------

log_multigamma <- function(d, a) d * (d - 1) / 4 * log(pi) + sum(lgamma(a + (1 - seq_len(d)) / 2))
log_det <- function(S) as.numeric(determinant(S)$modulus)

minus_2_log_covariance_prior <- function(prior, Sigma) {
  d <- nrow(Sigma)
  x <- if (is.null(prior$posterior_scale) || prior$posterior_scale == "var") Sigma[1] else sqrt(Sigma[1])
  switch(prior$distribution,
    wishart = -(prior$df - d - 1) * log_det(Sigma) + if (is.null(prior$scale)) 0 else
      sum(diag(solve(prior$scale, Sigma))) + prior$df * (d * log(2) + log_det(prior$scale)) +
        2 * log_multigamma(d, prior$df / 2),
    invwishart = (prior$df + d + 1) * log_det(Sigma) + sum(diag(prior$scale %*% solve(Sigma))) +
      prior$df * (d * log(2) - log_det(prior$scale)) + 2 * log_multigamma(d, prior$df / 2),
    gamma = -2 * (prior$shape - 1) * log(x) + if (prior$rate == 0) 0 else
      2 * prior$rate * x - 2 * prior$shape * log(prior$rate) + 2 * lgamma(prior$shape),
    invgamma = 2 * (prior$shape + 1) * log(x) + 2 * prior$scale / x - 2 * prior$shape * log(prior$scale) +
      2 * lgamma(prior$shape))
}

minus_2_log_fixef_prior <- function(prior, beta, sigma) {
  if (is.null(prior)) return(0)
  S <- prior$scale * if (prior$common_scale) sigma^2 else 1
  p <- length(beta); v <- prior$df
  distance <- drop(beta %*% solve(S, beta))
  if (prior$distribution == "normal") return(distance + log_det(2 * pi * S))
  (v + p) * log(1 + distance / v) - 2 * lgamma((v + p) / 2) + 2 * lgamma(v / 2) + p * log(v * pi) + log_det(S)
}

# Twice the negative log-likelihood, ML or REML, written with dense matrices
gaussian_deviance <- function(m, sigma, REML, prior) {
  X <- getME(m, "X"); y <- getME(m, "y"); beta <- fixef(m)
  V <- diag(length(y)) + as.matrix(crossprod(getME(m, "Lambdat") %*% getME(m, "Zt")))
  if (REML && !is.null(prior)) {
    V <- V + X %*% prior$scale %*% t(X) / if (prior$common_scale) 1 else sigma^2
    beta <- 0 * beta
  }
  r <- drop(y - X %*% beta)
  flat <- REML && is.null(prior)
  (length(y) - flat * ncol(X)) * log(2 * pi * sigma^2) + log_det(V) + drop(r %*% solve(V, r)) / sigma^2 +
    if (flat) log_det(crossprod(X, solve(V, X))) else 0
}

# --- blme's priors as plain numbers -----------------------------------------------------------------

describe_covariance <- function(p) switch(class(p)[1],
  bmerWishartDist = list(distribution = "wishart", df = p@df, scale = if (is.finite(p@log.det.scale))
    solve(tcrossprod(p@R.scale.inv))),
  bmerInvWishartDist = list(distribution = "invwishart", df = p@df, scale = crossprod(p@R.scale)),
  bmerGammaDist = list(distribution = "gamma", shape = p@shape, rate = p@rate, posterior_scale = p@posteriorScale),
  bmerInvGammaDist = list(distribution = "invgamma", shape = p@shape, scale = p@scale, posterior_scale = p@posteriorScale))

describe_fixef <- function(p) switch(class(p)[1],
  bmerNormalDist = list(distribution = "normal", scale = solve(tcrossprod(p@R.cov.inv)), common_scale = p@commonScale),
  bmerTDist = list(distribution = "t", df = p@df, scale = solve(tcrossprod(p@R.scale.inv)), common_scale = p@commonScale))

# --- fits ---------------------------------------------------------------------------------------------

# The penalty is infinite at a singular covariance, where optimisers that model the objective by quadratics
# get lost: on sleepstudy bobyqa stops short by 4 to 140 units of deviance, blmer's default by up to 130.
NLMINB <- list(rel.tol = 1e-13, eval.max = 5000, iter.max = 1000)

# `cov.prior` and `fixef.prior` as text, in blme's own notation
fit_blme <- function(name, formula, data, cov.prior = "wishart", fixef.prior = NULL, REML = NULL) {
  d <- read_data(data)
  gaussian <- !is.null(REML)
  call <- list(formula, data = d, cov.prior = cov.prior, fixef.prior = fixef.prior)
  call <- c(call, if (gaussian) list(REML = REML) else list(family = binomial()))
  total <- function(m) unname(m@devcomp$cmp[if (isTRUE(REML)) "REML" else "dev"] + m@devcomp$cmp["penalty"])
  control <- if (gaussian) lmerControl("nlminbwrap", optCtrl = NLMINB) else
    glmerControl("nlminbwrap", optCtrl = NLMINB, tolPwrss = 1e-10)
  fitter <- if (gaussian) blmer else bglmer
  close <- listen(do.call(fitter, c(call, control = list(control))))
  default <- listen(do.call(fitter, call))
  spec <- list(`function` = if (gaussian) "lmer" else "glmer", formula = text(formula), data = data)
  spec <- c(spec, if (gaussian) list(REML = REML) else list(
    family = list(name = "binomial", link = "logit"), nAGQ = 1, information = "fisher"))
  m <- close$value
  covariance <- describe_covariance(m@priors$covPriors[[1]]); fixed <- describe_fixef(m@priors$fixefPrior)
  L <- as.matrix(t(getME(m, "Tlist")[[1]])); Sigma <- crossprod(L)
  devfun <- if (!gaussian) glmer(formula, d, binomial(), devFunOnly = TRUE,
                                 control = glmerControl(tolPwrss = 1e-13))
  parts <- list(
    deviance = if (gaussian) gaussian_deviance(m, sigma(m), REML, fixed) else devfun(c(getME(m, "theta"), fixef(m))),
    covariance = minus_2_log_covariance_prior(covariance, Sigma),
    fixef = if (isTRUE(REML)) 0 else minus_2_log_fixef_prior(fixed, fixef(m), sigma(m)))
  blme_total <- total(m)
  cat(sprintf("%-40s penalised %.6f (default %+.1e), formulae %+.1e\n", name, blme_total,
              total(default$value) - blme_total, sum(unlist(parts)) - blme_total))
  stopifnot(abs(sum(unlist(parts)) - blme_total) < 1e-7 * blme_total)  # blme's modes are that exact
  c(case(name, spec, close, default, lme4_numbers, version("blme"), dropped = c("aic", "bic", "npar")),
    list(priors = list(covariance = covariance, fixef = fixed),
         call = paste0("cov.prior = ", cov.prior, ", fixef.prior = ", if (is.null(fixef.prior)) "NULL" else fixef.prior),
         penalised_deviance = blme_total,
         penalised_deviance_default = total(default$value), parts = parts))
}

herds <- cbind(incidence, healthy) ~ period + (1 | herd)
maximal <- ResponseCorrect ~ 1 + center(Size) * Condition + (1 + center(Size) * Condition | Subject)
slope <- Reaction ~ Days + (1 + Days | Subject)
batches <- Yield ~ 1 + (1 | Batch)
write_reference("priors_reference.json", cases = list(
  fit_blme("cbpp, default", herds, "cbpp"),
  fit_blme("cbpp wishart", herds, "cbpp", "wishart(df = 5, scale = 0.5)"),
  fit_blme("cbpp invwishart, default", herds, "cbpp", "invwishart"),
  fit_blme("cbpp invwishart", herds, "cbpp", "invwishart(df = 2, scale = 0.5)"),
  fit_blme("cbpp gamma, default", herds, "cbpp", "gamma"),
  fit_blme("cbpp gamma", herds, "cbpp", "gamma(shape = 2.5, rate = 0.5)"),
  fit_blme("cbpp gamma on variance", herds, "cbpp", "gamma(shape = 2, rate = 3, posterior.scale = 'var')"),
  fit_blme("cbpp invgamma", herds, "cbpp", "invgamma(shape = 0.5, scale = 1)"),
  fit_blme("cbpp invgamma on variance", herds, "cbpp", "invgamma(shape = 2, scale = 0.5, posterior.scale = 'var')"),
  fit_blme("cbpp normal", herds, "cbpp", fixef.prior = "normal"),
  fit_blme("cbpp normal, narrow", herds, "cbpp", "gamma", "normal(sd = c(1, 0.5))"),
  fit_blme("cbpp t", herds, "cbpp", fixef.prior = "t"),
  fit_blme("cbpp t, narrow", herds, "cbpp", fixef.prior = "t(df = 4, scale = c(1, 0.25))"),
  fit_blme("crowding maximal, default", maximal, "crowding"),
  fit_blme("crowding maximal invwishart", maximal, "crowding", "invwishart(df = 5, scale = 0.5)"),
  fit_blme("crowding maximal normal", maximal, "crowding", fixef.prior = "normal(sd = c(2, 1))"),
  fit_blme("dyestuff2, default", batches, "dyestuff2", REML = TRUE),
  fit_blme("dyestuff2, default, ML", batches, "dyestuff2", REML = FALSE),
  fit_blme("sleepstudy, default", slope, "sleepstudy", REML = TRUE),
  fit_blme("sleepstudy, default, ML", slope, "sleepstudy", REML = FALSE),
  fit_blme("sleepstudy wishart", slope, "sleepstudy", "wishart(df = 4.5, scale = c(1, 0.1))", REML = TRUE),
  fit_blme("sleepstudy invwishart", slope, "sleepstudy", "invwishart(df = 4, scale = c(1, 0.1))", REML = TRUE),
  fit_blme("sleepstudy normal", slope, "sleepstudy", fixef.prior = "normal", REML = TRUE),
  fit_blme("sleepstudy normal, ML", slope, "sleepstudy", fixef.prior = "normal", REML = FALSE),
  fit_blme("sleepstudy normal, own scale, ML", slope, "sleepstudy",
           fixef.prior = "normal(sd = c(100, 5), common.scale = FALSE)", REML = FALSE),
  fit_blme("sleepstudy t, ML", slope, "sleepstudy", fixef.prior = "t", REML = FALSE)))
