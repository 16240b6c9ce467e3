known <- new.env()

# Of the environment where they are there, else of the container's role. Those end after some hours, so they are asked for
# again a while before.
credentials <- function() {
  key <- Sys.getenv("AWS_ACCESS_KEY_ID")
  if (nzchar(key)) {
    return(list(key = key, secret = Sys.getenv("AWS_SECRET_ACCESS_KEY"), token = Sys.getenv("AWS_SESSION_TOKEN")))
  }
  if (is.null(known$role) || known$until < Sys.time() + 300) {
    role <- role_credentials()
    known$role <- list(key = role$AccessKeyId, secret = role$SecretAccessKey, token = role$Token)
    known$until <- as.POSIXct(role$Expiration, format = "%Y-%m-%dT%H:%M:%SZ", tz = "UTC")
  }
  known$role
}

role_credentials <- function() {
  relative <- Sys.getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
  url <- if (nzchar(relative)) paste0("http://169.254.170.2", relative) else Sys.getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
  if (!nzchar(url)) {
    stop("There are no credentials for S3: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set.", call. = FALSE)
  }
  request <- httr2::req_retry(httr2::req_timeout(httr2::request(url), 10), max_tries = 3, retry_on_failure = TRUE)
  httr2::resp_body_json(httr2::req_perform(request), check_type = FALSE)
}
