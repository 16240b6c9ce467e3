"""One line of the container's log."""

import sys


def say(line: str) -> None:
    # Names of variables may hold anything: what a terminal would act on is shown and not sent.
    print("pgadmin:", "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line), file=sys.stderr, flush=True)
