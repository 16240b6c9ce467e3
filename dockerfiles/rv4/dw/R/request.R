setting <- function(name) {
  value <- Sys.getenv(name)
  if (!nzchar(value)) stop(name, " is not set, so there is no S3 to reach.", call. = FALSE)
  value
}

region <- function() {
  given <- Sys.getenv(c("S3_REGION", "AWS_DEFAULT_REGION", "AWS_REGION"))
  c(given[nzchar(given)], setting("S3_REGION"))[[1]]
}

# Below the user's own prefix, or from the bucket's root where it begins with a slash.
full_key <- function(key) {
  if (startsWith(key, "/")) substring(key, 2) else paste0(Sys.getenv("S3_PREFIX"), key)
}

encoded <- function(key) gsub("%2F", "/", curl::curl_escape(enc2utf8(key)), fixed = TRUE)

# A signed request, tried again where the server or the way to it fails.
s3_request <- function(key = "", query = list()) {
  endpoint <- Sys.getenv("AWS_ENDPOINT_URL_S3", Sys.getenv("AWS_ENDPOINT_URL"))
  base <- if (nzchar(endpoint)) {
    paste0(sub("/+$", "", endpoint), "/", setting("S3_BUCKET"))
  } else {
    sprintf("https://%s.s3.%s.amazonaws.com", setting("S3_BUCKET"), region())
  }
  who <- credentials()
  request <- httr2::request(paste0(base, "/", encoded(key)))
  # Sorted, as the signature wants them.
  if (length(query) > 0) request <- httr2::req_url_query(request, !!!query[order(names(query))])
  # The contents travel under TLS, and reading them twice to sign them too would double the time for a large file.
  request <- httr2::req_headers(request, `x-amz-content-sha256` = "UNSIGNED-PAYLOAD")
  if (nzchar(who$token)) {
    request <- httr2::req_headers(request, `x-amz-security-token` = who$token, .redact = "x-amz-security-token")
  }
  request <- httr2::req_options(
    request,
    aws_sigv4 = paste0("aws:amz:", region(), ":s3"),
    userpwd = paste0(who$key, ":", who$secret)
  )
  request <- httr2::req_error(request, body = function(response) refusal(response, key))
  transient <- function(response) httr2::resp_status(response) %in% c(429, 500, 502, 503, 504)
  httr2::req_retry(request, max_tries = 4, retry_on_failure = TRUE, is_transient = transient)
}

# What S3 says of a refusal, in a line.
refusal <- function(response, key) {
  said <- tryCatch(
    xml2::xml_text(xml2::xml_find_all(httr2::resp_body_xml(response, check_type = FALSE), "//Code | //Message")),
    error = function(e) character()
  )
  c(paste(said, collapse = ": "), if (nzchar(key)) paste("It was about", key))
}
