"""What s3sync says: a line for each thing that somebody should know, on stderr."""

import logging
import sys
import time

again_after = 60  # seconds in which a line is not said twice

_said = {}


def say(line):
    now = time.monotonic()
    for old in [old for old, when in _said.items() if now - when > again_after]:
        del _said[old]
    if line in _said:
        return
    _said[line] = now
    # Names of files come from users, and a log must not carry what a terminal would act on.
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in line)
    sys.stderr.buffer.write(f"s3sync: {safe}\n".encode("utf-8", "backslashreplace"))
    sys.stderr.buffer.flush()


class Failures(logging.Handler):
    """mobius3 logs what it could not do: here in a line, without what HTTP answered, which the bucket has said already."""

    def emit(self, record):
        error = record.exc_info and record.exc_info[1]
        if isinstance(error, TimeoutError):
            return  # of a busy machine; it looks again in ten seconds
        if isinstance(error, OSError):
            say(f"{error.filename or 'a file'} is not synchronised: {error.strerror or error}")
        elif isinstance(error, UnicodeEncodeError):
            say(f"{error.object} is not synchronised: its name is not UTF-8")
        elif error and not self._told(error):
            say(f"{record.getMessage()}: {type(error).__name__}: {error}")

    @staticmethod
    def _told(error):
        return type(error).__module__.startswith(("http", "credentials")) or (error.args and isinstance(error.args[0], int))
