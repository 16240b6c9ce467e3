"""The format of R's indexes, and what stands in them: versions and dependencies."""

import re

# What R asks of an index, as tools:::.get_standard_repository_db_fields() has it.
fields = (
    "Package", "Version", "Priority", "Depends", "Imports", "LinkingTo", "Suggests", "Enhances", "License", "License_is_FOSS",
    "License_restricts_use", "OS_type", "Archs", "NeedsCompilation",
)


class Malformed(ValueError):
    """Not an index of packages."""


def parse(text):
    """The records of an index, in its order."""
    records = []
    for block in re.split(r"\n(?:[ \t\r]*\n)+", text.strip("\n")):
        record, name = {}, None
        for line in block.splitlines():
            if line[:1] in (" ", "\t") and name:
                record[name] = f"{record[name]} {line.strip()}".strip()
                continue
            name, colon, value = line.partition(":")
            if not colon or not re.fullmatch(r"[!-9;-~]+", name):
                raise Malformed(line)
            record[name] = value.strip()
        # One that R itself would not take is none.
        if record.get("Package") and re.fullmatch(r"[0-9]+([.-][0-9]+)*", record.get("Version", "")):
            records.append(record)
    return records


def write(records):
    return "\n".join("".join(f"{name}: {value}\n" for name, value in record.items()) for record in records)


def version(text):
    """What versions of R's packages are compared by."""
    return tuple(int(part) for part in re.split(r"[.-]", text))


def dependencies(record, names=("Depends", "Imports", "LinkingTo")):
    """(package, operator, version) of each; R itself is among them, as R."""
    found = []
    for name in names:
        for part in re.split(r"\s*,\s*", record.get(name, "").strip()):
            match = re.fullmatch(r"([A-Za-z][A-Za-z0-9.]*)\s*(?:\(\s*([<>=!]+)\s*([0-9.-]+)\s*\))?", part)
            if match:
                found.append(match.groups())
    return found


def satisfies(has, operator, wanted):
    if operator is None:
        return True
    left, right = version(has), version(wanted)
    return {
        ">=": left >= right, ">": left > right, "<=": left <= right, "<": left < right, "==": left == right, "!=": left != right,
    }.get(operator, True)
