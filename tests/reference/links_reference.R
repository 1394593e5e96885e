# Binomial models with links other than the logit. They are not canonical, so the Laplace
# approximation depends on the weights in its determinant: lme4 takes the expected (Fisher)
# information, glmmTMB the observed one.
# Run from the repository root:  Rscript tests/reference/links_reference.R
source("tests/reference/helpers.R")

herds <- cbind(incidence, healthy) ~ period + (1 | herd)
rows <- cbind(incidence, healthy) ~ period + (1 | herd) + (1 | row)
slope <- use ~ age + I(age * age) + urban + livch + (1 + urban | district)

# p = guess + (1 - guess - lapse) plogis(eta), as psyphy's mafc.logit, whose lapse is zero
guess_link <- function(guess, lapse) {
  range <- 1 - guess - lapse
  structure(list(
    linkfun = function(mu) qlogis(pmin(pmax((mu - guess) / range, 1e-6), 1 - 1e-6)),  # starting values only
    linkinv = function(eta) guess + range * plogis(eta),
    mu.eta = function(eta) pmax(range * dlogis(eta), .Machine$double.eps),
    valideta = function(eta) TRUE, name = "logit with guess and lapse rates"), class = "link-glm")
}

fit_psychometric <- function(name, formula, data, guess, lapse) {
  fit_glmer(name, formula, data, binomial(link = guess_link(guess, lapse)),
            link = list(link = "logit", guess = guess, lapse = lapse))
}

write_reference("links_reference.json", cases = list(
  fit_glmer("cbpp probit", herds, "cbpp", binomial("probit")),
  fit_glmer("cbpp cloglog", herds, "cbpp", binomial("cloglog")),
  fit_glmer("cbpp cauchit", herds, "cbpp", binomial("cauchit")),
  fit_glmer("cbpp probit nAGQ=9", herds, "cbpp", binomial("probit"), nAGQ = 9),
  fit_glmer("cbpp cloglog nAGQ=0", herds, "cbpp", binomial("cloglog"), nAGQ = 0),
  fit_glmer("contraception slope probit", slope, "contraception", binomial("probit")),
  fit_glmer("contraception slope cloglog", slope, "contraception", binomial("cloglog")),
  fit_glmer("cbpp row effects probit", rows, "cbpp", binomial("probit")),
  fit_glmmTMB("cbpp row effects probit, observed", rows, "cbpp", binomial("probit")),
  fit_glmmTMB("cbpp probit, observed", herds, "cbpp", binomial("probit")),
  fit_glmmTMB("cbpp cloglog, observed", herds, "cbpp", binomial("cloglog")),
  fit_glmmTMB("contraception slope probit, observed", slope, "contraception", binomial("probit")),
  fit_glmmTMB("contraception slope cloglog, observed", slope, "contraception", binomial("cloglog")),
  fit_psychometric("forced choice", cbind(correct, wrong) ~ x + (1 | subject), "forced_choice", .25, 0),
  fit_psychometric("forced choice slope", cbind(correct, wrong) ~ x + (1 + x | subject), "forced_choice", .25, 0),
  fit_psychometric("lapsing", cbind(correct, wrong) ~ x + (1 | subject), "lapsing", .5, .02),
  fit_psychometric("lapsing slope", cbind(correct, wrong) ~ x + (1 + x | subject), "lapsing", .5, .02),
  fit_psychometric("lapsing, guess rate ignored", cbind(correct, wrong) ~ x + (1 | subject), "lapsing", 0, .02)))
