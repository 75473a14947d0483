"""The rule ``debug-symbols``: ELF files without what no loader reads, made once a file.

Windows' and macOS' programs are left alone: signatures cover them, and their symbols lie in files
of their own (``.pdb``, ``.dSYM``) anyway.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, TypeGuard

from runtime_packager.entries import (
    DAMAGED,
    Entry,
    FileEntry,
    Layer,
    dump_table,
    load_table,
)
from runtime_packager.errors import BuildError
from runtime_packager.io.cache import Cache
from runtime_packager.io.files import CHUNK, remove_tree
from runtime_packager.io.progress import Progress
from runtime_packager.io.store import intact, require_undamaged, seal
from runtime_packager.tree.elf import LEAST_GAIN, MAGIC, Slim, slim
from runtime_packager.tree.trimming import Trimmed

FORMAT = 1
"""Part of every key: raise it when the same file would give another."""

FOLDER = "stripped"
RULE = "debug-symbols"


def strip_symbols(
    layers: Sequence[Layer], cache: Cache, progress: Progress
) -> tuple[list[Layer], list[Trimmed], int]:
    """The layers with smaller ELF files in them, what that saves, and how many were looked at now.

    :raises IntegrityError: when a file is not what was stored.
    :raises BuildError: when a file of the cache is cut off meanwhile.
    """
    keys = {_key(file): file for layer in layers for file in layer.entries if _may_be_elf(file)}
    with cache.locked(FOLDER, progress):
        known = {key: found for key in keys if (found := _load(cache, key)) is not None}
        missing = [key for key in keys if key not in known]
        if missing:
            title = "taking out debug symbols"
            with progress.task(title, total=len(missing), unit="files") as task:
                for key in missing:
                    known[key] = _make(cache, key, keys[key])
                    task.advance(1)
    smaller = [Layer(each.origin, _replaced(each.entries, known)) for each in layers]
    saved = [
        old.size - new.size
        for before, after in zip(layers, smaller, strict=True)
        for old, new in zip(before.entries, after.entries, strict=True)
        if old is not new and isinstance(old, FileEntry) and isinstance(new, FileEntry)
    ]
    return smaller, [Trimmed(RULE, len(saved), sum(saved))] if saved else [], len(missing)


def _may_be_elf(entry: Entry) -> TypeGuard[FileEntry]:
    """By name and mode: looking into each of ten thousand files would cost more than all else."""
    return (
        isinstance(entry, FileEntry)
        and entry.size > LEAST_GAIN
        and (entry.executable or ".so" in entry.path.rpartition("/")[2])
    )


def _key(entry: FileEntry) -> str:
    facts = [FORMAT, entry.sha256, entry.executable]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _replaced(
    entries: Sequence[Entry], known: Mapping[str, Sequence[FileEntry]]
) -> tuple[Entry, ...]:
    found: list[Entry] = []
    for entry in entries:
        smaller = known[_key(entry)] if _may_be_elf(entry) else ()
        found += [replace(made, path=entry.path) for made in smaller] or [entry]
    return tuple(found)


def _load(cache: Cache, key: str) -> tuple[FileEntry, ...] | None:
    """The smaller file, none for one that stays as it is; ``None`` when nothing is known."""
    home = cache.directory(FOLDER, key)
    try:
        found = load_table((home / "table.json").read_bytes(), home)
    except DAMAGED:
        found = None
    if found is not None and intact(found):
        return tuple(entry for entry in found if isinstance(entry, FileEntry))
    remove_tree(home)
    return None


def _make(cache: Cache, key: str, entry: FileEntry) -> tuple[FileEntry, ...]:
    """Make the smaller file, or note that there is none."""
    require_undamaged(cache, [entry])
    with cache.building(FOLDER, key) as staging:
        made: list[FileEntry] = []
        with entry.source.open("rb") as old:
            found = slim(_reader(old), entry.size) if old.read(len(MAGIC)) == MAGIC else None
            if found:
                place = staging / "file"
                digest, mode = _write(old, found, place), entry.executable
                seal(place, mode)
                made.append(FileEntry(place.name, found.size, digest, mode, place))
        (staging / "table.json").write_bytes(dump_table(made))
    home = cache.directory(FOLDER, key)
    return tuple(replace(file, source=home / file.path) for file in made)


def _reader(stream: BinaryIO) -> Callable[[int, int], bytes]:
    def read(offset: int, size: int) -> bytes:
        stream.seek(offset)
        return stream.read(size)

    return read


def _write(old: BinaryIO, slim: Slim, place: Path) -> str:
    """Put the parts together; their digest."""
    digest = hashlib.sha256()
    with place.open("wb") as new:
        for part in slim.parts:
            for chunk in _chunks(old, part):
                digest.update(chunk)
                new.write(chunk)
    return digest.hexdigest()


def _chunks(old: BinaryIO, part: bytes | range) -> Iterator[bytes]:
    if isinstance(part, bytes):
        yield part
        return
    old.seek(part.start)
    left = len(part)
    while left:
        chunk = old.read(min(left, CHUNK))
        if not chunk:
            raise BuildError(f"{old.name} was cut off while it was used", "run it again")
        yield chunk
        left -= len(chunk)
