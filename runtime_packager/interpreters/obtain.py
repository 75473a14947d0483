"""Obtaining an interpreter: from the store, else from the first source that can give it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from runtime_packager.entries import Entry, Layer, dump_table, load_table
from runtime_packager.errors import InputError, IntegrityError, NetworkError, PackagerError
from runtime_packager.interpreters.catalogue import Catalogue
from runtime_packager.interpreters.checks import check_interpreter
from runtime_packager.interpreters.sources import Source, serves
from runtime_packager.interpreters.unpack import (
    MIRROR_VARIABLE,
    UNPACK_FORMAT,
    Errand,
    Provenance,
    Route,
    route,
)
from runtime_packager.io.cache import Cache
from runtime_packager.io.download import PATIENCE, Patience
from runtime_packager.io.files import remove_tree
from runtime_packager.io.progress import Progress
from runtime_packager.io.store import intact
from runtime_packager.platforms import Target

FOLDER = "interpreters"
"""The cache's folder for unpacked interpreters."""

_TABLE = "table.json"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter, unpacked and checked.

    :param root: the directory in the cache that holds ``python``. Not to be written to.
    :param layer: its files and links, at their tree paths ``python/...``.
    :param digest: hex SHA-256 over the paths, modes and contents of the layer; two interpreters
        that are the same have the same, whatever source they came by.
    :param cached: whether the store had it already.
    """

    root: Path
    layer: Layer
    digest: str
    provenance: Provenance
    cached: bool


def obtain(
    python: Version,
    target: Target,
    sources: Sequence[Source],
    catalogue: Catalogue,
    cache: Cache,
    progress: Progress,
    *,
    offline: bool = False,
    patience: Patience = PATIENCE,
) -> Interpreter:
    """CPython ``python`` for ``target``, from the store or the first source that has it.

    What any source, in order, has in the store already is used without the network. Else they
    are tried in order; a failure is reported and the next is tried.

    :param offline: use what is stored or on this machine, else fail.
    :raises InputError: when no source serves the target and version.
    :raises PackagerError: when all fail, listing every source with its reason:
        ``IntegrityError`` if any source gave wrong bytes, else ``NetworkError`` if any was
        unreachable.
    """
    errand = Errand(python, target, cache, progress, offline, patience)
    serving = _serving(sources, errand)
    failures: dict[Source, PackagerError] = {}
    routes: dict[Source, Route] = {}
    for source in serving:
        with _noting(source, failures):
            routes[source] = way = route(source, errand, catalogue)
            if found := _stored(way, errand):
                return found
    for source, follower in zip(serving, [*serving[1:], None], strict=True):
        if source in routes:
            with _noting(source, failures):
                return _made(routes[source], errand)
        if follower:
            reason = failures[source].message
            progress.warn(f"{source.label}: {reason}; trying {follower.label} next")
    raise _all_failed(errand, failures)


def _serving(sources: Sequence[Source], errand: Errand) -> list[Source]:
    serving = [source for source in sources if serves(source, errand.python, errand.target)]
    if serving:
        return list(dict.fromkeys(serving))
    listed = ", ".join(source.label for source in sources) or "none are configured"
    raise InputError(
        f"no source gives {errand.title}; sources: {listed}",
        "add a source for it to interpreter.sources",
    )


@contextmanager
def _noting(source: Source, failures: dict[Source, PackagerError]) -> Iterator[None]:
    try:
        yield
    except PackagerError as error:
        failures[source] = error


def _stored(way: Route, errand: Errand) -> Interpreter | None:
    """What is stored under the route's key, if it still is what was stored."""
    place = errand.cache.directory(FOLDER, way.key)
    entries = _read_table(place)
    if entries is None or not intact(entries):
        return None
    return _interpreter(place, entries, way, errand, cached=True)


def _read_table(place: Path) -> tuple[Entry, ...] | None:
    try:
        return load_table((place / _TABLE).read_bytes(), place / "tree")
    except (OSError, ValueError, LookupError):
        return None


def _interpreter(
    place: Path, entries: tuple[Entry, ...], way: Route, errand: Errand, *, cached: bool
) -> Interpreter:
    digest = hashlib.sha256(f"{UNPACK_FORMAT}\n".encode() + dump_table(entries)).hexdigest()
    return Interpreter(place / "tree", Layer(errand.title, entries), digest, way.provenance, cached)


def _made(way: Route, errand: Errand) -> Interpreter:
    """Unpack into the store, unless another process did meanwhile."""
    with errand.cache.locked(f"interpreter-{way.key}", errand.progress):
        if found := _stored(way, errand):
            return found
        place = errand.cache.directory(FOLDER, way.key)
        if place.exists():
            errand.progress.note(f"{errand.title} was changed in the cache and is made again")
            remove_tree(place)
        with errand.cache.building(FOLDER, way.key) as staging:
            _fill(staging, way, errand)
    made = _stored(way, errand)
    if made is None:
        raise IntegrityError(
            f"{place} cannot be read as it was written", "try again; then look after the disk"
        )
    return dataclasses.replace(made, cached=False)


def _fill(staging: Path, way: Route, errand: Errand) -> None:
    tree = staging / "tree"
    tree.mkdir()
    entries = way.fill(tree)
    check_interpreter(entries, errand.python, errand.target, way.provenance.origin)
    facts = json.dumps(dataclasses.asdict(way.provenance), indent=2)
    (staging / "provenance.json").write_text(f"{facts}\n", encoding="utf-8")
    (staging / _TABLE).write_bytes(dump_table(entries))


def _all_failed(errand: Errand, failures: dict[Source, PackagerError]) -> PackagerError:
    errors = list(failures.values())
    kind = _worst(errors)
    hint = next((error.hint for error in errors if isinstance(error, kind)), None)
    if kind is NetworkError:
        hint = (
            f"set {MIRROR_VARIABLE} to a mirror of python-build-standalone's releases, or add a "
            "mirror source to the configuration"
        )
    details = [line for source, error in failures.items() for line in _lines(source.label, error)]
    return kind(f"{errand.title} could not be obtained", hint, details=details)


def _worst(errors: Sequence[PackagerError]) -> type[PackagerError]:
    kinds = [type(error) for error in errors]
    return next((rank for rank in (IntegrityError, NetworkError) if rank in kinds), kinds[0])


def _lines(label: str, error: PackagerError) -> list[str]:
    return [f"{label}: {error.message}", *(f"  {line}" for line in error.details)]
