s3_list <- function(prefix = "") {
  from <- full_key(prefix)
  own <- if (startsWith(prefix, "/")) "" else Sys.getenv("S3_PREFIX")
  pages <- list()
  token <- NULL
  repeat {
    query <- list(`list-type` = "2", prefix = from)
    query$`continuation-token` <- token
    page <- xml2::xml_ns_strip(httr2::resp_body_xml(httr2::req_perform(s3_request(query = query)), check_type = FALSE))
    pages <- c(pages, list(listed(page, own)))
    token <- xml2::xml_text(xml2::xml_find_first(page, "//NextContinuationToken"))
    if (is.na(token)) return(do.call(rbind, pages))
  }
}

listed <- function(page, own) {
  found <- xml2::xml_find_all(page, "//Contents")
  of <- function(name) xml2::xml_text(xml2::xml_find_first(found, name))
  slash <- if (nzchar(own)) "" else "/"
  data.frame(
    key = paste0(slash, substring(of("Key"), nchar(own) + 1), recycle0 = TRUE),
    size = as.numeric(of("Size")),
    modified = as.POSIXct(of("LastModified"), format = "%Y-%m-%dT%H:%M:%OS", tz = "UTC")
  )
}

s3_get <- function(key, file = basename(key)) {
  # Under another name until it is whole.
  part <- tempfile(".s3-", dirname(file))
  on.exit(unlink(part))
  httr2::req_perform(s3_request(full_key(key)), path = part)
  if (!file.rename(part, file)) stop("The file cannot be written: ", file, call. = FALSE)
  invisible(file)
}

s3_put <- function(file, key = basename(file)) {
  request <- httr2::req_method(httr2::req_body_file(s3_request(full_key(key)), file), "PUT")
  httr2::req_perform(request)
  invisible(key)
}

s3_read <- function(key, read, ...) {
  file <- file.path(tempfile("s3-"), basename(key))
  dir.create(dirname(file))
  on.exit(unlink(dirname(file), recursive = TRUE))
  s3_get(key, file)
  read(file, ...)
}
