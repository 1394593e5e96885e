# What the reference scripts share: reading the data, fitting, and writing a fit down as one case.
#
# A case says how to call glmmlib (`fit`) and what the reference software found. Every model is fitted
# twice: with a tight optimiser, whose estimates are kept, and with the software's defaults, of which
# only the log-likelihood and the warnings are kept. lme4's default may seem the better by some 1e-4:
# its conditional modes are looser then, and the determinant is taken elsewhere.
suppressMessages({library(lme4); library(jsonlite)})
HERE <- "tests/reference"

# --- data -----------------------------------------------------------------------------------------

read_data <- function(name) {
  if (name == "crowding") return(read_crowding())
  file <- file.path(HERE, "data", paste0(name, c(".csv", ".csv.gz")))
  d <- read.csv(file[file.exists(file)])
  levels <- read_json(file.path(HERE, "data", "factors.json"), simplifyVector = TRUE)[[name]]
  for (column in names(levels)) d[[column]] <- factor(d[[column]], levels[[column]])
  d
}

# The bundled data, with the contrasts that `CODING` of tests/glmmlib/models.py names
read_crowding <- function() {
  d <- read.csv("glmmlib/src/glmmlib/datasets/crowding.csv")
  d$Subject <- factor(d$Subject)
  d$Condition <- factor(d$Condition, levels = c("uncrowded", "crowded"))
  contrasts(d$Condition) <- cbind("Crowded.vs.Uncrowded" = c(-.5, .5))
  d$Cond <- ifelse(d$Condition == "crowded", .5, -.5)
  d
}

# glmmlib's name for it, so that formulas read alike
center <- function(x) x - mean(x)

# --- fits -----------------------------------------------------------------------------------------

TIGHT <- list(maxfun = 2e5, rhoend = 1e-9)

# value, and the warnings and messages met on the way
listen <- function(expression) {
  heard <- character()
  note <- function(condition) heard <<- c(heard, trimws(conditionMessage(condition)))
  value <- withCallingHandlers(
    expression,
    warning = function(w) { note(w); invokeRestart("muffleWarning") },
    message = function(m) { note(m); invokeRestart("muffleMessage") })
  list(value = value, warnings = I(heard))
}

# tolPwrss, how closely the conditional modes are found: without a canonical link lme4's Fisher scoring
# comes nearer but slowly, and must not stop early; with one, less than 1e-10 makes the objective of some
# models so uneven that the optimiser stops short.
# `family` is R's; `link` says how glmmlib names it where R has no such link (guess and lapse rates).
fit_glmer <- function(name, formula, data, family = binomial(), nAGQ = 1, weights = NULL, link = NULL,
                      dropped = character()) {
  d <- read_data(data)
  canonical <- get(family$family)()$link
  call <- list(formula, data = d, family = family, nAGQ = nAGQ)
  if (!is.null(weights)) call$weights <- d[[weights]]
  close <- listen(do.call(glmer, c(call, control = list(glmerControl(
    optimizer = "bobyqa", optCtrl = TIGHT, tolPwrss = if (family$link == canonical) 1e-10 else 1e-12)))))
  default <- listen(do.call(glmer, call))
  case(name, list(`function` = "glmer", formula = text(formula), data = data,
                  family = c(list(name = sub("Gamma", "gamma", family$family)),
                             if (is.null(link)) list(link = family$link) else link),
                  nAGQ = nAGQ, information = "fisher", weights = weights),
       close, default, lme4_numbers, version("lme4"), constant = if (nAGQ > 1) saturated(close$value) else 0,
       dropped = dropped)
}

fit_lmer <- function(name, formula, data, REML = TRUE, weights = NULL, dropped = character()) {
  d <- read_data(data)
  call <- list(formula, data = d, REML = REML)
  if (!is.null(weights)) call$weights <- d[[weights]]
  close <- listen(do.call(lmer, c(call, control = list(lmerControl(optimizer = "bobyqa", optCtrl = TIGHT)))))
  default <- listen(do.call(lmer, call))
  case(name, list(`function` = "lmer", formula = text(formula), data = data, REML = REML, weights = weights),
       close, default, lme4_numbers, version("lme4"), dropped = dropped)
}

fit_glmmTMB <- function(name, formula, data, family, weights = NULL, dropped = character()) {
  d <- read_data(data)
  call <- list(formula, data = d, family = family)
  if (!is.null(weights)) call$weights <- d[[weights]]
  # so tight that nlminb reports "singular convergence": there is nothing left to gain
  close <- listen(do.call(glmmTMB::glmmTMB, c(call, control = list(glmmTMB::glmmTMBControl(
    optCtrl = list(iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-12))))))
  default <- listen(do.call(glmmTMB::glmmTMB, call))
  case(name, list(`function` = "glmer", formula = text(formula), data = data,
                  family = list(name = sub("Gamma", "gamma", family$family), link = family$link),
                  nAGQ = 1, information = "observed", weights = weights),
       close, default, glmmTMB_numbers, version("glmmTMB"), dropped = dropped)
}

text <- function(formula) gsub("`", "", deparse1(formula))
version <- function(package) paste(package, packageVersion(package))

