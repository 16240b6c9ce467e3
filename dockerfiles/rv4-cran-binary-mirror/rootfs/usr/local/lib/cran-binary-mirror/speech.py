"""What the job says: a line for each thing that somebody should know, on stderr."""

import sys


class Trouble(Exception):
    """What ends the run, in one sentence."""

    status = 1


class Unusable(Trouble):
    """What no other run will get over: wrong variables."""

    status = 2


class Refused(Exception):
    """What one package does not get over, in one sentence."""


def say(line):
    # Names come from an index that others write, and a log must not carry what a terminal would act on.
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in line)
    sys.stderr.buffer.write(f"cran-binary-mirror: {safe}\n".encode("utf-8", "backslashreplace"))
    sys.stderr.buffer.flush()
