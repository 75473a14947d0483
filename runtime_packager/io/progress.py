"""What long work reports while it runs. The library speaks meaning; the CLI renders it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, amount: int) -> None:
        """``amount`` more units (bytes, files: the unit the task was opened with) are done."""

    def total(self, amount: int) -> None:
        """The whole is now known to be ``amount`` units."""


class Progress(Protocol):
    """Receives what the work has to say. Implementations must be safe to call from threads."""

    def task(
        self, title: str, *, total: int | None = None, unit: str = ""
    ) -> AbstractContextManager[Task]:
        """Open a task, closed by leaving ``with``; ``unit`` is bytes, files or empty."""

    def note(self, message: str) -> None:
        """Something worth a line of its own."""

    def warn(self, message: str) -> None:
        """Something the user should act on, though the work goes on."""


class _SilentTask:
    def advance(self, amount: int) -> None:
        pass

    def total(self, amount: int) -> None:
        pass


class Silent:
    """Reports nothing: the default for library use."""

    @contextmanager
    def task(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """See :meth:`Progress.task`."""
        yield _SilentTask()

    def note(self, message: str) -> None:
        """See :meth:`Progress.note`."""

    def warn(self, message: str) -> None:
        """See :meth:`Progress.warn`."""