# lme4 leaves this constant out of the log-likelihood when nAGQ > 1 (and only then)
saturated <- function(m) {
  r <- m@resp
  -r$family$aic(r$y, rep(1, length(r$y)), r$y, r$weights, 0) / 2
}

# --- what is written down --------------------------------------------------------------------------

case <- function(name, fit, close, default, numbers, software, constant = 0, dropped = character()) {
  m <- close$value
  tables <- listen(numbers(m))
  if (any(grepl("falling back", tables$warnings))) stop("no standard errors from the Hessian: rescale the predictors of ", name)
  cat(sprintf("%-40s %.6f (default %+.1e)\n", name, logLik(m), logLik(default$value) - logLik(m)))
  npar <- attr(logLik(m), "df")
  found <- c(
    list(loglik = as.numeric(logLik(m)) + constant, loglik_default = as.numeric(logLik(default$value)) + constant,
         aic = AIC(m) - 2 * constant, bic = BIC(m) - 2 * constant, nobs = nobs(m), npar = npar, sigma = sigma(m)),
    tables$value,
    list(warnings = I(c(close$warnings, tables$warnings)), warnings_default = default$warnings))
  c(list(name = name, software = software, fit = fit), found[setdiff(names(found), dropped)])
}

lme4_numbers <- function(m) {
  modes <- ranef(m, condVar = TRUE)
  c(if (isGLMM(m)) list(pearson_range = range(residuals(m, type = "pearson"))), list(
    singular = isSingular(m), theta = I(unname(getME(m, "theta"))), fixef = fixed_effects(fixef(m), vcov(m)),
    # terms of one factor are one table with us: Subject.1 is Subject
    varcorr = transform(as.data.frame(VarCorr(m)), grp = sub("\\.[0-9]+$", "", grp)),
    ranef = lapply(modes, function(table) modes_table(table, conditional_sd(attr(table, "postVar"))))))
}

fixed_effects <- function(estimate, vcov) list(
  names = I(gsub("`", "", names(estimate))), estimate = I(unname(estimate)),
  se = I(unname(sqrt(diag(as.matrix(vcov))))), vcov = unname(as.matrix(vcov)))

modes_table <- function(table, sd) list(
  levels = I(rownames(table)), columns = I(gsub("`", "", colnames(table))),
  mode = unname(as.matrix(table)), sd = unname(sd))

# (levels x coefficients); postVar is a list of arrays when several terms share the factor
conditional_sd <- function(post) {
  if (is.list(post)) return(do.call(cbind, lapply(post, conditional_sd)))
  q <- dim(post)[1]
  sqrt(matrix(apply(post, 3, function(v) diag(matrix(v, q))), ncol = q, byrow = TRUE))
}

glmmTMB_numbers <- function(m) {
  # ranef()'s own standard deviations carry the uncertainty of the parameters too; these do not.
  inner <- m$obj$env
  variance <- diag(as.matrix(solve(inner$spHess(inner$last.par.best, random = TRUE))))
  terms <- m$modelInfo$reStruc$condReStruc
  of_term <- rep(seq_along(terms), vapply(terms, function(t) t$blockReps * t$blockSize, 1))
  modes <- glmmTMB::ranef(m)$cond
  list(
    fixef = fixed_effects(glmmTMB::fixef(m)$cond, vcov(m)$cond),
    varcorr = covariance_rows(glmmTMB::VarCorr(m)$cond, if (family(m)$family == "Gamma") sigma(m)),
    ranef = setNames(lapply(seq_along(modes), function(i) modes_table(
      modes[[i]], matrix(sqrt(variance[of_term == i]), ncol = terms[[i]]$blockSize, byrow = TRUE))), names(modes)))
}

# as.data.frame(VarCorr()) for a list of covariance matrices, one a grouping factor; `residual` is sigma
# where the family has a dispersion
covariance_rows <- function(matrices, residual = NULL) rbind(
  do.call(rbind, lapply(names(matrices), function(group) covariance_of(matrices[[group]], group))),
  if (!is.null(residual)) data.frame(grp = "Residual", var1 = NA, var2 = NA, vcov = residual^2, sdcor = residual))

covariance_of <- function(matrix, group) {
  v <- unclass(matrix)
  sd <- sqrt(diag(v))
  names <- rownames(v)
  rows <- data.frame(grp = group, var1 = names, var2 = NA_character_, vcov = diag(v), sdcor = sd)
  if (length(sd) > 1) {
    pairs <- which(lower.tri(v), arr.ind = TRUE)
    rows <- rbind(rows, data.frame(
      grp = group, var1 = names[pairs[, 2]], var2 = names[pairs[, 1]], vcov = v[pairs],
      sdcor = v[pairs] / (sd[pairs[, 1]] * sd[pairs[, 2]])))
  }
  rows
}

# Ten significant digits: beyond what any optimiser reaches. Tables are written column by column.
write_reference <- function(file, ...) write_json(
  list(R = as.character(getRversion()), ...), file.path(HERE, file), digits = I(10), auto_unbox = TRUE,
  pretty = TRUE, dataframe = "columns", matrix = "columnmajor", na = "null", null = "null")
