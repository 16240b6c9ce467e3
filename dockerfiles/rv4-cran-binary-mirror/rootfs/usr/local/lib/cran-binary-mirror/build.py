"""What a binary was made of: all that decides whether it has to be made again."""

import hashlib
from dataclasses import dataclass, field

import dcf


@dataclass(frozen=True)
class Build:
    version: str
    # Of the source, as its index has it; empty where it has none.
    source: str
    # Package → id of the build that has become a part of this one: headers, classes.
    parts: dict = field(hash=False)
    # R's own words, such as: R 4.5.0; x86_64-pc-linux-gnu; 2026-11-26 05:00:00 UTC; unix
    built: str

    @property
    def id(self):
        """The same of the same, whoever makes it and when."""
        text = "\n".join([self.version, self.source, *(f"{name} {self.parts[name]}" for name in sorted(self.parts))])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def is_made_of(self, record, ids):
        """Whether it is what this source would give with these builds of other packages."""
        return (
            self.version == record["Version"]
            and self.source == record.get("MD5sum", "")
            and all(ids.get(name) == part for name, part in self.parts.items())
        )

    def entry(self, record):
        """
        Of the index. It has no MD5sum: R reads none, and there would be moments in which it is wrong, while a package is
        replaced by another build of its version.
        """
        known = {name: record[name] for name in dcf.fields if record.get(name)}
        return known | {"Built": self.built, "BuiltFrom": self.source or "-", "BuiltWith": self._parts() or "-"}

    def metadata(self):
        return {"built": self.built, "built-from": self.source or "-", "built-with": self._parts() or "-"}

    def _parts(self):
        return ", ".join(f"{name} {self.parts[name]}" for name in sorted(self.parts))

    @staticmethod
    def of_entry(entry):
        return entry and _read(entry["Version"], entry.get("Built"), entry.get("BuiltFrom"), entry.get("BuiltWith"))

    @staticmethod
    def of_metadata(version, metadata):
        return _read(version, metadata.get("built"), metadata.get("built-from"), metadata.get("built-with"))


def _read(version, built, source, parts):
    """None for what something else has made."""
    if not built or not source or not parts:
        return None
    pairs = [] if parts == "-" else [part.split(" ") for part in parts.split(", ")]
    if any(len(pair) != 2 for pair in pairs):
        return None
    return Build(version, "" if source == "-" else source, dict(pairs), built)
