"""
The binaries in the bucket, as a repository that R installs from.

What an index names is there, at any moment: packages are uploaded before an index names them, an index changes only if
nobody has changed it meanwhile, and what no index names any more stays for days. PACKAGES is the index that decides.
"""

import gzip
import random
import time
from datetime import datetime, timedelta, timezone

import dcf
from bucket import Conflict
from build import Build
from speech import Trouble, say

# Packages without an index are taken for those of a run that was killed, for so long;
adopted_for = timedelta(days=3)
# and, like those that a newer version has replaced, are removed after so long. No run takes the time between.
kept_for = timedelta(days=7)


def file_of(name, version):
    return f"{name}_{version}.tar.gz"


class Repository:
    def __init__(self, bucket, rds):
        self._bucket = bucket
        # Text of an index → the same in R's own format.
        self._rds = rds
        self._read = self._index()
        files = self._bucket.list()
        gone = [name for name, entry in self._read.entries.items() if file_of(name, entry["Version"]) not in files]
        for name in gone:
            say(f"{name}: the index names {file_of(name, self._read.entries[name]['Version'])}, which is not in the bucket")
        self._gone = frozenset(gone)

    def build(self, name, _version):
        """What the index names of a package, if that is there; or None."""
        return None if name in self._gone else Build.of_entry(self._read.entries.get(name))

    def left(self, name, version):
        """What another run uploaded, this one's former life or one beside it, that no index named when this one began."""
        found = self._bucket.head(file_of(name, version))
        recent = found and datetime.now(timezone.utc) - found.changed < adopted_for
        return Build.of_metadata(version, found.metadata) if recent else None

    def upload(self, name, build, content):
        """Answers the build that is there in the end: another run's, where that was first with the same."""
        key = file_of(name, build.version)
        while True:
            there = self._bucket.head(key)
            other = there and Build.of_metadata(build.version, there.metadata)
            if other and other.id == build.id and datetime.now(timezone.utc) - there.changed < adopted_for:
                return other
            try:
                self._bucket.put(key, content, there, build.metadata(), "application/x-gzip")
                return build
            except Conflict:
                continue

    def fetch(self, name, version):
        """The content of a package that is there, or None."""
        found = self._bucket.get(file_of(name, version))
        return found and found.content

    def publish(self, changes):
        """Has the index name these entries; answers those that it could not."""
        while True:
            now = self._index()
            files = self._bucket.list()
            merged, lost = self._merged(now.entries, changes, files)
            if merged == now.entries:
                break
            for name, entry in now.entries.items():
                if name in merged and merged[name]["Version"] != entry["Version"]:
                    self._archive(name, entry["Version"], files)
            try:
                text = dcf.write(merged[name] for name in sorted(merged))
                self._bucket.put("PACKAGES", text.encode(), now.found, kind="text/plain")
                break
            except Conflict:
                # Somebody else was first: their packages and ours.
                time.sleep(random.uniform(0, 0.5))
        self._derive()
        return lost

    def _merged(self, entries, changes, files):
        merged = dict(entries)
        for name, entry in changes.items():
            other = entries.get(name)
            # Of what two runs made at once the newer version stays. What this one found at its start it may replace even
            # by an older one, if that is what the source has now.
            if not other or other == self._read.entries.get(name) or dcf.version(other["Version"]) <= dcf.version(entry["Version"]):
                merged[name] = entry
        lost = [name for name, entry in merged.items() if file_of(name, entry["Version"]) not in files]
        for name in lost:
            if name in entries and file_of(name, entries[name]["Version"]) in files:
                merged[name] = entries[name]
            else:
                del merged[name]
        return merged, [name for name in lost if name in changes]

    def _archive(self, name, version, files):
        key, archived = file_of(name, version), f"Archive/{name}/{file_of(name, version)}"
        if key in files:
            self._bucket.copy(key, archived)

    def _derive(self):
        """
        The other forms of the index, each made of the PACKAGES that its metadata names. They are looked at before PACKAGES
        is read and written only if nobody has since, so that none is made older than it was.
        """
        forms = {"PACKAGES.gz": lambda text: gzip.compress(text.encode(), mtime=0), "PACKAGES.rds": self._rds}
        while True:
            there = {key: self._bucket.head(key) for key in forms}
            now = self._index()
            if not now.found:
                return
            try:
                for key, form in forms.items():
                    if not there[key] or there[key].metadata.get("of") != now.found.etag:
                        self._bucket.put(key, form(now.text), there[key], {"of": now.found.etag})
            except Conflict:
                time.sleep(random.uniform(0, 0.5))
                continue
            if self._index().found == now.found:
                return

    def tidy(self):
        """Removes what no index has named for days; answers how many."""
        before = datetime.now(timezone.utc) - kept_for
        named = {file_of(name, entry["Version"]) for name, entry in self._index().entries.items()}
        files = self._bucket.list()
        removed = 0
        for key, found in files.items():
            if "/" in key or not key.endswith(".tar.gz") or key in named:
                continue
            # It is archived when it is replaced.
            archived = files.get(f"Archive/{key.split('_')[0]}/{key}")
            if found.changed < before and (not archived or archived.changed < before):
                self._bucket.remove(key)
                removed += 1
        return removed

    def _index(self):
        found = self._bucket.get("PACKAGES")
        text = found.content.decode("utf-8", "replace") if found else ""
        try:
            return _Index(found, text, {record["Package"]: record for record in dcf.parse(text)})
        except dcf.Malformed as error:
            raise Trouble(f"PACKAGES in the bucket is not an index of R's packages ({error}): move it away") from error


class _Index:
    def __init__(self, found, text, entries):
        self.found = found
        self.text = text
        self.entries = entries
