# Binomial models with the logit link by lme4, and some by glmmTMB: the link is canonical, so both
# informations are one and the numbers must agree.
# Run from the repository root:  Rscript tests/reference/binomial_reference.R      (two minutes)
source("tests/reference/helpers.R")

herds <- cbind(incidence, healthy) ~ period + (1 | herd)
aggression <- y ~ Anger + Gender + btype + situ + mode + (1 | id) + (1 | item)

# A likelihood-ratio test of two models of the bundled data
crowding_anova <- function() {
  fit <- function(formula) glmer(formula, read_data("crowding"), binomial, control = glmerControl(
    optimizer = "bobyqa", optCtrl = TIGHT, tolPwrss = 1e-10))
  a <- anova(fit(ResponseCorrect ~ 1 + center(Size) + (1 | Subject)),
             fit(ResponseCorrect ~ 1 + center(Size) * Condition + (1 | Subject)))
  list(npar = a$npar, aic = a$AIC, loglik = a$logLik, chisq = a$Chisq[2], df = a$Df[2], p = a$`Pr(>Chisq)`[2])
}

write_reference("binomial_reference.json", anova = crowding_anova(), cases = list(
  fit_glmer("cbpp", herds, "cbpp"),
  fit_glmer("cbpp proportions", proportion ~ period + (1 | herd), "cbpp", weights = "size"),
  fit_glmer("cbpp animals", sick ~ period + (1 | herd), "cbpp_animals"),
  fit_glmer("cbpp nAGQ=0", herds, "cbpp", nAGQ = 0),
  fit_glmmTMB("cbpp by glmmTMB", herds, "cbpp", binomial()),
  fit_glmer("cbpp row effects", update(herds, ~ . + (1 | row)), "cbpp"),
  fit_glmer("cbpp row effects, nested", cbind(incidence, healthy) ~ period + (1 | herd/row), "cbpp"),
  fit_glmer("cbpp offset", cbind(incidence, healthy) ~ period + offset(0.1 * size) + (1 | herd), "cbpp"),
  fit_glmer("contraception", use ~ age + I(age * age) + urban + livch + (1 | district), "contraception"),
  fit_glmer("contraception slope", use ~ age + I(age * age) + urban + livch + (1 + urban | district), "contraception"),
  fit_glmer("contraception slope ||", use ~ I(0.1 * age) + livch + urban + (1 + I(0.1 * age) || district), "contraception"),
  fit_glmer("bacteria", y ~ trt + late + (1 | ID), "bacteria"),
  fit_glmer("toenail", outcome ~ treatment * time + (1 | patientID), "toenail"),
  fit_glmer("verbagg crossed", aggression, "verbagg"),
  fit_glmmTMB("verbagg crossed by glmmTMB", aggression, "verbagg", binomial()),
  fit_glmer("verbagg crossed slopes", y ~ Anger + Gender + btype + situ + mode + (1 + mode | id) + (1 | item), "verbagg"),
  # the bundled data
  fit_glmer("crowding maximal, singular",
            ResponseCorrect ~ 1 + center(Size) * Condition + (1 + center(Size) * Condition | Subject), "crowding"),
  # lme4 decorrelates numeric columns only, hence Cond for Condition
  fit_glmer("crowding ||",
            ResponseCorrect ~ 1 + center(Size) * Cond + (1 + center(Size) * Cond || Subject), "crowding"),
  fit_glmer("crowding slope", ResponseCorrect ~ 1 + center(Size) * Condition + (1 + center(Size) | Subject), "crowding"),
  fit_glmer("crowding two terms",
            ResponseCorrect ~ 1 + center(Size) * Cond + (1 + center(Size) | Subject) + (0 + Cond | Subject), "crowding"),
  fit_glmer("crowding uncentred", ResponseCorrect ~ 1 + Size + Condition + (1 + Size | Subject), "crowding")))
