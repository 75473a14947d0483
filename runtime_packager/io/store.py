"""The stored trees of the cache: how a file gets in, and whether it still is what went in."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from runtime_packager.entries import Entry, FileEntry
from runtime_packager.errors import BuildError, IntegrityError
from runtime_packager.io.cache import Cache
from runtime_packager.io.durable import sync_directory
from runtime_packager.io.files import FILE_TIME, copy_hashing, sha256_file, write_atomic

NAMED = 20
"""How many damaged files an error names."""

_FILE_TIME_NS = FILE_TIME * 10**9


def mode_of(executable: bool) -> int:
    """The one mode a file of a tree may have: 0755 or 0644."""
    return 0o755 if executable else 0o644


def seal(path: Path, executable: bool) -> None:
    """Give a stored file its mode and :data:`FILE_TIME`, by which :func:`intact` knows it."""
    os.chmod(path, mode_of(executable))
    os.utime(path, (FILE_TIME, FILE_TIME))


def place_link(place: Path, target: str) -> None:
    """Make a symbolic link, unless this is Windows and it forbids that.

    Windows lets only administrators and developers make links; in the store nobody reads them,
    the entries say where they lead.
    """
    try:
        place.symlink_to(target)
    except OSError:
        if os.name != "nt":
            raise


def store_texts(
    cache: Cache, texts: Mapping[str, bytes], *, executable: bool = False
) -> tuple[FileEntry, ...]:
    """Small files that we make ourselves, as entries at the given tree paths.

    They lie in the cache under their digests, so that a tree takes them as it takes all else.

    :param executable: whether they are programs.
    """
    return tuple(_store_text(cache, path, data, executable) for path, data in texts.items())


def _store_text(cache: Cache, path: str, data: bytes, executable: bool) -> FileEntry:
    digest = hashlib.sha256(data).hexdigest()
    # A file has one mode, so the same bytes as a program are another file.
    source = cache.directory("texts", f"{digest}{'.program' if executable else ''}")
    entry = FileEntry(path, len(data), digest, executable, source)
    if not (_untouched(entry) and source.read_bytes() == data):
        write_atomic(source, data)
        seal(source, executable)
    return entry


def intact(entries: Iterable[Entry]) -> bool:
    """Whether every stored file still has the size, mode and time it was stored with.

    Trees are hardlinked from the store, so an edit in a tree is an edit in the store; it shows
    here because it moves the modification time. Costs one ``lstat`` a file and reads nothing.
    What it cannot see, a bit that rots or a time that is put back, is found where the bytes are
    read: :func:`require_undamaged`, and the verification of every tree that was written.
    """
    return all(_untouched(entry) for entry in entries if isinstance(entry, FileEntry))


def _untouched(entry: FileEntry) -> bool:
    try:
        status = os.lstat(entry.source)
    except OSError:
        return False
    same_mode = os.name == "nt" or stat.S_IMODE(status.st_mode) == mode_of(entry.executable)
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_size == entry.size
        and status.st_mtime_ns == _FILE_TIME_NS
        and same_mode
    )


def require_undamaged(cache: Cache, entries: Iterable[FileEntry]) -> None:
    """See that files from which others are made have the bytes that their entries promise.

    :raises IntegrityError: as :func:`damaged`.
    """
    if spoiled := [entry for entry in entries if sha256_file(entry.source) != entry.sha256]:
        raise damaged(cache, spoiled)


def damaged(cache: Cache, spoiled: Sequence[FileEntry]) -> IntegrityError:
    """The error for files of the cache that have other bytes than were stored.

    They are removed from it, so that the next run makes them anew; trees that are hard linked to
    them keep theirs.
    """
    for entry in spoiled:
        if entry.source.is_relative_to(cache.root):
            entry.source.unlink(missing_ok=True)
    count = f"{len(spoiled)} files" if len(spoiled) > 1 else "1 file"
    return IntegrityError(
        f"not what was stored in the cache {cache.root}: {count}",
        "run it again: they were removed, and are made anew. Then verify your other runtimes, "
        "which may share them, and look after the disk",
        details=[f"{entry.path}: sha256 {entry.sha256} expected" for entry in spoiled[:NAMED]],
    )


def admit_blob(cache: Cache, source: Path, sha256: str, *, title: str) -> Path:
    """Copy a file made or fetched by other means to its place among the blobs.

    :raises IntegrityError: when its digest is not ``sha256``.
    :raises BuildError: when it cannot be copied there; says how much room it needs.
    """
    final = cache.blob(sha256)
    if cache.verified_blob(sha256):
        return final
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        _copy_verified(source, final, sha256, title)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        need = f" ({source.stat().st_size} bytes are needed)" if full else ""
        raise BuildError(f"{title} cannot be stored in {final.parent}: {error}{need}") from error
    return final


def _copy_verified(source: Path, final: Path, sha256: str, title: str) -> None:
    handle, name = tempfile.mkstemp(dir=final.parent, prefix=f".{final.name[:24]}.")
    try:
        with source.open("rb") as reading, os.fdopen(handle, "wb") as writing:
            actual, size = copy_hashing(reading, writing)
            writing.flush()
            os.fsync(writing.fileno())
        if actual != sha256:
            raise IntegrityError(
                f"{title} is not what was promised",
                "check the pinned digest",
                details=[f"expected sha256 {sha256}", f"actual   sha256 {actual} ({size} bytes)"],
            )
        os.chmod(name, 0o644)
        os.replace(name, final)
        sync_directory(final.parent)
    finally:
        Path(name).unlink(missing_ok=True)
