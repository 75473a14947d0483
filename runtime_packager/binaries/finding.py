"""Where a loader looks for a library, and whether the tree has it there."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from runtime_packager.binaries.facts import Binary, Format, Slice

_ORIGINS = ("$ORIGIN", "${ORIGIN}", "@loader_path")
_PROGRAM = "@executable_path"
_RPATH = "@rpath/"
_APPLE = ("/usr/lib/", "/System/Library/")
_LINUX = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/")


@dataclass(frozen=True, slots=True)
class Names:
    """Every path of a tree, and every name under which a loader may know one of its files."""

    paths: frozenset[str]
    known: frozenset[str]
    windows: bool

    @staticmethod
    def of(paths: Collection[str], binaries: Iterable[Binary], *, windows: bool) -> Names:
        """``paths`` with the sonames and install names of ``binaries``; lower case for Windows."""
        given = {part.name for binary in binaries for part in binary.slices if part.name}
        known = {posixpath.basename(name) for name in (*paths, *given)}
        if windows:
            return Names(frozenset(p.lower() for p in paths), _lower(known), windows)
        return Names(frozenset(paths), frozenset(known), windows)

    def has(self, name: str) -> bool:
        """Whether a file of that name is anywhere: something else may have loaded it before."""
        base = posixpath.basename(name)
        return (base.lower() if self.windows else base) in self.known


def _lower(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


def in_tree(name: str, binary: Binary, part: Slice, names: Names) -> bool:
    """Whether the tree has the library that ``binary`` calls ``name``.

    A path is looked up as a path; a plain name, or one below ``@rpath``, may be anywhere.
    """
    if name.startswith(_RPATH) or "/" not in name:
        return names.has(name)
    if name.startswith(_PROGRAM) and not part.program:
        return names.has(name)
    place = resolved(name, binary.path)
    return place is not None and place in names.paths


def resolved(path: str, owner: str) -> str | None:
    """A path that starts at its ``owner``, as a path of the tree; ``None`` for any other, or when
    it leads out of the tree."""
    for origin in (*_ORIGINS, _PROGRAM):
        if path == origin or path.startswith(f"{origin}/"):
            rest = path[len(origin) :].lstrip("/")
            place = posixpath.normpath(posixpath.join(posixpath.dirname(owner), rest))
            return None if place == ".." or place.startswith("../") else place
    return None


def bad_rpaths(binary: Binary, part: Slice, names: Names) -> list[str]:
    """The places outside the tree where libraries are looked for, as written, that do harm.

    glibc and musl search every place for every name, so on Linux each one counts, but for the
    system's own directories: those count where they are searched before the tree for something
    that the tree has. dyld searches for names below ``@rpath`` alone, so on macOS a place that is
    left over from a build counts only where it is searched before the tree.
    """
    searched = _searched_outside(binary, part, names)
    outside = [rpath for rpath in part.rpaths if resolved(rpath, binary.path) is None]
    if binary.format == "ELF":
        return [rpath for rpath in outside if rpath in searched or not _below(rpath, _LINUX)]
    return [rpath for rpath in outside if rpath in searched and not _below(rpath, _APPLE)]


def _below(path: str, places: tuple[str, ...]) -> bool:
    return f"{posixpath.normpath(path)}/".startswith(places)


def _searched_outside(binary: Binary, part: Slice, names: Names) -> set[str]:
    """The places outside that are searched for a library of the tree before it is found."""
    wanted = [name for name in (*part.needed, *part.weak) if name.startswith(_RPATH)]
    if binary.format == "ELF":
        wanted = [name for name in part.needed if "/" not in name and names.has(name)]
    searched = set()
    for name in wanted:
        for rpath in part.rpaths:
            place = resolved(rpath, binary.path)
            if place is None:
                searched.add(rpath)
            elif posixpath.normpath(f"{place}/{name.removeprefix(_RPATH)}") in names.paths:
                break
    return searched


def libpython(name: str) -> bool:
    """Whether it is Python's own library, which a trim rule leaves out."""
    return posixpath.basename(name).startswith("libpython3")


def system_of(form: Format) -> str:
    """The system whose files have this format, in words."""
    return {"ELF": "Linux", "PE": "Windows", "Mach-O": "macOS"}[form]
