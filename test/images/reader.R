# Reads the index of a repository again and again, in each of its three forms as R does, and then looks whether what it names is
# there. Says a line for each index that it has not seen before, and for each file that is missing; ends when /tmp/stop is there.
args <- commandArgs(TRUE)
contrib <- args[1]
listing <- args[2]
seen <- character()
rounds <- 0
fetch <- function(url) {
  path <- tempfile()
  status <- tryCatch(suppressWarnings(download.file(url, path, quiet = TRUE)), error = function(e) 1)
  if (status == 0) path
}
while (!file.exists("/tmp/stop")) {
  for (form in c("PACKAGES.rds", "PACKAGES.gz", "PACKAGES")) {
    path <- fetch(file.path(contrib, form))
    if (is.null(path)) next
    rounds <- rounds + 1
    index <- if (form == "PACKAGES.rds") readRDS(path) else read.dcf(path)
    files <- paste0(index[, "Package"], "_", index[, "Version"], ".tar.gz")
    there <- readLines(fetch(listing), warn = FALSE)
    keys <- regmatches(there, gregexpr("<Key>[^<]*</Key>", there))
    keys <- basename(gsub("</?Key>", "", unlist(keys)))
    for (file in setdiff(files, keys)) cat("missing:", form, "names", file, "\n")
    mark <- paste(form, paste(sort(files), collapse = " "))
    if (!mark %in% seen) cat("seen:", form, length(files), "\n")
    seen <- union(seen, mark)
  }
  Sys.sleep(1)
}
cat("rounds:", rounds, "\n")
