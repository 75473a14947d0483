"""Comparing files with what they should be; a module of the verifier, and a child process of it.

Opening many small files keeps Python's interpreter lock busy, so that threads wait for each other
(measured with 10,800 files: two are hardly faster than one). Above some thousand files the verifier
therefore starts children: this file, with the root as its argument, in Python's isolated mode.
A child reads ``[[path, sha256, size], ...]`` as JSON from standard input and writes lines of JSON:
``[files, bytes, [[path, id, reason], ...]]``, what it compared since the last line, what differed.
Standard library only.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterable, Sequence

CHUNK = 16 * 1024 * 1024
"""Bytes read and hashed at a time: a thread waits for the interpreter's lock after each."""

REPORT_BYTES = 32 * 1024 * 1024
"""How much a child hashes between two lines."""

Difference = tuple[str, str, str]
"""A path, the error id of its problem, and the reason."""

# Not through a link, not into a child, and no waiting should it have become a pipe meanwhile.
_FLAGS = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "O_BINARY")
)


class NotRegularError(OSError):
    """A link, a directory or a device where a regular file should be."""


def open_regular(path: str) -> tuple[int, int]:
    """A handle to a regular file whose last component is not a link, and its size in bytes.

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
    status = os.fstat(handle)
    if stat.S_ISREG(status.st_mode):
        return handle, status.st_size
    os.close(handle)
    raise NotRegularError(0, "not a regular file")


def is_reparse_point(status: os.stat_result) -> bool:
    """Whether it is one of Windows' links, junctions and the like; elsewhere never."""
    return bool(getattr(status, "st_file_attributes", 0) & stat.FILE_ATTRIBUTE_REPARSE_POINT)


def compare(root: str, path: str, sha256: str, size: int) -> Difference | None:
    """What is wrong with the file ``path`` below ``root``, if anything is.

    :param sha256: lower-case hex.
    :param size: bytes; a file of another size is not read.
    """
    try:
        handle, actual = open_regular(f"{root}/{path}")
        try:
            if actual != size:
                return path, "file-size", differs("size", size, actual)
            digest = _digest(handle, size)
        finally:
            os.close(handle)
    except (FileNotFoundError, NotADirectoryError):
        return path, "file-missing", "missing"
    except NotRegularError as error:
        return path, "file-type", f"{error.strerror}"
    except OSError as error:
        return path, "file-unreadable", f"{error.strerror}"
    if digest != sha256:
        return path, "file-hash", differs("sha256", sha256, digest)
    return None


def differs(what: str, expected: object, actual: object) -> str:
    """The reason of a problem where one value stands for another."""
    return f"{what} differs, expected {expected}, actual {actual}"


def _digest(handle: int, size: int) -> str:
    """Of the first ``size`` bytes, or of all when there are fewer."""
    digest, left = hashlib.sha256(), size
    while left and (chunk := os.read(handle, min(left, CHUNK))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()


def main(root: str, files: Iterable[tuple[str, str, int]]) -> None:
    """Compare ``files``, each a path, digest and size; answer on standard output."""
    count, done, found = 0, 0, []
    for path, sha256, size in files:
        if difference := compare(root, path, sha256, size):
            found.append(difference)
        count += 1
        done += size
        if done >= REPORT_BYTES:
            _answer(count, done, found)
            count, done, found = 0, 0, []
    _answer(count, done, found)


def _answer(count: int, done: int, found: Sequence[Difference]) -> None:
    sys.stdout.write(json.dumps([count, done, found]) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.stdin.buffer.read()))
