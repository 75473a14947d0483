"""What a tree is made of: entries, gathered in layers, one layer per thing that brings files.

A layer knows the digest of each of its files from when they entered the cache, so assembling a
tree hashes only what is new. Layers are plain values; :mod:`runtime_packager.tree` merges, trims
and places them, :mod:`runtime_packager.manifest` records them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A regular file of the tree.

    :param path: relative to the tree's root, ``/``-separated, NFC.
    :param size: bytes.
    :param sha256: lower-case hex digest of its bytes.
    :param executable: mode 0755 rather than 0644.
    :param source: where its bytes lie now.
    """

    path: str
    size: int
    sha256: str
    executable: bool
    source: Path


@dataclass(frozen=True, slots=True)
class LinkEntry:
    """A symbolic link of the tree; ``target`` is relative and stays inside the tree."""

    path: str
    target: str


Entry = FileEntry | LinkEntry


@dataclass(frozen=True, slots=True)
class Layer:
    """The files one origin brings: an interpreter, a wheel, its bytecode, the app.

    :param origin: what to call it in messages, for example ``numpy 2.3.4``.
    """

    origin: str
    entries: tuple[Entry, ...]

    def under(self, prefix: str) -> Layer:
        """The same files below ``prefix`` (no slash at either end)."""
        return Layer(
            self.origin, tuple(_moved(entry, f"{prefix}/{entry.path}") for entry in self.entries)
        )


def _moved(entry: Entry, path: str) -> Entry:
    if isinstance(entry, LinkEntry):
        return LinkEntry(path, entry.target)
    return FileEntry(path, entry.size, entry.sha256, entry.executable, entry.source)


def dump_table(entries: Iterable[Entry]) -> bytes:
    """The entries of one stored directory as JSON bytes, sorted; sources are left out."""
    rows: list[list[Any]] = []
    for entry in sorted(entries, key=lambda entry: entry.path):
        match entry:
            case FileEntry():
                rows.append([entry.path, entry.size, entry.sha256, int(entry.executable)])
            case LinkEntry():
                rows.append([entry.path, entry.target])
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()


DAMAGED = (OSError, ValueError, LookupError, TypeError)
"""What reading a table raises that is missing, cut off or not ours."""


def load_table(data: bytes, root: Path) -> tuple[Entry, ...]:
    """What :func:`dump_table` wrote, with every file's source below ``root``.

    Raises one of :data:`DAMAGED` for anything else.
    """
    base, rows = str(root), json.loads(data)
    if not isinstance(rows, list):
        raise TypeError("a table is a list of rows")
    return tuple(
        FileEntry(row[0], row[1], row[2], bool(row[3]), Path(f"{base}/{row[0]}"))
        if len(row) == 4
        else LinkEntry(row[0], row[1])
        for row in rows
    )


def directories_of(paths: Iterable[str]) -> frozenset[str]:
    """Every directory the paths need, the root (an empty string) left out."""
    found: set[str] = set()
    for path in paths:
        parent = path.rpartition("/")[0]
        while parent and parent not in found:
            found.add(parent)
            parent = parent.rpartition("/")[0]
    return frozenset(found)
