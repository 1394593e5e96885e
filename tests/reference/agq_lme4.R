# Adaptive Gauss-Hermite quadrature by lme4, one random coefficient, for tests/glmmlib/test_agq.py.
# With nAGQ > 1 lme4 counts the log-likelihood from the saturated model; here its constant is added.
# Run from the repository root:  Rscript tests/reference/agq_lme4.R
suppressMessages({library(lme4); library(jsonlite)})

animals <- read.csv("tests/reference/data/cbpp_animals.csv")
animals$period <- factor(animals$period)
cases <- aggregate(sick ~ herd + period, animals, sum)  # counts, for a Poisson model
tight <- glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 2e5, rhoend = 1e-9), tolPwrss = 1e-12)

fit <- function(data, family, nAGQ, saturated) {
  m <- glmer(sick ~ period + (1 | herd), data, family = family, nAGQ = nAGQ, control = tight)
  modes <- ranef(m, condVar = TRUE)$herd
  list(nAGQ = nAGQ, loglik = as.numeric(logLik(m)) + saturated, theta = unname(getME(m, "theta")),
       fixef = unname(fixef(m)), se = unname(sqrt(diag(as.matrix(vcov(m))))),
       ranef = modes[[1]], ranef_sd = sqrt(drop(attr(modes, "postVar"))))
}

reference <- list(
  lme4 = as.character(packageVersion("lme4")),
  logit = lapply(c(9, 25), function(k) fit(animals, binomial("logit"), k, 0)),
  probit = lapply(c(9, 25), function(k) fit(animals, binomial("probit"), k, 0)),
  cloglog = lapply(c(9, 25), function(k) fit(animals, binomial("cloglog"), k, 0)),
  poisson = lapply(c(9, 25), function(k) fit(cases, poisson(), k, sum(dpois(cases$sick, cases$sick, log = TRUE)))))
write_json(reference, "tests/reference/agq_lme4.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
