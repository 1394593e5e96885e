# Profile intervals, residuals, predictions and refits by lme4 for tests/glmmlib/test_{profile,residuals,predict,simulate}.py.
# Run from the repository root:  Rscript tests/reference/inference_lme4.R
# Writes inference_lme4.json beside this script.
library(lme4)
library(jsonlite)

crowding <- read.csv("glmmlib/src/glmmlib/datasets/crowding.csv")
crowding$Size.c <- crowding$Size - mean(crowding$Size)
crowded <- subset(crowding, Condition == "crowded")

tight <- glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 2e5, rhoend = 1e-9), tolPwrss = 1e-10)
cbpp$p <- cbpp$incidence / cbpp$size
herds <- glmer(p ~ period + (1 | herd), cbpp, family = binomial, weights = size, control = tight)
slopes <- glmer(ResponseCorrect ~ Size.c + (Size.c | Subject), crowded, family = binomial, control = tight)
sleep <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy)

intervals <- function(m) {
  ci <- confint(profile(m, signames = FALSE), level = .95)
  list(names = rownames(ci), lower = unname(ci[, 1]), upper = unname(ci[, 2]))
}
all_residuals <- function(m) lapply(
  c(pearson = "pearson", deviance = "deviance", response = "response", working = "working"),
  function(type) unname(residuals(m, type = type, scaled = type == "pearson")))

swapped <- pmin(rev(cbpp$incidence), cbpp$size) / cbpp$size  # any other response
again <- refit(herds, swapped)
reference <- list(
  lme4 = as.character(packageVersion("lme4")),
  profile = list(herds = intervals(herds), slopes = intervals(slopes), sleep = intervals(sleep)),
  residuals = list(herds = all_residuals(herds), sleep = all_residuals(sleep)),
  predict = list(
    conditional = unname(predict(herds, type = "response")),
    population = unname(predict(herds, re.form = NA, type = "response")),
    new_herd = unname(predict(herds, data.frame(period = factor(1:4), herd = "none"), allow.new.levels = TRUE))),
  refit = list(y = swapped, fixef = unname(fixef(again)), loglik = as.numeric(logLik(again))))
write_json(reference, "tests/reference/inference_lme4.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
