"""A visualisation: what a data set holds, from the datasets database where the platform gives one."""

import os

import pandas
import plotly.express
import psycopg
from dash import Dash, Input, Output, dcc, html

app = Dash(__name__, title="Visitors by month")
server = app.server
app.layout = html.Main(
    [
        html.H1("Visitors by month"),
        dcc.RadioItems(["line", "bar"], "line", id="kind", inline=True),
        dcc.Graph(id="chart"),
    ],
    style={"font-family": "sans-serif"},
)


def visitors() -> pandas.DataFrame:
    if dsn := os.environ.get("DATABASE_DSN__datasets"):
        with psycopg.connect(dsn) as connection:
            rows = connection.execute("SELECT month, visitors FROM visitors ORDER BY month").fetchall()
        return pandas.DataFrame(rows, columns=["month", "visitors"])
    months = pandas.date_range("2026-01-01", periods=6, freq="MS")
    return pandas.DataFrame({"month": months, "visitors": [310, 295, 402, 388, 450, 512]})


@app.callback(Output("chart", "figure"), Input("kind", "value"))
def chart(kind: str):
    draw = plotly.express.line if kind == "line" else plotly.express.bar
    return draw(visitors(), x="month", y="visitors").update_xaxes(dtick="M1")
