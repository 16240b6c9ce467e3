# A visualisation: what a data set holds, from the datasets database where the platform gives one.

visitors <- function() {
  dsn <- Sys.getenv("DATABASE_DSN__datasets")
  if (!nzchar(dsn)) {
    months <- seq(as.Date("2026-01-01"), by = "month", length.out = 6)
    return(data.frame(month = months, visitors = c(310, 295, 402, 388, 450, 512)))
  }
  # In the place of a name the driver takes all that the platform says of a database.
  database <- DBI::dbConnect(RPostgreSQL::PostgreSQL(), dbname = dsn)
  on.exit(DBI::dbDisconnect(database))
  DBI::dbGetQuery(database, "SELECT month, visitors FROM visitors ORDER BY month")
}

#* The page.
#* @get /
#* @serializer contentType list(type = "text/html; charset=utf-8")
function() readChar("index.html", file.size("index.html"), useBytes = TRUE)

#* What there is, for other programs.
#* @get /visitors
#* @param least Months with fewer visitors are left out.
function(least = 0) {
  all <- visitors()
  all[all$visitors >= as.numeric(least), ]
}

#* The same, drawn.
#* @get /chart.svg
#* @serializer svg list(width = 8, height = 4)
function() {
  shown <- visitors()
  barplot(shown$visitors, names.arg = format(shown$month, "%b %Y"), col = "#1d70b8", border = NA, ylab = "visitors", las = 1)
}
