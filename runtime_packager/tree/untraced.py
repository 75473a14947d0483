"""The rule ``untraced``: modules that no run was seen to import are left out.

What goes, of a distribution that was traced in the version the tree has:

- modules of wheels (sources and extension modules) that no trace names; the packages above a module
  that stays, stay with it;
- of the standard library a top-level module or package of which nothing was seen, whole: what
  lies inside one is imported lazily too often to be told by a few runs;
- libraries that auditwheel or delocate put beside a package (``*.libs``, ``.dylibs``) and that only
  native files which are gone needed.

Everything else stays: data, metadata, other libraries, files that no import statement can name, and
the ``__init__`` of a package in which files stay. Without that the directory would be a namespace,
and importing it would succeed instead of saying what is missing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from runtime_packager.entries import FileEntry, Layer, directories_of
from runtime_packager.tree.traces import STDLIB, Trace
from runtime_packager.tree.trimming import Trimmed, and_parents

RULE = "untraced"

UNTRACED = "_runtime_untraced"
"""The module of ``site-packages`` that lists what the rule left out. It is read at the first import
that fails, so a start pays nothing for it."""

_PLACE = re.compile(
    r"python/(?:lib/python3\.\d+|Lib)/(?:(site-packages)/|lib-dynload/)?|python/DLLs/"
)
_ENDING = re.compile(r"\.py|\.pyd|\.abi3\.so|\.(?:cpython|cp)-?\d+[\w-]*\.(?:so|pyd)")
"""Only modules end so. A plain ``.so`` may be a library that somebody loads by its path."""

_BESIDE = re.compile(r".*/(?:[^/]+\.libs|\.dylibs)/[^/]+")

_MARKER = "/py.typed"
"""A package's promise of types to type checkers (PEP 561), which is nothing without the package."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A layer and the distribution that it is of.

    :param name: as traces name it.
    """

    name: str
    version: str
    layer: Layer


@dataclass(frozen=True, slots=True)
class Native:
    """What leaving out has to know of a native file.

    :param names: under which others may ask for it, lower case.
    :param needed: names it asks for, lower case, without directories.
    """

    names: frozenset[str]
    needed: frozenset[str]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What the rule left out.

    :param paths: of the files that are gone.
    :param all_paths: and of the ``__init__`` of hollow packages, which stay.
    :param modules: that cannot be imported any more; of a package that is gone whole its own name.
    :param hollow: packages that nobody was seen to import, whose ``__init__`` stays with files.
    :param notices: what else a person should know.
    """

    paths: frozenset[str] = frozenset()
    all_paths: frozenset[str] = frozenset()
    modules: tuple[str, ...] = ()
    hollow: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def applied(self, layers: Sequence[Layer]) -> tuple[list[Layer], list[Trimmed]]:
        """The layers without it, and its count."""
        kept = [
            Layer(layer.origin, tuple(e for e in layer.entries if e.path not in self.paths))
            for layer in layers
        ]
        sizes = {
            entry.path: entry.size
            for layer in layers
            for entry in layer.entries
            if isinstance(entry, FileEntry) and entry.path in self.paths
        }
        return kept, [Trimmed(RULE, len(sizes), sum(sizes.values()))] if sizes else []

    def explanation(self) -> bytes:
        """The module :data:`UNTRACED`: two texts with a name a line, for a tree's site-packages."""
        return (
            '"""What the trim rule untraced left out, and packages that stay for files."""\n\n'
            f"MODULES = {_lines(self.modules)}\nHOLLOW = {_lines(self.hollow)}"
        ).encode()


def _lines(names: Sequence[str]) -> str:
    quotes = '"' * 3
    return "\n".join([quotes, *names, quotes, ""])


NOTHING = LeftOut()
"""What a rule leaves out that does not apply."""


def without_sources(layers: Sequence[Layer], sources: Collection[str]) -> list[Layer]:
    """Layers of bytecode without that of ``sources`` (PEP 3147: ``a/__pycache__/b.<tag>.pyc``)."""
    stems = {path.removesuffix(".py") for path in sources if path.endswith(".py")}
    if not stems:
        return [*layers]
    return [
        Layer(each.origin, tuple(e for e in each.entries if _stem(e.path) not in stems))
        for each in layers
    ]


def _stem(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder.removesuffix('/__pycache__')}/{name.partition('.')[0]}"


@dataclass(frozen=True, slots=True)
class _Module:
    """A file that is a module, by its place.

    :param package: the directory, when it is a package's ``__init__``.
    """

    path: str
    name: str
    package: str


