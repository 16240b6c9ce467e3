"""A visualisation: what a data set holds, from the datasets database where the platform gives one."""

import os

import pandas
import sqlalchemy
import streamlit

streamlit.title("Visitors by month")


@streamlit.cache_data(ttl=600)
def visitors() -> pandas.DataFrame:
    if "PGHOST" in os.environ:
        # Everything else that it takes to connect is in the PG* variables as well.
        engine = sqlalchemy.create_engine("postgresql+psycopg://")
        schema = os.environ.get("APP_SCHEMA", "public")
        return pandas.read_sql(f'SELECT month, visitors FROM "{schema}".visitors ORDER BY month', engine)
    months = pandas.date_range("2026-01-01", periods=6, freq="MS")
    return pandas.DataFrame({"month": months, "visitors": [310, 295, 402, 388, 450, 512]})


streamlit.line_chart(visitors(), x="month", y="visitors")
