"""What a run has done: a table of all that it did not leave as it was, the ends of the logs, and a line of totals."""

from collections import Counter


def summary(outcomes, chosen, lost, removed):
    rows, logs = [], []
    counts = Counter(outcome.action for outcome in outcomes.values())
    for name in sorted(set(outcomes) | set(chosen.impossible)):
        outcome = outcomes.get(name)
        if not outcome:
            counts["failed"] += 1
            rows.append(("failed", name, "", "", chosen.impossible[name]))
        elif name in lost:
            counts[outcome.action] -= 1
            counts["failed"] += 1
            rows.append(("failed", name, outcome.version, "", "it was removed from the bucket meanwhile"))
        elif outcome.action != "kept":
            rows.append((outcome.action, name, outcome.version, f"{outcome.seconds:.0f} s" if outcome.seconds else "", outcome.detail))
            if outcome.log:
                logs.append("\n".join([f"The end of the log of {name}:", *(f"  {line}" for line in outcome.log), ""]))
    left = len(set(chosen.wanted) - set(outcomes))
    totals = [f"{counts['compiled']} compiled", f"{counts['adopted']} found uploaded", f"{counts['kept']} unchanged"]
    totals += [f"{counts[action]} {action}" for action in ("failed", "skipped") if counts[action]]
    totals += [f"{left} not done"] if left else []
    totals += [f"{len(chosen.provided)} of the list come with R here"] if chosen.provided else []
    totals += [f"{removed} old files removed"] if removed else []
    return "\n".join([*logs, *_table(rows), ", ".join(totals)])


def _table(rows):
    if not rows:
        return []
    heads = ("", "package", "version", "time", "")
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(4)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]]).rstrip() for row in [heads, *rows]] + [""]
