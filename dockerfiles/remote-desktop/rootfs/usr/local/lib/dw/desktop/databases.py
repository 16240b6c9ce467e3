"""databases.py SERVICES SETTINGS: the databases of DATABASE_DSN__<name> as services of libpq, and as connections of QGIS that
only name them. So passwords are in no setting and in no project that QGIS writes into the home."""

import os
import shutil
import sys
from collections.abc import Iterator

from psycopg2 import ProgrammingError
from psycopg2.extensions import parse_dsn
from PyQt5.QtCore import QSettings

PREFIX = "DATABASE_DSN__"
DEFAULTS = "/usr/local/share/dw/desktop-defaults/qgis.ini"


class Unusable(Exception):
    """Why; never with the value, which holds a password."""


def service(name: str, value: str) -> Iterator[str]:
    """The lines of a service. What it does not say, libpq takes from PGHOST, PGUSER and so on."""
    if not name or not name.isprintable() or set(name) & set("[]/\\"):
        raise Unusable("has a name that QGIS cannot take")
    try:
        options = parse_dsn(value)
    except (ProgrammingError, UnicodeError):
        raise Unusable("is not a connection string that libpq can read") from None
    if not any(options.get(key) or os.environ.get(f"PG{key.upper()}") for key in ("host", "hostaddr")):
        raise Unusable("names no host")
    yield f"[{name}]"
    for key, text in options.items():
        # A service has one line for each, and libpq drops white space at the end of a line.
        if text != text.rstrip() or "\n" in text:
            raise Unusable(f"has a {key} that ends with white space or has more than one line")
        yield f"{key}={text}"


def main(services: str, settings: str) -> None:
    shutil.copyfile(DEFAULTS, settings)
    connections = QSettings(settings, QSettings.IniFormat)
    with open(os.open(services, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        for variable in sorted(name for name in os.environ if name.startswith(PREFIX)):
            name = variable.removeprefix(PREFIX)
            try:
                file.writelines(f"{line}\n" for line in list(service(name, os.environ[variable])))
            except (Unusable, UnicodeError) as why:
                reason = str(why) if isinstance(why, Unusable) else "is not UTF-8"
                print(f"remote-desktop: {ascii(variable)[1:-1]} {reason}: QGIS has no connection to it", file=sys.stderr)
                continue
            connections.setValue(f"PostgreSQL/connections/{name}/service", name)
    connections.sync()


main(*sys.argv[1:])
