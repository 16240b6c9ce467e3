library(shiny)

shinyApp(
  fluidPage(
    titlePanel("Nothing here yet"),
    p("This is the base image of visualisations. Build an image from it that has its own ", code("/app/app.R"), ".")
  ),
  function(input, output, session) session$allowReconnect("force")
)
