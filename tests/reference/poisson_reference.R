# Poisson models with the log link by lme4, and once by glmmTMB: the link is canonical, so both
# informations are one and the numbers must agree.
# Run from the repository root:  Rscript tests/reference/poisson_reference.R
source("tests/reference/helpers.R")

ticks <- TICKS ~ YEAR + cHEIGHT + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION)
seizures <- y ~ lbase * trt + lage + V4 + (1 | subject)

write_reference("poisson_reference.json", cases = list(
  fit_glmer("grouseticks", ticks, "grouseticks", poisson()),
  fit_glmer("grouseticks offset", update(ticks, ~ . + offset(-0.02 * cHEIGHT)), "grouseticks", poisson()),
  fit_glmer("grouseticks crossed", TICKS ~ YEAR + cHEIGHT + (1 | BROOD) + (1 | INDEX), "grouseticks", poisson()),
  fit_glmer("epil", seizures, "epil", poisson()),
  fit_glmer("epil slope", y ~ lbase * trt + lage + V4 + (1 + V4 | subject), "epil", poisson()),
  fit_glmer("epil nAGQ=0", seizures, "epil", poisson(), nAGQ = 0),
  fit_glmer("epil nAGQ=9", seizures, "epil", poisson(), nAGQ = 9),
  fit_glmer("epil weights", seizures, "epil", poisson(), weights = "w"),
  fit_glmmTMB("epil by glmmTMB", seizures, "epil", poisson()),
  fit_glmer("melanoma offset", deaths ~ uvb + offset(log(expected)) + (1 | region), "melanoma", poisson()),
  fit_glmer("melanoma nested", deaths ~ uvb + offset(log(expected)) + (1 + uvb | nation) + (1 | region),
            "melanoma", poisson())))
