# Gamma models with the log link, dispersion (1 / shape) by maximum likelihood.
# Run from the repository root:  Rscript tests/reference/gamma_reference.R
#
# glmmTMB maximises the Laplace likelihood over (beta, theta, shape) with the observed information,
# shape * y / mu; sigma is 1 / sqrt(shape). No software does the same with the expected information,
# shape; so that likelihood is written out here, and made sure of by giving glmmTMB's numbers when
# it is told to take the observed one.
#
# lme4 does something else, kept under `not_compared`. Its conditional modes minimise
# sum(deviance residuals) + |u|^2, that is with the shape taken as 1 there, while the likelihood
# added up at those modes has the shape n / sum(deviance residuals); its random effects have
# covariance sigma^2 Lambda Lambda', with sigma^2 the penalised deviance over n. Neither the
# log-likelihood nor the variances are those of maximum likelihood.
source("tests/reference/helpers.R")

# -log L for y ~ X beta + Z b, b ~ N(0, L L') in each group; `weight` is that of the determinant
laplace_gamma <- function(y, X, Z, groups, information) {
  p <- ncol(X); q <- ncol(Z)
  rows <- split(seq_along(y), groups)
  function(parameters) {
    beta <- parameters[1:p]; shape <- exp(-2 * parameters[length(parameters)])
    L <- matrix(0, q, q); L[lower.tri(L, TRUE)] <- parameters[p + seq_len(q * (q + 1) / 2)]
    -sum(vapply(rows, function(i) {
      y <- y[i]; offset <- drop(X[i, , drop = FALSE] %*% beta); A <- Z[i, , drop = FALSE] %*% L
      u <- rep(0, q)
      for (iteration in 1:50) {  # the negative log-density is convex in u: Newton's method finds its minimum
        ratio <- y / exp(offset + drop(A %*% u))
        step <- solve(diag(q) + crossprod(A, shape * ratio * A), crossprod(A, shape * (ratio - 1)) - u)
        u <- u + drop(step)
        if (max(abs(step)) < 1e-12) break
      }
      mu <- exp(offset + drop(A %*% u))
      W <- if (information == "fisher") rep(shape, length(y)) else shape * y / mu
      sum(dgamma(y, shape, rate = shape / mu, log = TRUE)) - sum(u^2) / 2 -
        as.numeric(determinant(diag(q) + crossprod(A, W * A))$modulus) / 2
    }, 1))
  }
}

# A glmmTMB case made over with the likelihood above
by_hand <- function(name, observed, fixed, random, group, information) {
  d <- read_data(observed$fit$data)
  y <- model.response(model.frame(fixed, d)); X <- model.matrix(fixed, d); Z <- model.matrix(random, d)
  objective <- laplace_gamma(y, X, Z, d[[group]], information)
  v <- subset(observed$varcorr, grp == group)
  S <- matrix(0, ncol(Z), ncol(Z)); diag(S) <- v$vcov[is.na(v$var2)]
  if (ncol(Z) == 2) S[1, 2] <- S[2, 1] <- v$vcov[3]
  start <- c(observed$fixef$estimate, t(chol(S))[lower.tri(S, TRUE)], log(observed$sigma))
  o <- nlminb(start, objective, gradient = function(x) numDeriv::grad(objective, x),
              control = list(rel.tol = 1e-14))
  k <- seq_len(ncol(X)); L <- S * 0; L[lower.tri(L, TRUE)] <- o$par[-c(k, length(o$par))]
  vcov <- solve(numDeriv::hessian(objective, o$par))[k, k, drop = FALSE]
  npar <- length(o$par); loglik <- -o$objective
  cat(sprintf("%-40s %.6f\n", name, loglik))
  covariance <- L %*% t(L); dimnames(covariance) <- list(colnames(Z), colnames(Z))
  list(name = name, software = "R", fit = modifyList(observed$fit, list(information = information)),
       loglik = loglik, aic = 2 * npar - 2 * loglik, bic = log(length(y)) * npar - 2 * loglik,
       nobs = length(y), npar = npar, sigma = exp(o$par[npar]),
       fixef = fixed_effects(setNames(o$par[k], colnames(X)), vcov),
       varcorr = covariance_rows(setNames(list(covariance), group), exp(o$par[npar])))
}

intercept <- fit_glmmTMB("waiting, observed", y ~ x + (1 | group), "waiting", Gamma("log"))
slope <- fit_glmmTMB("waiting slope, observed", y ~ x + (1 + x | group), "waiting", Gamma("log"))
reaction <- fit_glmmTMB("sleepstudy, observed", Reaction ~ Days + (1 + Days | Subject), "sleepstudy", Gamma("log"))

for (observed in list(list(intercept, ~1), list(slope, ~x))) {
  again <- by_hand("  once more", observed[[1]], y ~ x, observed[[2]], "group", "observed")
  stopifnot(all.equal(again$loglik, observed[[1]]$loglik, tolerance = 1e-8),
            all.equal(again$fixef$estimate, observed[[1]]$fixef$estimate, tolerance = 1e-4),
            all.equal(again$fixef$se, observed[[1]]$fixef$se, tolerance = 1e-3),
            all.equal(again$varcorr$sdcor, observed[[1]]$varcorr$sdcor, tolerance = 1e-4),
            all.equal(again$sigma, observed[[1]]$sigma, tolerance = 1e-4))
}

write_reference("gamma_reference.json",
  cases = list(
    intercept, slope, reaction,
    by_hand("waiting", intercept, y ~ x, ~1, "group", "fisher"),
    by_hand("waiting slope", slope, y ~ x, ~x, "group", "fisher"),
    by_hand("sleepstudy", reaction, Reaction ~ Days, ~Days, "Subject", "fisher")),
  not_compared = list(
    fit_glmer("waiting by lme4", y ~ x + (1 | group), "waiting", Gamma("log"), dropped = "ranef"),
    fit_glmer("waiting slope by lme4", y ~ x + (1 + x | group), "waiting", Gamma("log"), dropped = "ranef")))
