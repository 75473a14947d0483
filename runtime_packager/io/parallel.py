"""Work done side by side that ends soon when nobody waits for it any more."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

from runtime_packager.io.progress import Progress, Task


class AbandonedError(Exception):
    """Ends a thread's work at its next report: who wanted it is gone."""


@contextmanager
def side_by_side(workers: int, progress: Progress) -> Iterator[tuple[ThreadPoolExecutor, Progress]]:
    """Threads, and what their work has to report to.

    When the block ends early, by Ctrl-C say, work that has not begun never does, and what is under
    way ends at its next report. Without that a pool waits until every download is done.
    """
    abandoned = Event()
    with ThreadPoolExecutor(workers) as pool:
        try:
            yield pool, _Watched(progress, abandoned)
        except BaseException:
            abandoned.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@dataclass(frozen=True, slots=True)
class _Watched:
    progress: Progress
    abandoned: Event

    @contextmanager
    def task(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """See :meth:`Progress.task`."""
        with self.progress.task(title, total=total, unit=unit) as task:
            yield _WatchedTask(task, self.abandoned)

    def note(self, message: str) -> None:
        """See :meth:`Progress.note`."""
        self.progress.note(message)

    def warn(self, message: str) -> None:
        """See :meth:`Progress.warn`."""
        self.progress.warn(message)


@dataclass(frozen=True, slots=True)
class _WatchedTask:
    task: Task
    abandoned: Event

    def advance(self, amount: int) -> None:
        """See :meth:`Task.advance`."""
        if self.abandoned.is_set():
            raise AbandonedError
        self.task.advance(amount)

    def total(self, amount: int) -> None:
        """See :meth:`Task.total`."""
        self.task.total(amount)
