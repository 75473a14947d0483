"""What a power cut would take, told from the order in which things were written, synced and named.

The model is the harshest that file systems are allowed to be: whatever was not synced is lost,
while a rename may last as soon as it is made. So all that a rename publishes must be synced before
it, and what it replaces may only be removed once the rename itself is synced.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def inodes(path: Path) -> dict[int, str]:
    """The inodes of a file, or of a tree with its directories, and their paths."""
    found = {path.lstat().st_ino: str(path)}
    for base, folders, files in os.walk(path):
        for name in (*folders, *files):
            one = os.path.join(base, name)
            found[os.lstat(one).st_ino] = one
    return found


def lost(log: Iterable[str], output: Path, before: dict[int, str]) -> tuple[int, list[str]]:
    """How many renames published something that is still there, and what was wrong with them.

    :param log: the shim's: ``D`` changed, ``S`` synced, ``F`` the file system synced, ``U`` a name
        removed from a directory, each with an inode; ``R`` from, tab, to: about to be renamed.
    :param before: :func:`inodes` of the output as it was.
    """
    unsynced: set[int] = set()
    problems, published, pending = [], 0, False
    parent = output.parent.stat().st_ino
    for line in log:
        what, _, rest = line.partition(" ")
        match what:
            case "D":
                unsynced.add(int(rest))
            case "S":
                unsynced.discard(int(rest))
            case "F":
                unsynced.clear()
            case "R":
                to = Path(rest.partition("\t")[2])
                if to.exists():
                    published += 1
                    missing = unsynced & inodes(to).keys()
                    problems += [f"{to}: {len(missing)} of it not synced"] if missing else []
                pending |= to == output
            case "U" if pending and int(rest) in before and parent in unsynced:
                problems.append(f"{before[int(rest)]} is emptied before {output} is synced")
    if not pending:
        problems.append(f"{output} was never published")
    return published, problems
