"""One list of entries out of many layers, or an error that names everything that collides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from runtime_packager.entries import Entry, FileEntry, Layer
from runtime_packager.errors import BuildError


def merge(layers: Sequence[Layer]) -> list[Entry]:
    """All entries of all layers, sorted by path.

    Two layers may bring the same file when its bytes are the same, as namespace packages'
    ``__init__.py`` often are. Paths that differ by case alone collide too: they are one file on
    Windows and macOS.

    :raises BuildError: naming every path that two layers bring with different content, that
        differs from another by case alone, or that is a file here and a directory there.
    """
    owners: dict[str, tuple[Entry, str]] = {}
    problems: list[str] = []
    for layer in layers:
        for entry in layer.entries:
            known = owners.setdefault(entry.path.casefold(), (entry, layer.origin))
            if not _same(known[0], entry):
                problems.append(f"{entry.path}: in {known[1]} and in {layer.origin}")
    merged = sorted((entry for entry, _ in owners.values()), key=lambda entry: entry.path)
    problems += _files_as_directories(merged, owners)
    if problems:
        raise BuildError(
            f"{len(problems)} path{'s are' if len(problems) > 1 else ' is'} wanted by two parts of "
            "the tree",
            "pin versions that do not collide, or drop one of the packages",
            details=problems,
        )
    return merged


def _same(one: Entry, other: Entry) -> bool:
    if one.path != other.path or type(one) is not type(other):
        return False
    if isinstance(one, FileEntry) and isinstance(other, FileEntry):
        return one.sha256 == other.sha256
    return one == other


def _files_as_directories(
    merged: Sequence[Entry], owners: dict[str, tuple[Entry, str]]
) -> list[str]:
    directories = {parent for entry in merged for parent in _parents(entry.path)}
    return [
        f"{entry.path}: a file in {owners[entry.path.casefold()][1]}, a directory elsewhere"
        for entry in merged
        if entry.path.casefold() in directories
    ]


def _parents(path: str) -> list[str]:
    return [parent.as_posix() for parent in PurePosixPath(path.casefold()).parents]
