"""Hashing many files on all cores: one file's trouble is a problem in a list, never an end."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from runtime_packager.io.progress import Task
from runtime_packager.manifest.problems import ErrorId, Problem

BATCH_BYTES = 4 * 1024 * 1024
BATCH_FILES = 256
"""Small files go to a worker together: handing each over would cost more than hashing it."""

CHUNK = 16 * 1024 * 1024
"""Bytes read and hashed at a time: a worker waits for the interpreter's lock after each."""

# Not through a link, not into a child, and no waiting should it have become a pipe meanwhile.
_FLAGS = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "O_BINARY")
)


class Expected(NamedTuple):
    """What a file must be: ``size`` in bytes, ``sha256`` in hex."""

    path: str
    sha256: str
    size: int


def check_files(
    root: str, files: Sequence[Expected], task: Task, workers: int | None = None
) -> list[Problem]:
    """Hash ``files`` below ``root``; return a problem for each that differs.

    :param task: told the bytes as they are done; called from the workers.
    :param workers: threads, or ``None`` for one a core.
    """
    from concurrent.futures import ThreadPoolExecutor

    def check(batch: list[Expected]) -> list[Problem]:
        found = [problem for file in batch if (problem := _check(root, file))]
        task.advance(sum(file.size for file in batch))
        return found

    batches = list(_batches(files))
    count = min(workers or os.cpu_count() or 1, len(batches))
    if count <= 1:
        return [problem for batch in batches for problem in check(batch)]
    with ThreadPoolExecutor(count) as pool:
        return [problem for found in pool.map(check, batches) for problem in found]


class NotRegularError(OSError):
    """A link, a directory or a device where a regular file should be."""


def open_regular(path: str) -> int:
    """A handle to a regular file whose last component is not a link.

    :raises NotRegularError: when it is anything else.
    :raises OSError: when it cannot be opened.
    """
    if not hasattr(os, "O_NOFOLLOW") and is_reparse_point(os.lstat(path)):
        raise NotRegularError(0, "a link, not a regular file")
    try:
        handle = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise NotRegularError(0, "a link, not a regular file") from error
        raise
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise NotRegularError(0, "not a regular file")


def is_reparse_point(status: os.stat_result) -> bool:
    """Whether it is one of Windows' links, junctions and the like; elsewhere never."""
    return bool(getattr(status, "st_file_attributes", 0) & stat.FILE_ATTRIBUTE_REPARSE_POINT)


def _batches(files: Sequence[Expected]) -> Iterator[list[Expected]]:
    """The files in batches, the largest first: a big one started last would be waited for."""
    batch: list[Expected] = []
    size = 0
    for file in sorted(files, key=lambda file: -file.size):
        if batch and (size + file.size > BATCH_BYTES or len(batch) == BATCH_FILES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _check(root: str, file: Expected) -> Problem | None:
    try:
        handle = open_regular(f"{root}/{file.path}")
        try:
            return _compare(handle, file)
        finally:
            os.close(handle)
    except (FileNotFoundError, NotADirectoryError):
        return Problem(file.path, ErrorId.FILE_MISSING, "missing")
    except NotRegularError as error:
        return Problem(file.path, ErrorId.FILE_TYPE, f"{error.strerror}")
    except OSError as error:
        return Problem(file.path, ErrorId.FILE_UNREADABLE, f"{error.strerror}")


def _compare(handle: int, file: Expected) -> Problem | None:
    digest, size = hashlib.sha256(), 0
    for chunk in _chunks(handle, file.size):
        digest.update(chunk)
        size += len(chunk)
    if size != file.size:
        actual = os.fstat(handle).st_size
        return Problem(file.path, ErrorId.FILE_SIZE, differs("size", file.size, actual))
    if (actual_digest := digest.hexdigest()) != file.sha256:
        return Problem(file.path, ErrorId.FILE_HASH, differs("sha256", file.sha256, actual_digest))
    return None


def _chunks(handle: int, size: int) -> Iterable[bytes]:
    """The bytes of a file, one more than ``size`` at most, so that growing shows."""
    left = size + 1
    while left and (chunk := os.read(handle, min(left, CHUNK))):
        left -= len(chunk)
        yield chunk


def differs(what: str, expected: object, actual: object) -> str:
    """The reason of a problem where one value stands for another."""
    return f"{what} differs, expected {expected}, actual {actual}"
