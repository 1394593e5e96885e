# Maximum a posteriori fits by blme, for tests/glmmlib/test_priors.py. `deviance` is -2 log-likelihood
# plus -2 log density of the priors, what blme minimises.
# Run from the repository root:  Rscript tests/reference/priors_blme.R
suppressMessages({library(blme); library(jsonlite)})

animals <- read.csv("tests/reference/data/cbpp_animals.csv")
animals$period <- factor(animals$period)
crowding <- read.csv("glmmlib/src/glmmlib/datasets/crowding.csv")
crowding$Size <- crowding$Size - mean(crowding$Size)
crowding$Cond <- ifelse(crowding$Condition == "crowded", .5, -.5)
tight <- glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 2e5, rhoend = 1e-9), tolPwrss = 1e-12)

describe <- function(m) list(
  formula = deparse1(formula(m)), deviance = -2 * as.numeric(logLik(m)) + m@devcomp$cmp[["penalty"]], theta = unname(getME(m, "theta")), fixef = unname(fixef(m)),
  se = unname(sqrt(diag(as.matrix(vcov(m))))), sigma = sigma(m), singular = isSingular(m),
  ranef = unname(as.matrix(ranef(m)[[1]])))
glmm <- function(...) {
  call <- sys.call()  # blme reads priors unevaluated
  call[[1]] <- quote(bglmer)
  call$family <- quote(binomial)
  call$control <- quote(tight)
  m <- eval(call, parent.frame())
  describe(m)
}

herds <- sick ~ period + (1 | herd)
slopes <- ResponseCorrect ~ Size * Cond + (Size | Subject)
reference <- list(
  blme = as.character(packageVersion("blme")),
  wishart = glmm(herds, animals),
  wishart_numbers = glmm(herds, animals, cov.prior = wishart(df = 4, scale = .3)),
  invwishart = glmm(herds, animals, cov.prior = invwishart),
  gamma = glmm(herds, animals, cov.prior = gamma(shape = 2, rate = 3)),
  gamma_variance = glmm(herds, animals, cov.prior = gamma(shape = 2, rate = 3, posterior.scale = "var")),
  normal = glmm(herds, animals, cov.prior = NULL, fixef.prior = normal),
  normal_one = glmm(herds, animals, fixef.prior = normal(sd = 1)),
  t = glmm(herds, animals, cov.prior = NULL, fixef.prior = t),
  t_numbers = glmm(herds, animals, fixef.prior = t(df = 1, scale = c(4, 1))),
  nAGQ = glmm(herds, animals, nAGQ = 9),
  maximal = glmm(ResponseCorrect ~ Size * Cond + (Size * Cond | Subject), crowding),
  uncorrelated = glmm(ResponseCorrect ~ Size * Cond + (Size * Cond || Subject), crowding),
  slope_wishart = glmm(slopes, crowding, cov.prior = wishart(df = 5, scale = c(.5, .2))),
  slope_invwishart = glmm(slopes, crowding, cov.prior = invwishart(df = 3, scale = c(.5, .2))),
  # other optimisers stop far from this optimum
  linear = describe(blmer(ResponseTime ~ Cond + (Cond | Subject), crowding,
                          control = lmerControl(optimizer = "Nelder_Mead"))),
  # separated by x: no finite maximum likelihood estimate; blme's own start leads its optimiser astray
  separated = {
    d <- data.frame(y = rep(c(0, 0, 1, 1, 1, 1), 6), x = rep(c(0, 0, 0, 0, 1, 1), 6), g = factor(rep(1:6, each = 6)))
    d$y[c(1, 8)] <- 1
    deviance <- bglmer(y ~ x + (1 | g), d, binomial, control = tight, fixef.prior = normal, devFunOnly = TRUE)
    o <- minqa::bobyqa(c(1, 0, 2), deviance, lower = c(0, -Inf, -Inf), control = list(rhoend = 1e-9))
    list(deviance = o$fval, theta = o$par[1], fixef = o$par[-1], sigma = 1, singular = FALSE)
  })
write_json(reference, "tests/reference/priors_blme.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
