"""Every name below a tree with all that a write would change, and how two of them differ.

A snapshot sees what a digest does not: a file that was replaced by an equal one, a time that was
set, something that came and went again. Times of reading are left out.

A file with several names (a hardlink from the cache) gets a new ctime whenever another tree is made
from the same cache, so a ctime alone counts only where a file has one name. The bytes of all are
hashed by the verification that follows.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from runtime_packager.manifest import printable

_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}


class Seen(NamedTuple):
    """One name as ``lstat`` gives it.

    :param size: bytes; 0 for a directory, whose size means nothing.
    :param mtime: nanoseconds, as ``ctime`` (on Windows that is when it was made).
    :param names: how many names the file has; 1 for a directory.
    """

    kind: str
    size: int
    mode: int
    mtime: int
    ctime: int
    inode: int
    names: int


Snapshot = Mapping[str, Seen]
"""By path relative to the root, ``/``-separated; the root itself is the empty string."""


class What(StrEnum):
    """What became of a name."""

    APPEARED = "appeared"
    VANISHED = "vanished"
    CHANGED = "changed"


class Difference(NamedTuple):
    """One name that is not as it was, and in which respect."""

    path: str
    what: What
    reason: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{printable(self.path) or 'the directory itself'}: {self.reason}"


def take(root: Path) -> Snapshot:
    """The names below ``root`` now. Links are not followed.

    :raises OSError: when a directory cannot be listed.
    """
    base = os.path.realpath(root)
    found = {"": _seen(os.lstat(base))}
    pending = [""]
    while pending:
        parent = pending.pop()
        with os.scandir(f"{base}/{parent}") as entries:
            for entry in entries:
                path = f"{parent}/{entry.name}" if parent else entry.name
                # Not entry.stat(): on Windows that one knows neither inode nor number of names.
                found[path] = seen = _seen(os.lstat(entry.path))
                if seen.kind == "directory":
                    pending.append(path)
    return found


def _seen(status: os.stat_result) -> Seen:
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "special file")
    folder = kind == "directory"
    return Seen(
        kind=kind,
        size=0 if folder else status.st_size,
        mode=stat.S_IMODE(status.st_mode),
        mtime=status.st_mtime_ns,
        ctime=status.st_ctime_ns,
        inode=status.st_ino,
        names=1 if folder else status.st_nlink,
    )


def compare(before: Snapshot, after: Snapshot) -> list[Difference]:
    """What is different, sorted by path.

    A directory's own times go unsaid where a name in it that appeared or vanished explains them,
    and so does a new directory that something new lies in.
    """
    appeared, vanished = after.keys() - before.keys(), before.keys() - after.keys()
    explained = _parents(appeared | vanished)
    found = [
        Difference(path, What.APPEARED, f"a {after[path].kind} that was not there")
        for path in appeared - explained
    ]
    found += [Difference(path, What.VANISHED, "is gone") for path in vanished]
    for path in before.keys() & after.keys():
        reasons = list(_changes(before[path], after[path], explained=path in explained))
        if reasons:
            found.append(Difference(path, What.CHANGED, "; ".join(reasons)))
    return sorted(found)


def _parents(paths: Iterable[str]) -> set[str]:
    return {path.rpartition("/")[0] for path in paths}


def _changes(old: Seen, new: Seen, *, explained: bool) -> Iterator[str]:
    if old.kind != new.kind:
        yield f"expected a {old.kind}, found a {new.kind}"
        return
    if old.size != new.size:
        yield f"expected {old.size} bytes, found {new.size}"
    if old.mode != new.mode:
        yield f"expected mode {old.mode:04o}, found {new.mode:04o}"
    if old.inode != new.inode:
        yield f"another {new.kind} took its place"
    elif not explained and old.size == new.size and old.mode == new.mode:
        yield from _touched(old, new)


def _touched(old: Seen, new: Seen) -> Iterator[str]:
    several_names = max(old.names, new.names) > 1
    if old.mtime == new.mtime and (several_names or old.ctime == new.ctime):
        return
    if old.kind == "directory":
        yield "something in it was made and removed again, or its times were set"
    else:
        yield "it was written to, or its times were set"
