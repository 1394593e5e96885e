# The data of the reference fits: tests/reference/data/<name>.csv, and factors.json with the levels
# of every categorical column, in order (the first is the reference level).
# Run from the repository root:  Rscript tests/reference/data.R
suppressMessages({library(lme4); library(jsonlite)})
HERE <- "tests/reference/data"
factors <- list()

from <- function(package, name) {
  data(list = name, package = package, envir = environment())
  get(name, envir = environment())
}

# Ordered factors lose their order: R would give them polynomial contrasts, a matter of coding.
write <- function(name, d, compressed = FALSE) {
  d <- droplevels(d)
  categorical <- vapply(d, is.factor, TRUE)
  factors[[name]] <<- lapply(d[categorical], levels)
  file <- file.path(HERE, paste0(name, if (compressed) ".csv.gz" else ".csv"))
  out <- if (compressed) gzfile(file, "wb") else file(file, "wb")
  write.csv(d, out, row.names = FALSE, quote = FALSE)
  close(out)
}

# --- published data -------------------------------------------------------------------------------

# one row a herd and period; `proportion` with weights = size is the same model as cbind()
cbpp <- transform(lme4::cbpp, healthy = size - incidence, proportion = incidence / size,
                  row = factor(seq_along(size)))
write("cbpp", cbpp)
write("cbpp_animals", do.call(rbind, lapply(seq_len(nrow(cbpp)), function(i) data.frame(
  herd = cbpp$herd[i], period = cbpp$period[i],
  sick = rep(1:0, c(cbpp$incidence[i], cbpp$size[i] - cbpp$incidence[i]))))))
# The weights `w` here and below are made up: none of these data sets has any.
set.seed(1)
write("sleepstudy", transform(sleepstudy, w = sample(1:4, nrow(sleepstudy), replace = TRUE)))
write("dyestuff", Dyestuff)
write("dyestuff2", Dyestuff2)
write("penicillin", Penicillin)
write("pastes", Pastes)
write("cake", cake[c("replicate", "recipe", "temp", "angle")])
write("insteval15", subset(InstEval, dept == "15", c("s", "d", "service", "y")))
write("grouseticks", grouseticks)
write("verbagg", transform(VerbAgg, y = as.integer(r2 == "Y"))[c("y", "Anger", "Gender", "btype", "situ", "mode", "item", "id")],
      compressed = TRUE)
write("contraception", transform(from("mlmRev", "Contraception"), use = as.integer(use == "Y"))[-1])
write("melanoma", from("mlmRev", "Mmmec"))
epil <- from("MASS", "epil")
write("epil", transform(epil, subject = factor(subject), w = sample(1:3, nrow(epil), replace = TRUE))[
  c("y", "trt", "lbase", "lage", "V4", "subject", "w")])
bacteria <- from("MASS", "bacteria")
write("bacteria", transform(bacteria, y = as.integer(y == "y"), late = as.integer(week > 2)))
toenail <- from("HSAUR3", "toenail")
write("toenail", transform(toenail, outcome = as.integer(outcome != "none or mild"))[c("patientID", "outcome", "treatment", "time")])

# --- simulated ------------------------------------------------------------------------------------

# waiting times with shape 4: random intercept and slope
set.seed(20)
g <- rep(1:25, each = 12); x <- round(rnorm(300), 3)
mu <- exp(1 + .5 * x + rnorm(25, 0, .5)[g] + rnorm(25, 0, .3)[g] * x)
write("waiting", data.frame(y = signif(rgamma(300, shape = 4, rate = 4 / mu), 6), x,
                            group = factor(sprintf("g%02d", g))))

# psychometric functions of 12 subjects: correct out of n at 8 stimulus levels; p = guess + (1 - guess - lapse) F
psychometric <- function(seed, guess, lapse, n = 20) {
  set.seed(seed)
  d <- expand.grid(x = seq(-2.8, 2.8, by = .8), subject = factor(sprintf("s%02d", 1:12)))
  s <- as.integer(d$subject)
  eta <- .4 + rnorm(12, 0, .8)[s] + (1.5 + rnorm(12, 0, .4)[s]) * d$x
  correct <- rbinom(nrow(d), n, guess + (1 - guess - lapse) * plogis(eta))
  data.frame(d, correct, wrong = n - correct)
}
write("forced_choice", psychometric(31, guess = .25, lapse = 0))
write("lapsing", psychometric(32, guess = .5, lapse = .02, n = 30))

# binary, 40 clusters of 8, random intercept and slope: small clusters, where Laplace is visibly off
set.seed(8)
g <- rep(1:40, each = 8); x <- round(rnorm(320), 3)
eta <- -.3 + rnorm(40, 0, 1.5)[g] + (.8 + rnorm(40, 0, 1)[g]) * x
write("small_clusters", data.frame(y = rbinom(320, 1, plogis(eta)), x, cluster = factor(sprintf("c%02d", g))))

write_json(factors, file.path(HERE, "factors.json"), auto_unbox = FALSE)
