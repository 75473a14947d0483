"""Locks between processes that end with their owner, however it dies (flock, LockFileEx)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from runtime_packager.io.progress import Progress, Silent


@contextmanager
def exclusive(path: Path, what: str, progress: Progress | None = None) -> Iterator[None]:
    """Hold the lock file ``path`` for the length of the block, waiting for another owner.

    :param what: what is locked, for the line that says we are waiting.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        (progress or Silent()).note(f"waiting for another process that holds {what}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
