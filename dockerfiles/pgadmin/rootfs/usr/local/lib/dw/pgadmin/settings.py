"""The SQLite database with the user's settings, made ready before pgAdmin opens it."""

import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing

from say import say


def place() -> str:
    """Where the database is: in the home, or beside it where the home cannot be written."""
    home = os.path.join(os.environ["HOME"], ".pgadmin")
    path = os.path.join(home, "pgadmin4.db")
    try:
        os.makedirs(home, mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=home) as probe:
            probe.write(bytes(1 << 20))
        return path
    except OSError as error:
        say(f"{home} cannot be written ({error.strerror}): settings are lost at the end")
    elsewhere = tempfile.mkdtemp(prefix="pgadmin-settings-")
    try:
        shutil.copy(path, elsewhere)
    except OSError:
        pass  # there were none yet, or they cannot be read either
    return os.path.join(elsewhere, "pgadmin4.db")


def set_aside_unusable(path: str, newest: int) -> None:
    """pgAdmin brings an older database up to date by itself, but does not start on what it cannot read."""
    flaw = os.path.exists(path) and _flaw(path, newest)
    if not flaw:
        return
    aside = f"{path}.{time.strftime('%Y%m%d%H%M%S')}"
    # A journal goes with its database: SQLite would put it into the next one of that name.
    for suffix in ("", "-journal", "-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.rename(path + suffix, aside + suffix)
    say(f"{path} {flaw}: it is kept as {aside}, and settings begin anew")


def _flaw(path: str, newest: int) -> str | None:
    try:
        # Opening it also takes back what an unclean stop left half done.
        with closing(sqlite3.connect(path)) as database:
            if database.execute("PRAGMA quick_check").fetchone() != ("ok",):
                return "is damaged"
            (version,) = database.execute("SELECT value FROM version WHERE name = 'ConfigDB'").fetchone() or (0,)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname not in ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR"):
            raise
        return "is damaged"
    if version > newest:
        return f"is of a newer pgAdmin (schema {version}, here {newest})"
    return None
