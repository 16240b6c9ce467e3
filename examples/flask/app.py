"""A visualisation: what a data set holds, from the datasets database where the platform gives one."""

import datetime
import io
import os

import psycopg
from flask import Flask, Response, render_template_string, request
from matplotlib.figure import Figure

app = Flask(__name__)
sample = [(datetime.date(2026, month, 1), count) for month, count in enumerate([310, 295, 402, 388, 450, 512], 1)]
page = """<!doctype html>
<html lang="en">
<title>Visitors by month</title>
<body style="font-family: sans-serif">
<h1>Visitors by month</h1>
<form>At least <input name="least" type="number" value="{{ least }}"> <button>Show</button></form>
<img src="chart.svg?least={{ least }}" alt="The data cannot be read at the moment.">
"""


def visitors(least: int) -> list[tuple[datetime.date, int]]:
    rows = sample
    if dsn := os.environ.get("DATABASE_DSN__datasets"):
        with psycopg.connect(dsn) as connection:
            rows = connection.execute("SELECT month, visitors FROM visitors ORDER BY month").fetchall()
    return [row for row in rows if row[1] >= least]


@app.get("/")
def home() -> str:
    return render_template_string(page, least=request.args.get("least", 0, type=int))


@app.get("/chart.svg")
def chart() -> Response:
    rows = visitors(request.args.get("least", 0, type=int))
    figure = Figure(figsize=(8, 4))
    axes = figure.subplots()
    axes.bar([f"{month:%b %Y}" for month, _ in rows], [count for _, count in rows])
    axes.set_ylabel("visitors")
    drawing = io.BytesIO()
    figure.savefig(drawing, format="svg")
    return Response(drawing.getvalue(), mimetype="image/svg+xml")
