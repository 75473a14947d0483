"""A file that one process at a time holds, however that process ends.

The package filelock does the same and more, and would be a fifteenth of the time until the service
is ready.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self


class HeldError(Exception):
    """Another process holds the file."""


class FileLock:
    """The held file; the system lets go of it with the process at the latest.

    :param path: made when it is not there, and left there.
    :raises HeldError: when another process has it.
    :raises OSError: when it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        # Children do not inherit it: the lock is not theirs to keep.
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _hold(self._descriptor)
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let the next one have it."""
        os.close(self._descriptor)


def _hold(descriptor: int) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise HeldError from None
