"""Which packages are to be in the mirror, and in which order: pure."""

from dataclasses import dataclass

import dcf


@dataclass(frozen=True)
class Choice:
    # Package → its record in the source's index.
    wanted: dict
    # Package → those of the wanted ones that it needs, directly.
    needs: dict
    # Package → why it cannot be made.
    impossible: dict
    # Those that were asked for and come with R here, in the same version or a newer one.
    provided: tuple


def choose(names, index, provided):
    """
    What was asked for and is newer than what `provided` has; and of what that needs, what `provided` has not, or not in a
    version that will do.
    """
    wanted, impossible, had, direct = {}, {}, [], {}
    queue = []
    for name in names:
        record = index.get(name)
        if name in provided and (not record or dcf.version(provided[name]) >= dcf.version(record["Version"])):
            had.append(name)
        elif not record:
            impossible[name] = "the source has no such package for this version of R"
        else:
            queue.append(name)
    while queue:
        name = queue.pop()
        if name in wanted:
            continue
        wanted[name] = record = index[name]
        direct[name] = []
        for other, operator, version in dcf.dependencies(record):
            if other == "R":
                continue
            direct[name].append(other)
            if other in provided and dcf.satisfies(provided[other], operator, version):
                continue
            if other not in index:
                impossible[name] = f"it needs {other}, which the source does not have for this version of R"
            elif not dcf.satisfies(index[other]["Version"], operator, version):
                impossible[name] = f"it needs {other} ({operator} {version}), and the source has {index[other]['Version']}"
            else:
                queue.append(other)
    needs = {name: [other for other in dict.fromkeys(others) if other in wanted] for name, others in direct.items()}
    return Choice(wanted, needs, impossible, tuple(had))


def all_needs(name, needs):
    """What has to be there when a package is compiled: what it needs, and what that needs."""
    found, queue = {}, list(needs[name])
    while queue:
        other = queue.pop()
        if other not in found:
            found[other] = True
            queue.extend(needs[other])
    return list(found)
