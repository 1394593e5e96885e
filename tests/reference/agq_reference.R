# Adaptive Gauss-Hermite quadrature by lme4 (one random coefficient, nAGQ up to 25), and the same
# likelihood by brute force: the trapezoidal rule on a wide, dense grid, which for integrands that
# fall off like these converges faster than any power of the step. It gives
#   - `cases` with nAGQ so large that quadrature is exact, also for two random coefficients, which
#     lme4 does not do;
#   - `integrals`: at stated parameters away from the optimum, the exact log-likelihood and that of the
#     Laplace approximation and of the product rule with k nodes a dimension, u = mode + C z with
#     C C' the inverse of the negative log-density's second derivative at the mode, C lower triangular.
# lme4 adds the constants of the log-likelihood for nAGQ = 1 only; here they are in all numbers.
# Run from the repository root:  Rscript tests/reference/agq_reference.R
source("tests/reference/helpers.R")

# --- the marginal log-likelihood of y successes out of n, logit, one grouping factor ---------------

model <- function(data, fixed, random, group, successes, trials = NULL) {
  d <- read_data(data)
  list(X = model.matrix(fixed, d), Z = model.matrix(random, d), y = d[[successes]],
       n = if (is.null(trials)) rep(1, nrow(d)) else d[[trials]],
       rows = split(seq_len(nrow(d)), d[[group]]), group = group)
}

# log p(y_i | u) + log phi(u) of one group, at each row of `u` (points x q)
log_density <- function(m, i, beta, L, u) {
  eta <- drop(m$X[i, , drop = FALSE] %*% beta) + (m$Z[i, , drop = FALSE] %*% L) %*% t(u)
  colSums(matrix(dbinom(m$y[i], m$n[i], plogis(eta), log = TRUE), length(i))) + rowSums(dnorm(u, log = TRUE))
}

log_sum_exp <- function(x) max(x) + log(sum(exp(x - max(x))))

exact <- function(m, beta, L, step = .1, reach = 9) {
  grid <- seq(-reach, reach, by = step); q <- ncol(m$Z)
  u <- as.matrix(expand.grid(rep(list(grid), q)))
  u <- u[rowSums(u^2) <= reach^2, , drop = FALSE]  # phi is below 1e-17 outside
  sum(vapply(m$rows, function(i) log_sum_exp(log_density(m, i, beta, L, u)), 1)) + length(m$rows) * q * log(step)
}

quadrature <- function(m, beta, L, k) {
  rule <- GHrule(k); q <- ncol(m$Z)
  node <- as.matrix(expand.grid(rep(list(if (k == 1) 0 else rule[, "z"]), q)))
  log_weight <- rowSums(log(as.matrix(expand.grid(rep(list(if (k == 1) 1 else rule[, "w"]), q)))))
  sum(vapply(m$rows, function(i) {
    A <- m$Z[i, , drop = FALSE] %*% L; offset <- drop(m$X[i, , drop = FALSE] %*% beta); u <- rep(0, q)
    for (iteration in 1:100) {
      p <- plogis(offset + drop(A %*% u))
      H <- diag(q) + crossprod(A, m$n[i] * p * (1 - p) * A)
      step <- drop(solve(H, crossprod(A, m$y[i] - m$n[i] * p) - u))
      while (log_density(m, i, beta, L, t(u + step)) < log_density(m, i, beta, L, t(u)) - 1e-10) step <- step / 2
      u <- u + step
      if (max(abs(step)) < 1e-13) break
    }
    C <- t(chol(solve(H)))
    points <- t(u + C %*% t(node))
    log_sum_exp(log_density(m, i, beta, L, points) - rowSums(dnorm(node, log = TRUE)) + log_weight) + log(prod(diag(C)))
  }, 1))
}

lower <- function(q, theta) { L <- matrix(0, q, q); L[lower.tri(L, TRUE)] <- theta; L }

# --- maximum likelihood by brute force --------------------------------------------------------------

