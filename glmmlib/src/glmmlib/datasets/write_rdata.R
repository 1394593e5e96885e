# crowding.csv and the traces -> crowding.RData, a data.frame d.
# Rscript write_rdata.R crowding.csv traces.bin samples crowding.RData
# traces.bin: float32, trial after trial, first all of x, then all of y (arcmin).

arguments <- commandArgs(trailingOnly = TRUE)
samples <- as.integer(arguments[3])

d <- read.csv(arguments[1], check.names = FALSE)
d$Subject <- factor(d$Subject, levels = sort(unique(d$Subject)))
d$Condition <- factor(d$Condition, levels = c("uncrowded", "crowded"))

bytes <- file.info(arguments[2])$size
positions <- matrix(readBin(arguments[2], "numeric", bytes / 4, size = 4, endian = "little"),
                    nrow = samples)
trials <- lapply(seq_len(ncol(positions)), function(trial) positions[, trial])
d$Trace.X <- trials[seq_len(nrow(d))]
d$Trace.Y <- trials[nrow(d) + seq_len(nrow(d))]

save(d, file = arguments[4], compress = "xz")

read_back <- new.env()
load(arguments[4], envir = read_back)
stopifnot(ls(read_back) == "d", identical(read_back$d, d), nrow(d) * 2 == ncol(positions))
