"""DATABASE_DSN__<name>: connection strings as the platform gives them, read by libpq itself."""

import os
from collections.abc import Iterator
from typing import NamedTuple

from psycopg import OperationalError
from psycopg.pq import Conninfo

PREFIX = "DATABASE_DSN__"


class Unusable(Exception):
    """Why; never with the value, which holds a password."""


class Dsn(NamedTuple):
    options: dict[str, str]
    secrets: dict[str, str]


def variables() -> Iterator[tuple[str, str]]:
    return iter(sorted((name, value) for name, value in os.environ.items() if name.startswith(PREFIX)))


def read(value: str) -> Dsn:
    """What libpq would connect with: what the string says, and for the rest the variables PGHOST, PGUSER and so on."""
    try:
        given = Conninfo.parse(os.fsencode(value))
        options = {option.keyword.decode(): option.val.decode() for option in given if option.val is not None}
    except (OperationalError, UnicodeError):
        raise Unusable("is not a connection string that libpq can read") from None
    secret = {option.keyword.decode() for option in given if option.dispchar == b"*"}
    for option in Conninfo.get_defaults():
        if option.keyword in (b"host", b"port", b"dbname", b"user", b"password") and option.val is not None:
            options.setdefault(option.keyword.decode(), os.fsdecode(option.val))
    return Dsn(
        {name: text for name, text in options.items() if name not in secret},
        {name: text for name, text in options.items() if name in secret},
    )
