# The tutorial's two models fitted to the bundled data, with every number the tutorial prints.
# Run from the repository root:  Rscript tests/reference/crowding_lme4.R
# Writes crowding_lme4.json beside this script. About three minutes.
suppressMessages({library(lme4); library(jsonlite)})

d <- read.csv("glmmlib/src/glmmlib/datasets/crowding.csv")
d$Subject <- factor(d$Subject)
d$Condition <- factor(d$Condition, levels = c("uncrowded", "crowded"))
contrasts(d$Condition) <- cbind("Crowded.vs.Uncrowded" = c(-.5, .5))
d$Size <- d$Size - mean(d$Size)

quartiles <- function(x) as.list(setNames(quantile(x), c("min", "q1", "median", "q3", "max")))
lower <- function(r) lapply(2:nrow(r), function(i) unname(r[i, seq_len(i - 1)]))
table_of <- function(s) list(estimate = unname(s[, 1]), std_error = unname(s[, 2]), z = unname(s[, 3]))

l <- glm(ResponseCorrect ~ 1 + Size + Condition + Size:Condition, data = d, family = binomial)
glm_numbers <- c(
  list(terms = names(coef(l))), table_of(coef(summary(l))),
  list(null_deviance = l$null.deviance, null_df = l$df.null, residual_deviance = deviance(l),
       residual_df = l$df.residual, aic = AIC(l),
       deviance_residual_quartiles = quartiles(residuals(l, "deviance"))))

formula <- ResponseCorrect ~ 1 + Size + Condition + Size:Condition +
  (1 + Size + Condition + Size:Condition | Subject)
m <- glmer(formula, data = d, family = binomial)
vc <- VarCorr(m)$Subject
modes <- as.matrix(ranef(m)$Subject)
glmm_numbers <- c(
  list(terms = names(fixef(m)), aic = AIC(m), bic = BIC(m), loglik = as.numeric(logLik(m)),
       deviance = -2 * as.numeric(logLik(m)), df_resid = df.residual(m), singular = isSingular(m)),
  table_of(coef(summary(m))),
  list(variance = unname(diag(vc)), std_dev = unname(attr(vc, "stddev")),
       re_correlation_lower = lower(attr(vc, "correlation")),
       fixef_correlation_lower = lower(cov2cor(as.matrix(vcov(m)))),
       scaled_residual_quartiles = quartiles(residuals(m, "pearson")),
       ranef = setNames(lapply(seq_len(nrow(modes)), function(i) unname(modes[i, ])), rownames(modes))))

# Every optimiser that is installed must find the same optimum.
fits <- summary(allFit(m, verbose = FALSE))
optimisers <- lapply(names(fits$llik), function(name) list(
  optimiser = name, loglik = unname(fits$llik[name]), fixef = unname(fits$fixef[name, ]),
  sd = unname(unlist(fits$sdcor[name, 1:4]))))

write_json(list(lme4 = as.character(packageVersion("lme4")), R = as.character(getRversion()),
                glm = glm_numbers, glmm = glmm_numbers, optimisers = optimisers),
           "tests/reference/crowding_lme4.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
