# A visualisation: what a data set holds, from the datasets database where the platform gives one.
library(shiny)
library(ggplot2)

visitors <- function() {
  if (!nzchar(Sys.getenv("PGHOST"))) {
    months <- seq(as.Date("2026-01-01"), by = "month", length.out = 6)
    return(data.frame(month = months, visitors = c(310, 295, 402, 388, 450, 512)))
  }
  # Everything else that it takes to connect is in the PG* variables as well.
  database <- DBI::dbConnect(RPostgreSQL::PostgreSQL())
  on.exit(DBI::dbDisconnect(database))
  schema <- DBI::dbQuoteIdentifier(database, Sys.getenv("APP_SCHEMA", "public"))
  DBI::dbGetQuery(database, paste0("SELECT month, visitors FROM ", schema, ".visitors ORDER BY month"))
}

ui <- fluidPage(
  titlePanel("Visitors by month"),
  sidebarLayout(
    sidebarPanel(numericInput("least", "At least", 0, step = 50), tableOutput("table"), width = 4),
    mainPanel(plotOutput("chart"), width = 8)
  )
)

server <- function(input, output, session) {
  # A connection that was idle for long is cut on the way: the page then makes another, and goes on.
  session$allowReconnect("force")
  all <- visitors()
  shown <- reactive(all[all$visitors >= max(input$least, 0, na.rm = TRUE), ])
  output$table <- renderTable(transform(shown(), month = format(month, "%b %Y")), digits = 0)
  output$chart <- renderPlot(
    ggplot(shown(), aes(month, visitors)) + geom_col(fill = "#1d70b8") + labs(x = NULL) + theme_minimal(base_size = 16),
    alt = "Visitors of each month"
  )
}

shinyApp(ui, server)
