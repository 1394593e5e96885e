# Linear mixed models by lme4, ML and REML.
# Run from the repository root:  Rscript tests/reference/gaussian_reference.R
source("tests/reference/helpers.R")

intercept <- Reaction ~ Days + (1 | Subject)
slope <- Reaction ~ Days + (1 + Days | Subject)
independent <- Reaction ~ Days + (1 + Days || Subject)

write_reference("gaussian_reference.json", cases = list(
  fit_lmer("sleepstudy intercept", intercept, "sleepstudy"),
  fit_lmer("sleepstudy intercept, ML", intercept, "sleepstudy", REML = FALSE),
  fit_lmer("sleepstudy slope", slope, "sleepstudy"),
  fit_lmer("sleepstudy slope, ML", slope, "sleepstudy", REML = FALSE),
  fit_lmer("sleepstudy ||", independent, "sleepstudy"),
  fit_lmer("sleepstudy ||, ML", independent, "sleepstudy", REML = FALSE),
  fit_lmer("sleepstudy slope only", Reaction ~ Days + (0 + Days | Subject), "sleepstudy"),
  fit_lmer("sleepstudy weights", slope, "sleepstudy", weights = "w"),
  fit_lmer("sleepstudy weights, ML", slope, "sleepstudy", REML = FALSE, weights = "w"),
  fit_lmer("sleepstudy offset", Reaction ~ offset(10 * Days) + (1 + Days | Subject), "sleepstudy"),
  fit_lmer("dyestuff", Yield ~ 1 + (1 | Batch), "dyestuff"),
  fit_lmer("dyestuff, ML", Yield ~ 1 + (1 | Batch), "dyestuff", REML = FALSE),
  fit_lmer("dyestuff2, singular", Yield ~ 1 + (1 | Batch), "dyestuff2"),
  fit_lmer("dyestuff2, singular, ML", Yield ~ 1 + (1 | Batch), "dyestuff2", REML = FALSE),
  fit_lmer("penicillin crossed", diameter ~ 1 + (1 | plate) + (1 | sample), "penicillin"),
  fit_lmer("penicillin crossed, ML", diameter ~ 1 + (1 | plate) + (1 | sample), "penicillin", REML = FALSE),
  fit_lmer("pastes nested", strength ~ 1 + (1 | batch/cask), "pastes"),
  fit_lmer("pastes nested, levels named apart", strength ~ 1 + (1 | batch) + (1 | sample), "pastes", REML = FALSE),
  fit_lmer("cake", angle ~ recipe * temp + (1 | recipe:replicate), "cake"),
  fit_lmer("cake, ML", angle ~ recipe + temp + (1 | replicate) + (1 | recipe:replicate), "cake", REML = FALSE),
  fit_lmer("insteval crossed", y ~ service + (1 | s) + (1 | d), "insteval15"),
  fit_lmer("insteval crossed, ML", y ~ service + (1 | s) + (1 + service | d), "insteval15", REML = FALSE)))
