"""An interpreter that lies in a directory of this machine: read, hashed, copied."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from runtime_packager.entries import Entry, FileEntry, LinkEntry
from runtime_packager.errors import BuildError, IntegrityError
from runtime_packager.interpreters.layout import tree_path
from runtime_packager.io.files import copy_hashing, sha256_file
from runtime_packager.io.store import place_link, seal


def scan(root: Path) -> Iterator[Entry]:
    """Every file and link of a prefix under its tree path, hashed where it lies.

    :raises IntegrityError: for anything that is neither.
    """
    for found in _walk(root):
        path = tree_path(Path(found).relative_to(root).as_posix())
        if path is None:
            continue
        if found.is_symlink():
            yield LinkEntry(path, Path(found).readlink().as_posix())
        elif found.is_file():
            status = found.stat()
            digest = sha256_file(Path(found))
            yield FileEntry(path, status.st_size, digest, bool(status.st_mode & 0o100), Path(found))
        else:
            raise IntegrityError(f"{found.path} is neither file, directory nor link")


def _walk(folder: Path) -> Iterator[os.DirEntry[Any]]:
    with os.scandir(folder) as found:
        for entry in sorted(found, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    yield from _walk(Path(entry.path))
            else:
                yield entry


def copied(entries: Iterable[Entry], tree: Path) -> tuple[Entry, ...]:
    """The entries after their files were copied into ``tree``.

    :raises BuildError: when a file is no longer what :func:`scan` saw.
    """
    return tuple(_copied(entry, tree) for entry in entries)


def _copied(entry: Entry, tree: Path) -> Entry:
    place = tree / entry.path
    place.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(entry, LinkEntry):
        place_link(place, entry.target)
        return entry
    with entry.source.open("rb") as reading, place.open("wb") as writing:
        digest, size = copy_hashing(reading, writing)
    if digest != entry.sha256:
        raise BuildError(f"{entry.source} changed while it was read", "try again")
    seal(place, entry.executable)
    return FileEntry(entry.path, size, digest, entry.executable, place)