exact_case <- function(name, formula, data, m, start, nAGQ) {
  p <- ncol(m$X); q <- ncol(m$Z)
  objective <- function(x) -exact(m, x[1:p], lower(q, x[-(1:p)]), step = .25)
  o <- nlminb(start, objective, control = list(rel.tol = 1e-13, x.tol = 1e-9, eval.max = 2000, iter.max = 1000))
  beta <- o$par[1:p]; L <- lower(q, o$par[-(1:p)])
  loglik <- exact(m, beta, L)
  stopifnot(abs(loglik + o$objective) < 1e-7)  # the coarser grid was fine enough
  cat("  nAGQ off by", vapply(c(1, 9, 15, nAGQ), function(k) quadrature(m, beta, L, k) - loglik, 1), "\n")
  stopifnot(abs(loglik - quadrature(m, beta, L, nAGQ)) < 1e-5)  # and so is nAGQ
  vcov <- solve(numDeriv::hessian(objective, o$par))[1:p, 1:p]
  S <- L %*% t(L); dimnames(S) <- list(colnames(m$Z), colnames(m$Z))
  npar <- length(start); nobs <- length(m$y)
  cat(sprintf("%-40s %.6f\n", name, loglik))
  list(name = name, software = "R",
       fit = list(`function` = "glmer", formula = text(formula), data = data,
                  family = list(name = "binomial", link = "logit"), nAGQ = nAGQ, information = "fisher", weights = NULL),
       loglik = loglik, aic = 2 * npar - 2 * loglik, bic = log(nobs) * npar - 2 * loglik, nobs = nobs, npar = npar, sigma = 1,
       fixef = fixed_effects(setNames(beta, colnames(m$X)), vcov),
       varcorr = covariance_rows(setNames(list(S), m$group)))
}

integral <- function(data, formula, m, beta, theta) {
  L <- lower(ncol(m$Z), theta)
  list(data = data, formula = text(formula), beta = I(beta), theta = I(theta), exact = exact(m, beta, L),
       laplace = quadrature(m, beta, L, 1), nodes = c(3, 9, 25),
       quadrature = vapply(c(3, 9, 25), function(k) quadrature(m, beta, L, k), 1))
}

herds <- cbind(incidence, healthy) ~ period + (1 | herd)
nails <- outcome ~ treatment * time + (1 | patientID)
clusters <- y ~ x + (1 | cluster)
slopes <- y ~ x + (1 + x | cluster)
herd_model <- model("cbpp", ~period, ~1, "herd", "incidence", "size")
nail_model <- model("toenail", ~ treatment * time, ~1, "patientID", "outcome")
cluster_model <- model("small_clusters", ~x, ~1, "cluster", "y")
slope_model <- model("small_clusters", ~x, ~x, "cluster", "y")

by_lme4 <- list(
  fit_glmer("cbpp nAGQ=9", herds, "cbpp", nAGQ = 9),
  fit_glmer("cbpp nAGQ=25", herds, "cbpp", nAGQ = 25),
  fit_glmer("cbpp animals nAGQ=9", sick ~ period + (1 | herd), "cbpp_animals", nAGQ = 9),
  fit_glmer("contraception nAGQ=9", use ~ age + I(age * age) + urban + livch + (1 | district), "contraception", nAGQ = 9),
  fit_glmer("bacteria nAGQ=15", y ~ trt + late + (1 | ID), "bacteria", nAGQ = 15),
  fit_glmer("toenail nAGQ=25", nails, "toenail", nAGQ = 25),
  fit_glmer("small clusters nAGQ=3", clusters, "small_clusters", nAGQ = 3),
  fit_glmer("small clusters nAGQ=25", clusters, "small_clusters", nAGQ = 25))

# lme4's quadrature, with its constant put in, is the integral
herd_fit <- by_lme4[[2]]
stopifnot(abs(herd_fit$loglik - exact(herd_model, herd_fit$fixef$estimate, lower(1, herd_fit$theta))) < 1e-6)

write_reference("agq_reference.json",
  cases = c(by_lme4, list(
    exact_case("cbpp, exact", herds, "cbpp", herd_model, c(-1.4, -1, -1.1, -1.6, .65), nAGQ = 25),
    exact_case("small clusters, exact", clusters, "small_clusters", cluster_model, c(-.3, .8, 1.5), nAGQ = 25),
    exact_case("small clusters slope, exact", slopes, "small_clusters", slope_model, c(-.3, .8, 1.5, 0, 1), nAGQ = 25))),
  integrals = list(
    integral("cbpp", herds, herd_model, c(-1, -.5, -1, -2), .8),
    integral("toenail", nails, nail_model, c(-1.5, -.2, -.4, -.1), 4),
    integral("small_clusters", clusters, cluster_model, c(0, 1), 2),
    integral("small_clusters", slopes, slope_model, c(0, 1), c(1.5, -.4, .8))))