def leave_out(origins: Sequence[Origin], trace: Trace, natives: Mapping[str, Native]) -> LeftOut:
    """What the rule leaves out of ``origins``.

    :param natives: by tree path, of all native files that could be read.
    """
    paths = [entry.path for origin in origins for entry in origin.layer.entries]
    modules = _modules(paths)
    wanted = _Wanted.of(trace)
    doomed = {
        entry.path
        for origin in origins
        if (seen := trace.get(origin.name)) and seen.version == origin.version
        for entry in origin.layer.entries
        if entry.path in modules and not wanted.has(modules[entry.path].name, origin.name)
    }
    remaining = directories_of(p for p in paths if p not in doomed and not p.endswith(_MARKER))
    hollow = {path for path in doomed if modules[path].package in remaining}
    gone = doomed - hollow
    markers = {f"{modules[path].package}{_MARKER}" for path in gone if modules[path].package}
    kept = [found.name for path, found in modules.items() if path not in gone]
    gone_names = [modules[path].name for path in gone]
    return LeftOut(
        frozenset(gone | markers.intersection(paths) | _unneeded(paths, gone, natives)),
        frozenset(doomed),
        tuple(sorted(_outermost(gone_names, kept))),
        tuple(sorted({modules[path].name for path in hollow})),
        tuple(_notices(origins, trace)),
    )


def module_name(path: str) -> str:
    """The dotted name of the module at a tree path, by its place; empty for any other file."""
    found = _module(path)
    return found.name if found else ""


def modules_among(paths: Sequence[str]) -> list[str]:
    """Those of a tree's paths that are modules."""
    return list(_modules(paths))


def _modules(paths: Sequence[str]) -> dict[str, _Module]:
    modules = {path: found for path in paths if (found := _module(path))}
    packages = {found.package for found in modules.values() if found.package}
    return {path: each for path, each in modules.items() if not _is_data(path, packages)}


def _module(path: str) -> _Module | None:
    place = _PLACE.match(path)
    folder, slash, name = path[place.end() :].rpartition("/") if place else ("", "", "")
    stem, dot, ending = name.partition(".")
    parts = [*folder.split("/"), stem] if slash else [stem]
    if not _ENDING.fullmatch(dot + ending) or not all(part.isidentifier() for part in parts):
        return None
    if stem != "__init__":
        return _Module(path, ".".join(parts), "")
    return _Module(path, ".".join(parts[:-1]), path.rpartition("/")[0]) if slash else None


def _is_data(path: str, packages: Collection[str]) -> bool:
    """Whether it lies in a directory that is no package, inside one that is: a template, say."""
    parent = path.rpartition("/")[0]
    if parent in packages:
        return False
    while parent := parent.rpartition("/")[0]:
        if parent in packages:
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The modules that stay.

    :param names: with the packages above them.
    :param below: names of which all that is below stays.
    """

    names: frozenset[str]
    below: frozenset[str]

    @classmethod
    def of(cls, trace: Trace) -> _Wanted:
        """Of all sections: a line that somebody adds may stand in any of them."""
        modules = {module for seen in trace.values() for module in seen.modules}
        names = {parent for module in modules for parent in and_parents(_plain(module))}
        return cls(frozenset(names), frozenset(_plain(m) for m in modules if m != _plain(m)))

    def has(self, module: str, origin: str) -> bool:
        if origin == STDLIB:
            return module.partition(".")[0] in self.names
        return module in self.names or not self.below.isdisjoint(and_parents(module))


def _plain(module: str) -> str:
    return module.removesuffix(".*")


def _outermost(gone: Sequence[str], kept: Sequence[str]) -> set[str]:
    """Of each name that is gone the outermost that nothing is left of."""
    there = {name for module in kept for name in and_parents(module)}
    found = (next((n for n in and_parents(name) if n not in there), None) for name in gone)
    return {name for name in found if name}


def _unneeded(
    paths: Sequence[str], gone: Collection[str], natives: Mapping[str, Native]
) -> set[str]:
    """Libraries beside packages that native files which are gone needed, and none that stays."""
    beside = {path for path in paths if path in natives and _BESIDE.fullmatch(path)}
    inside = [path for path in natives if path not in beside]
    needed = _closure([p for p in inside if p not in gone], beside, natives)
    return _closure([p for p in inside if p in gone], beside, natives) - needed


def _closure(
    roots: Sequence[str], beside: Collection[str], natives: Mapping[str, Native]
) -> set[str]:
    """The libraries of ``beside`` that the roots need, by way of others too."""
    found: set[str] = set()
    waiting = [*roots]
    while waiting:
        needed = natives[waiting.pop()].needed
        more = {path for path in beside if path not in found and natives[path].names & needed}
        found |= more
        waiting += more
    return found


def _notices(origins: Sequence[Origin], trace: Trace) -> Iterator[str]:
    for origin in origins:
        seen = trace.get(origin.name)
        if seen is None:
            yield f"{origin.name} {origin.version} is in no trace: {_WHOLE}"
        elif seen.version != origin.version:
            yield f"{origin.name} {origin.version} was traced as {seen.version}: {_WHOLE}"


_WHOLE = f"the trim rule {RULE} leaves nothing of it out until it is traced"
