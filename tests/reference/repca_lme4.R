# Principal components of random effects by lme4's rePCA, for tests/glmmlib/test_convergence.py.
# Run from the repository root:  Rscript tests/reference/repca_lme4.R
source("tests/reference/helpers.R")

case <- function(formula, data, family = NULL) {
  d <- read_data(data)
  m <- if (is.null(family)) lmer(formula, d) else glmer(formula, d, family = family, control = glmerControl(
    optimizer = "bobyqa", optCtrl = TIGHT, tolPwrss = 1e-10))
  lapply(rePCA(m), function(pca) list(
    sd = I(pca$sdev), share = I(pca$sdev^2 / sum(pca$sdev^2)), loadings = unname(t(pca$rotation))))
}

write_json(list(
  lme4 = as.character(packageVersion("lme4")),
  maximal = case(ResponseCorrect ~ 1 + center(Size) * Condition + (1 + center(Size) * Condition | Subject),
                 "crowding", binomial),
  sleepstudy = case(Reaction ~ Days + (Days | Subject), "sleepstudy")),
  file.path(HERE, "repca_lme4.json"), auto_unbox = TRUE, digits = 10, pretty = TRUE)
