# One fit by one peer of R: Rscript peers.R <peer> <formula> <family> <csv>; prints a line of JSON as peers.py.
suppressMessages(library(jsonlite))
a <- commandArgs(TRUE); names(a) <- c("peer", "formula", "family", "csv")
data <- read.csv(a[["csv"]], stringsAsFactors = TRUE)
formula <- as.formula(a[["formula"]])
peak <- function() as.numeric(sub("\\D+(\\d+).*", "\\1", grep("VmHWM", readLines("/proc/self/status"), value = TRUE))) / 1024
fits <- list(
  lme4 = function(d) lme4::glmer(formula, d, family = a[["family"]]),
  "lme4, bobyqa" = function(d) lme4::glmer(formula, d, family = a[["family"]], control = lme4::glmerControl(optimizer = "bobyqa")),
  "lme4, nAGQ=0" = function(d) lme4::glmer(formula, d, family = a[["family"]], nAGQ = 0),
  glmmTMB = function(d) glmmTMB::glmmTMB(formula, d, family = a[["family"]]))
notes <- character(); heard <- function(w) { notes <<- c(notes, conditionMessage(w)); tryInvokeRestart("muffleWarning"); tryInvokeRestart("muffleMessage") }
answer <- tryCatch({
  small <- data[seq(1, nrow(data), by = max(nrow(data) %/% 500, 1)), ]
  suppressWarnings(suppressMessages(try(fits[[a[["peer"]]]](small), silent = TRUE)))
  notes <- character(); before <- peak()
  seconds <- system.time(m <- withCallingHandlers(fits[[a[["peer"]]]](data), warning = heard, message = heard))[["elapsed"]]
  beta <- if (inherits(m, "glmmTMB")) glmmTMB::fixef(m)$cond else lme4::fixef(m)
  blocks <- lme4::VarCorr(m); if (inherits(m, "glmmTMB")) blocks <- blocks$cond
  covariances <- lapply(blocks, function(S) matrix(S, nrow(S)))
  package <- sub(",.*", "", a[["peer"]])
  list(seconds = seconds, loglik = as.numeric(logLik(m)), beta = unname(beta), covariances = covariances, note = substr(paste(notes, collapse = "; "), 1, 120),
       memory = peak() - before, version = as.character(packageVersion(package)))
}, error = function(e) list(error = substr(conditionMessage(e), 1, 150)))
cat(toJSON(answer, auto_unbox = TRUE, digits = NA), "\n")
