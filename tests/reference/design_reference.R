# Model matrices by lme4's lFormula for tests/glmmlib/test_design.py.
# Run from the repository root:  Rscript tests/reference/design_reference.R
# Writes design_reference.json beside this script: the data, and for each formula X, Z and their names.
suppressMessages({library(lme4); library(jsonlite); library(splines)})

set.seed(20)
d <- data.frame(
  y = round(rnorm(60), 3), x = round(rnorm(60), 3), z = round(rexp(60), 3) + 0.1,
  n = rpois(60, 4) + 1, time = round(runif(60, 0.5, 9), 2),
  f = factor(sample(c("low", "mid", "top"), 60, TRUE)),
  h = factor(sample(c("p", "q"), 60, TRUE)),
  flag = runif(60) > 0.4,
  a = factor(sample(c("a1", "a2", "a3"), 60, TRUE)),
  b = factor(sample(c("b1", "b2", "b3", "b4"), 60, TRUE)),
  k = sample(c(3L, 11L, 20L, 100L), 60, TRUE),
  "my col" = round(rnorm(60), 3), Size.arcmin = round(rnorm(60), 3), check.names = FALSE)
d$s <- rbinom(60, d$n, 0.4)
d <- d[!(d$a == "a2" & d$b == "b3"), ]  # a combination that does not occur
rownames(d) <- NULL

loose <- lmerControl(check.nobs.vs.nlev = "ignore", check.nobs.vs.nRE = "ignore",
                     check.nobs.vs.rankZ = "ignore", check.nlev.gtr.1 = "ignore")

design <- function(formula, data = d, coding = list(), ...) {
  for (name in names(coding)) contrasts(data[[name]]) <- coding[[name]]
  parts <- lFormula(formula, data, control = loose, ...)
  flist <- parts$reTrms$flist[attr(parts$reTrms$flist, "assign")]
  term <- function(i) list(
    group = names(parts$reTrms$cnms)[i], columns = I(parts$reTrms$cnms[[i]]),
    levels = I(levels(flist[[i]])),
    Zt = as.matrix(parts$reTrms$Ztlist[[i]]))  # (levels x columns) by rows, columns vary fastest
  list(formula = deparse1(formula), nobs = nrow(parts$fr), names = I(colnames(parts$X)),
       X = unname(as.matrix(parts$X)), offset = as.numeric(model.offset(parts$fr)),
       terms = lapply(seq_along(flist), term))
}

cases <- list(
  intercept = design(y ~ 1 + (1 | a)),
  implicit = design(y ~ x + (x | a)),
  no_intercept = design(y ~ 0 + f + x + (0 + x | a)),
  minus_one = design(y ~ x - 1 + h + (-1 + x | b)),
  two_terms = design(y ~ x + (1 | a) + (0 + x | a)),
  uncorrelated = design(y ~ x + (x || a)),
  factor_varies = design(y ~ f + (f | b)),
  cell_means_vary = design(y ~ h + (0 + h | b)),
  crossed = design(y ~ x * f + (1 + x | a) + (1 | b) + (1 | k)),
  nested = design(y ~ x + (1 | a/b)),
  deeply_nested = design(y ~ x + (1 + x | a/b/h)),
  interaction_group = design(y ~ x + (1 | a:b) + (x | k)),
  crossing = design(y ~ f * h + (1 | a)),
  no_intercept_crossing = design(y ~ 0 + f * h + (1 | a)),
  power = design(y ~ (f + h + x)^2 - f:h + (1 | a)),
  three_way = design(y ~ x * f * h + (1 | a)),
  within = design(y ~ h/x + (1 | a)),
  slope_only = design(y ~ f + f:x + (1 | a)),
  order_of_text = design(y ~ h + f:h + f + (1 | a)),
  no_main_effect = design(y ~ h + h:f + (1 | a)),
  logical = design(y ~ flag * x + I(x > 0.2) + (1 | a)),
  transforms = design(y ~ log(z + 1) + sqrt(z/2) + I(x^2) + I(x * 2 - 1) + abs(x) + (1 + log(z) | a)),
  scaled = design(y ~ scale(x) * scale(z, scale = FALSE) + scale(time, center = FALSE) + (scale(x) | a)),
  splines = design(y ~ bs(time, df = 5) + (1 | a)),
  knots = design(y ~ bs(x, knots = c(-0.5, 0.5), degree = 2) + (1 | a)),
  polynomial = design(y ~ poly(x, 3) + poly(z, 2, raw = TRUE) + (poly(x, 2) | a)),
  odd_names = design(y ~ `my col` * Size.arcmin + log(Size.arcmin^2 + 1) + I(`my col`^2) + (1 + `my col` | a)),
  sum = design(y ~ f * x + (f | a), coding = list(f = "contr.sum")),
  helmert = design(y ~ f * h + (f | a), coding = list(f = "contr.helmert", h = "contr.helmert")),
  poly = design(y ~ b * x + (1 | a), coding = list(b = "contr.poly")),
  sas = design(y ~ f + (f | a), coding = list(f = "contr.SAS")),
  base = design(y ~ f * x + (1 | a), coding = list(f = contr.treatment(levels(d$f), base = 3))),
  named = design(y ~ f * x + (f | a), coding = list(f = cbind("low.vs.rest" = c(-1, .5, .5), "top.vs.mid" = c(0, -.5, .5)))),
  named_cell_means = design(y ~ 0 + h + x + (1 | a), coding = list(h = cbind("q.vs.p" = c(-.5, .5)))),
  coded_in_formula = design(y ~ C(f, contr.sum) + factor(k) + (1 | a)),
  offsets = design(y ~ x + offset(log(time)) + offset(z) + (1 | a)),
  dot = design(y ~ . + (1 | a), data = d[, c("y", "x", "f", "a")]))

# lme4 puts the groups of `.` among the fixed effects too, where they cannot be told from the random ones.
keep <- !grepl("^aa", cases$dot$names)
cases$dot$X <- cases$dot$X[, keep]; cases$dot$names <- I(cases$dot$names[keep])

# Responses of two columns: proportion and trials as glm has them, with a row without trials.
counts <- d; counts$s[4] <- 0; counts$n[4] <- 0
m <- glmer(cbind(s, n - s) ~ x + (1 | b), counts, family = binomial)
binomial_response <- list(s = counts$s, n = counts$n, y = unname(getME(m, "y")),
                          weights = unname(weights(m)), nobs = nobs(m))

write_json(list(lme4 = as.character(packageVersion("lme4")), data = d, cases = cases,
                binomial_response = binomial_response),
           "tests/reference/design_reference.json", digits = 12, auto_unbox = TRUE)
