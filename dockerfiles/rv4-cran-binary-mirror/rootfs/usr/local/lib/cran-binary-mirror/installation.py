"""R as this image has it: its version, the packages that it comes with, and what only R can write."""

import subprocess
from dataclasses import dataclass

_facts = """
writeLines(c(as.character(getRversion()), getOption("repos")[["CRAN"]]))
has <- installed.packages(lib.loc = c(.Library.site, .Library), noCache = TRUE)
has <- has[!duplicated(has[, "Package"]), , drop = FALSE]
writeLines(paste(has[, "Package"], has[, "Version"], ifelse(is.na(has[, "Priority"]), "", has[, "Priority"]), sep = "\\t"))
"""


@dataclass(frozen=True)
class Installation:
    # Such as 4.5.0.
    version: str
    # The mirror of CRAN that it takes packages from, if nobody says another.
    cran: str
    # Such as trixie.
    suite: str
    # Package → version, of those that every tool with R has.
    provided: dict
    # Those of them that are R itself.
    base: frozenset

    @property
    def folder(self):
        """Where binaries of this R lie under a mirror root."""
        return f"cran-binary-debian-{self.suite}-r-{'.'.join(self.version.split('.')[:2])}/src/contrib/"


def look():
    lines = _rscript("--no-environ", "--no-init-file", "-e", _facts).stdout.decode().splitlines()
    packages = [line.split("\t") for line in lines[2:]]
    with open("/etc/os-release", encoding="utf-8") as file:
        release = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
    return Installation(
        lines[0],
        lines[1].rstrip("/"),
        release["VERSION_CODENAME"].strip('"'),
        {name: version for name, version, _ in packages},
        frozenset(name for name, _, priority in packages if priority == "base"),
    )


def rds(index, work):
    """An index in R's own format, which it asks for first."""
    path = f"{work}/PACKAGES.rds"
    script = f'saveRDS(read.dcf(file("stdin")), "{path}", compress = "xz")'
    _rscript("--vanilla", "-e", script, given=index.encode())
    with open(path, "rb") as file:
        return file.read()


def _rscript(*words, given=b""):
    return subprocess.run(["Rscript", *words], input=given, capture_output=True, check=True)
