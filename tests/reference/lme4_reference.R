# Reference fits by lme4 for tests/glmmlib/test_against_lme4.py.
# Run from the repository root:  Rscript tests/reference/lme4_reference.R
# Writes lme4_reference.json and the data cbpp_binary.csv beside this script.
library(lme4)
library(jsonlite)

crowding <- read.csv("glmmlib/src/glmmlib/datasets/crowding.csv")
crowding$Subject <- factor(crowding$Subject)
crowding$Condition <- factor(crowding$Condition, levels = c("uncrowded", "crowded"))
contrasts(crowding$Condition) <- cbind("Crowded.vs.Uncrowded" = c(-.5, .5))
crowding$Size.arcmin <- crowding$Size
crowding$Size <- crowding$Size - mean(crowding$Size)
crowding$Cond <- ifelse(crowding$Condition == "crowded", .5, -.5)

# cbpp (Lesnoff et al. 2004, shipped with lme4), one row per animal
cbpp_binary <- do.call(rbind, lapply(seq_len(nrow(cbpp)), function(i) data.frame(
  herd = cbpp$herd[i], period = cbpp$period[i],
  sick = rep(1:0, c(cbpp$incidence[i], cbpp$size[i] - cbpp$incidence[i])))))
write.csv(cbpp_binary, "tests/reference/cbpp_binary.csv", row.names = FALSE)

# A tight optimum to compare with; the default optimiser's log-likelihood is kept beside it.
tight <- glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 2e5, rhoend = 1e-9),
                      tolPwrss = 1e-10)

# (levels x coefficients); postVar is a list of arrays when several terms share the factor
conditional_sd <- function(post) {
  if (is.list(post)) return(do.call(cbind, lapply(post, conditional_sd)))
  q <- dim(post)[1]
  sqrt(matrix(apply(post, 3, function(v) diag(matrix(v, q))), ncol = q, byrow = TRUE))
}

fit <- function(formula, data) {
  m <- glmer(formula, data, family = binomial, control = tight)
  default <- glmer(formula, data, family = binomial)
  vc <- as.data.frame(VarCorr(m))
  modes <- ranef(m, condVar = TRUE)[[1]]
  post <- attr(modes, "postVar")
  list(
    formula = deparse1(formula), nobs = nobs(m),
    loglik = as.numeric(logLik(m)), loglik_default = as.numeric(logLik(default)),
    aic = AIC(m), bic = BIC(m), singular = isSingular(m),
    fixef = unname(fixef(m)), se = unname(sqrt(diag(as.matrix(vcov(m))))),
    vcov = unname(as.matrix(vcov(m))),
    vcov_re = unname(unclass(as.matrix(Matrix::bdiag(VarCorr(m))))),
    levels = rownames(modes), ranef = unname(as.matrix(modes)),
    ranef_sd = unname(conditional_sd(post)),
    pearson_range = range(residuals(m, type = "pearson")))
}

reference <- list(
  lme4 = as.character(packageVersion("lme4")),
  maximal = fit(ResponseCorrect ~ 1 + Size * Condition + (1 + Size * Condition | Subject), crowding),
  # lme4 decorrelates numeric columns only, hence Cond for Condition
  uncorrelated = fit(ResponseCorrect ~ 1 + Size * Cond + (1 + Size * Cond || Subject), crowding),
  slope = fit(ResponseCorrect ~ 1 + Size * Condition + (1 + Size | Subject), crowding),
  two_terms = fit(ResponseCorrect ~ 1 + Size * Cond + (1 + Size | Subject) + (0 + Cond | Subject), crowding),
  uncentred = fit(ResponseCorrect ~ 1 + Size.arcmin + Condition + (1 + Size.arcmin | Subject), crowding),
  one_condition = fit(ResponseCorrect ~ 1 + Size + (1 + Size | Subject),
                      subset(crowding, Condition == "crowded")),
  anova = {
    a <- anova(glmer(ResponseCorrect ~ 1 + Size + (1 | Subject), crowding, family = binomial, control = tight),
               glmer(ResponseCorrect ~ 1 + Size * Condition + (1 | Subject), crowding, family = binomial, control = tight))
    list(npar = a$npar, aic = a$AIC, loglik = a$logLik, chisq = a$Chisq[2], df = a$Df[2], p = a$`Pr(>Chisq)`[2])
  },
  cbpp = fit(sick ~ period + (1 | herd), cbpp_binary))
write_json(reference, "tests/reference/lme4_reference.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
