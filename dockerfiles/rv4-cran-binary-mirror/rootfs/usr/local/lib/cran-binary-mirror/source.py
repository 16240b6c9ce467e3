"""The mirror of CRAN that sources come from."""

import gzip
import hashlib
import http.client
import time
import urllib.error
import urllib.request
import zlib

import dcf
from speech import Refused, Trouble

tries = 4


class Gone(Exception):
    """The mirror answers that there is no such file."""


class Source:
    def __init__(self, url):
        self._url = f"{url}/src/contrib"

    def index(self, r_version):
        """Package → its record, of the newest version that this R can have."""
        newest = {}
        for record in self._records():
            needs = [(operator, wanted) for name, operator, wanted in dcf.dependencies(record, ("Depends",)) if name == "R"]
            if record.get("OS_type", "unix") != "unix" or not all(dcf.satisfies(r_version, *need) for need in needs):
                continue
            other = newest.get(record["Package"])
            if not other or dcf.version(record["Version"]) > dcf.version(other["Version"]):
                newest[record["Package"]] = record
        return newest

    def _records(self):
        for name in ("PACKAGES.gz", "PACKAGES"):
            url = f"{self._url}/{name}"
            try:
                content = self._read(url)
            except Gone:
                continue
            except OSError as error:
                raise Trouble(f"sources cannot be had from {url}: {reason(error)}") from error
            try:
                text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8", "replace")
                records = dcf.parse(text)
            except (dcf.Malformed, OSError, EOFError, zlib.error) as error:
                raise Trouble(f"{url} is not an index of R's packages (it starts with {content[:30]!r})") from error
            if not records:
                raise Trouble(f"{url} names no package at all: nothing is changed")
            return records
        raise Trouble(f"there is no mirror of CRAN: {self._url} has neither PACKAGES.gz nor PACKAGES")

    def fetch(self, record, path):
        """Brings the source of a package, once it is proved to be what the index means."""
        folder = f"{record['Path']}/" if record.get("Path") else ""
        name = f"{record['Package']}_{record['Version']}.tar.gz"
        try:
            content = self._read(f"{self._url}/{folder}{name}")
        except Gone:
            raise Refused(f"the index of the source is stale: it names {name}, which is not there") from None
        except OSError as error:
            raise Refused(f"{name} cannot be had from the source: {reason(error)}") from error
        wanted = record.get("MD5sum")
        if wanted and hashlib.md5(content, usedforsecurity=False).hexdigest() != wanted:
            raise Refused(f"{name} is not what the index of the source means (it names another MD5sum)")
        with open(path, "wb") as file:
            file.write(content)

    @staticmethod
    def _read(url):
        for attempt in range(1, tries + 1):
            try:
                with urllib.request.urlopen(url, timeout=60) as response:
                    content = response.read()
                    if response.length:
                        raise http.client.IncompleteRead(content, response.length)
                    return content
            except urllib.error.HTTPError as error:
                # S3 answers 403 for what is not there to those who may not list.
                if error.code in (403, 404, 410):
                    raise Gone from error
                if attempt == tries or error.code < 500:
                    raise
            except http.client.HTTPException as error:
                if attempt == tries:
                    raise OSError(f"the connection broke ({type(error).__name__})") from error
            except OSError:
                if attempt == tries:
                    raise
            time.sleep(attempt)


def reason(error):
    inner = getattr(error, "reason", None)
    return str(inner if isinstance(inner, (str, OSError)) else error) or type(error).__name__
