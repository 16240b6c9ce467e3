# What every session of R starts with, one that RStudio resumes too.
local({
  # A running tool takes packages from the mirrors under the root that it was started with: compiled ones first.
  root <- "/etc/R/mirror-root"
  if (file.exists(root)) {
    root <- readLines(root)
    suite <- sub(".*=", "", grep("^VERSION_CODENAME=", readLines("/etc/os-release"), value = TRUE))
    version <- paste0(R.version$major, ".", sub("[.].*", "", R.version$minor))
    options(repos = c(
      binary = sprintf("%s/cran-binary-debian-%s-r-%s", root, suite, version),
      CRAN = paste0(root, "/cran")
    ))
  }

  # The user's own packages, apart for each version of R. Who is not the user, as in a build, installs for all.
  if (Sys.info()[["effective_user"]] != "dw-user") return()
  library <- strsplit(Sys.getenv("R_LIBS_USER"), ":", fixed = TRUE)[[1]][1]
  if (is.na(library)) return()
  dir.create(library, recursive = TRUE, showWarnings = FALSE)
  .libPaths(c(library, .libPaths()))
  if (!interactive() || length(list.files(library)) > 0) return()
  others <- setdiff(list.dirs(dirname(library), recursive = FALSE), library)
  others <- others[lengths(lapply(others, list.files)) > 0]
  if (length(others) > 0) {
    message(
      "What you installed under R ", paste(sub(".*/", "", others), collapse = " and "), " is still in your home, but not ",
      "for R ", sub(".*/", "", library), ": install.packages() brings what you need of it."
    )
  }
})
