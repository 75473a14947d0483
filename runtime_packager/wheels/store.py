"""Wheels unpacked once, in the cache, for every target and every tree.

``wheels/<format>-<sha256>/`` holds one folder per install scheme (``purelib``, ``platlib``,
``scripts``, ``data``), ``windows/`` with the RECORD that holds where scripts and data have other
places, ``table.json`` (:func:`runtime_packager.entries.dump_table`) and ``wheel.json``. It is
keyed by the locked file's digest: the wheel's, or that of the source archive it was built from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from configparser import ConfigParser, Error
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from runtime_packager.entries import (
    DAMAGED,
    Entry,
    FileEntry,
    Layer,
    LinkEntry,
    dump_table,
    load_table,
)
from runtime_packager.errors import BuildError, IntegrityError
from runtime_packager.io.cache import Cache
from runtime_packager.io.files import remove_tree
from runtime_packager.io.store import intact
from runtime_packager.platforms import Target
from runtime_packager.wheels.job import Job
from runtime_packager.wheels.lock import LockedPackage

FOLDER = "wheels"
FORMAT = "1"
"""Changes with anything that changes what an entry holds for the same wheel."""

TABLE, META, WINDOWS = "table.json", "wheel.json", "windows"
_SITE = ("purelib", "platlib")


@dataclass(frozen=True, slots=True)
class InstalledWheel:
    """A requirement as it lies in a tree.

    :param sha256: of the locked file.
    :param layer: its files, at their paths in the tree.
    :param top_level: the names it makes importable.
    :param left_out: what it ships and we do not install, as ``scheme/path``.
    :param import_pths: its ``.pth`` files that run code whenever Python starts.
    :param console_scripts: (name, ``module:function``) pairs.
    :param cached: whether the store had it already.
    """

    name: str
    version: str
    sha256: str
    layer: Layer
    top_level: tuple[str, ...]
    left_out: tuple[str, ...]
    import_pths: tuple[str, ...]
    console_scripts: tuple[tuple[str, str], ...]
    cached: bool


@dataclass(frozen=True, slots=True)
class StoredWheel:
    """One entry of the store, as :func:`load` found it."""

    entries: tuple[Entry, ...]
    top_level: tuple[str, ...]
    left_out: tuple[str, ...]
    import_pths: tuple[str, ...]
    console_scripts: tuple[tuple[str, str], ...]


def key_of(package: LockedPackage) -> str:
    """The entry's name in the store."""
    return f"{FORMAT}-{package.sha256}"


def load(package: LockedPackage, cache: Cache) -> StoredWheel | None:
    """The package's entry, if it is there and nothing in it was touched."""
    folder = cache.directory(FOLDER, key_of(package))
    try:
        meta = json.loads((folder / META).read_bytes())
        found = StoredWheel(
            load_table((folder / TABLE).read_bytes(), folder),
            tuple(meta["top_level"]),
            tuple(meta["left_out"]),
            tuple(meta["import_pths"]),
            tuple((name, value) for name, value in meta["console_scripts"]),
        )
    except DAMAGED:
        return None
    return found if intact(found.entries) else None


def add(package: LockedPackage, wheel: Path, filename: str, job: Job) -> None:
    """Unpack a wheel into the store, in the place of a damaged entry if there is one.

    :param filename: the wheel's name; ``wheel`` itself may be called by its digest.
    :raises IntegrityError: when it breaks the rules of
        :mod:`runtime_packager.wheels.contents` or differs from its RECORD.
    :raises BuildError: when it cannot be written.
    """
    from runtime_packager.wheels.unpack import unpack

    key, cache = key_of(package), job.cache
    with cache.locked(f"{FOLDER}-{key}", job.progress):
        if load(package, cache) is not None:
            return
        remove_tree(cache.directory(FOLDER, key))
        with _disk_errors(package), cache.building(FOLDER, key) as staging:
            unpacked = unpack(wheel, filename, staging, built=package.kind == "sdist")
            (staging / TABLE).write_bytes(dump_table(unpacked.entries))
            meta = {
                "name": package.name,
                "version": package.version,
                "left_out": unpacked.left_out,
                "top_level": unpacked.top_level,
                "import_pths": _import_pths(staging, unpacked.entries),
                "console_scripts": _console_scripts(staging, unpacked.dist_info),
            }
            (staging / META).write_text(json.dumps(meta), encoding="utf-8")


class _disk_errors:  # noqa: N801 - reads as the statement it is used in
    def __init__(self, package: LockedPackage) -> None:
        self.package = package

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise BuildError(f"{self.package} cannot be unpacked: {error}") from error


def _import_pths(folder: Path, entries: Iterable[Entry]) -> list[str]:
    found = []
    for entry in entries:
        scheme, _, path = entry.path.partition("/")
        if scheme in _SITE and path.endswith(".pth") and "/" not in path:
            text = (folder / entry.path).read_text(encoding="utf-8", errors="replace")
            if any(line.startswith(("import ", "import\t")) for line in text.splitlines()):
                found.append(path)
    return sorted(found)


def _console_scripts(folder: Path, dist_info: str) -> list[tuple[str, str]]:
    """The pairs of ``entry_points.txt``, without the extras some still name."""
    texts = [folder / scheme / dist_info / "entry_points.txt" for scheme in _SITE]
    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names have a case
    try:
        parser.read(texts, encoding="utf-8")
        pairs = parser.items("console_scripts") if parser.has_section("console_scripts") else []
    except (Error, UnicodeDecodeError) as error:
        raise IntegrityError(f"{dist_info}/entry_points.txt cannot be read: {error}") from error
    return sorted((name, value.partition("[")[0].strip()) for name, value in pairs)


def install(
    package: LockedPackage, stored: StoredWheel, target: Target, python: Version, *, cached: bool
) -> InstalledWheel:
    """A store entry as it lies in a tree of ``target``."""
    return InstalledWheel(
        package.name,
        package.version,
        package.sha256,
        Layer(str(package), _placed(stored.entries, target, python)),
        stored.top_level,
        stored.left_out,
        stored.import_pths,
        stored.console_scripts,
        cached,
    )


def _placed(entries: Iterable[Entry], target: Target, python: Version) -> tuple[Entry, ...]:
    """The entries at their tree paths; on Windows its RECORD instead of the others'."""
    site = target.site_packages(python)
    places = {
        "purelib": site,
        "platlib": site,
        "scripts": target.scripts(),
        "data": "python",
        WINDOWS: site,
    }
    placed = dict[str, Entry]()
    for entry in entries:
        scheme, _, path = entry.path.partition("/")
        if scheme != WINDOWS or target.is_windows:
            final = f"{places[scheme]}/{path}"
            # dump_table sorts, so windows/ comes last and takes the place of what is common.
            placed[final] = _at(entry, final)
    return tuple(placed.values())


def _at(entry: Entry, path: str) -> Entry:
    if isinstance(entry, LinkEntry):
        return LinkEntry(path, entry.target)
    return FileEntry(path, entry.size, entry.sha256, entry.executable, entry.source)
