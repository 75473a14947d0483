"""At sealing: the digests without code signature of the programs that may be signed afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

from runtime_packager.entries import DAMAGED, Entry, FileEntry
from runtime_packager.io.cache import Cache
from runtime_packager.io.files import write_atomic
from runtime_packager.io.progress import Progress, Silent
from runtime_packager.manifest import shape
from runtime_packager.manifest.codesign import OddError, bare_file, is_signable
from runtime_packager.platforms import find_target

FORMAT = 1
"""Part of the table's name: raise it when the same file would get another digest."""

FOLDER = "unsigned"

_SMALLEST = 64
"""Bytes: no program is shorter than its headers."""

_NO_PROGRAM = (".py", ".pyc", ".pyi", ".txt", ".h")
"""Four fifths of a tree are named so, and are not opened to see what they are."""

_NONE = ""
"""Stands in the table for a file that has no such digest: its bytes are to stay as they are."""


def unsigned_digests(
    entries: Iterable[Entry],
    platform: str,
    cache: Cache | None = None,
    progress: Progress | None = None,
) -> dict[str, str]:
    """By the digest of a file's bytes its digest without code signature, both hex.

    For Linux there are none: nothing signs its programs.

    :param cache: remembers them, so that only a file never seen before is read.
    """
    if find_target(platform).os == "linux":
        return {}
    files = {e.sha256: e for e in entries if isinstance(e, FileEntry) and _may_be_signed(e)}
    known = _load(cache)
    if files.keys() - known.keys():
        with cache.locked(FOLDER, progress) if cache else nullcontext():
            known = _load(cache)
            known |= _read(
                [file for sha256, file in files.items() if sha256 not in known], progress
            )
            _save(cache, known)
    return {sha256: known[sha256] for sha256 in files if known.get(sha256)}


def _may_be_signed(entry: FileEntry) -> bool:
    if entry.size < _SMALLEST or entry.path.endswith(_NO_PROGRAM):
        return False
    with entry.source.open("rb", buffering=0) as stream:
        return is_signable(stream.read(4))


def _read(files: Sequence[FileEntry], progress: Progress | None) -> dict[str, str]:
    shown = progress or Silent()
    with (
        shown.task("reading programs without signatures", total=len(files), unit="files") as task,
        ThreadPoolExecutor() as pool,
    ):
        found = {}
        for file, digest in zip(files, pool.map(_bare, files), strict=True):
            task.advance(1)
            if digest is not None:
                found[file.sha256] = digest
        return found


def _bare(file: FileEntry) -> str | None:
    """Its digest, or ``None`` when it is not the file it should be, which verifying will say."""
    with file.source.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != file.sha256:
            return None
        try:
            return bare_file(stream).sha256
        except OddError:
            return _NONE


def _load(cache: Cache | None) -> dict[str, str]:
    if cache is None:
        return {}
    try:
        table = json.loads(cache.directory(FOLDER, f"{FORMAT}.json").read_bytes())
        return {key: value for key, value in table.items() if _is_sound(value)}
    except (*DAMAGED, AttributeError):
        return {}


def _is_sound(value: object) -> bool:
    return isinstance(value, str) and (value == _NONE or shape.is_digest(value))


def _save(cache: Cache | None, table: Mapping[str, str]) -> None:
    if cache:
        data = json.dumps(table, sort_keys=True, separators=(",", ":")).encode()
        write_atomic(cache.directory(FOLDER, f"{FORMAT}.json"), data)
