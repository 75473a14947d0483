"""How progress looks: bars on a terminal, plain lines in a log, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import TYPE_CHECKING

import click

from runtime_packager.cli.output import console, size_text, styled
from runtime_packager.io.progress import Progress, Silent, Task

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

PLAIN_INTERVAL = 5.0
"""Seconds between two lines about one piece of work when there is no terminal."""


def reporter(*, quiet: bool) -> AbstractContextManager[Progress]:
    """The right reporter for where we run; enter it around the work."""
    if quiet:
        return nullcontext(_Quiet())
    if sys.stderr.isatty():
        return _bars()
    return nullcontext(PlainLines(lambda line: click.echo(line, err=True), time.monotonic))


class _Quiet(Silent):
    """Silent but for warnings."""

    def warn(self, message: str) -> None:
        click.echo(f"{styled('warning:', 'yellow', bold=True)} {message}", err=True)


class PlainLines:
    """A line when work starts, one now and then while it lasts, and one when it took long."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._write = write
        self._clock = clock

    @contextmanager
    def task(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """See :meth:`Progress.task`."""
        line = _Line(self._write, self._clock, title, total, unit)
        line.start()
        yield line

    def note(self, message: str) -> None:
        """See :meth:`Progress.note`."""
        self._write(message)

    def warn(self, message: str) -> None:
        """See :meth:`Progress.warn`."""
        self._write(f"warning: {message}")


class _Line:
    def __init__(
        self,
        write: Callable[[str], None],
        clock: Callable[[], float],
        title: str,
        total: int | None,
        unit: str,
    ) -> None:
        self._write, self._clock = write, clock
        self._title, self._total, self._unit = title, total, unit
        self._began = self._last = clock()
        self._done = 0
        self._lock = Lock()

    def start(self) -> None:
        self._write(f"{self._title}{f' ({self._amount(self._total)})' if self._total else ''}")

    def total(self, amount: int) -> None:
        self._total = amount

    def advance(self, amount: int) -> None:
        with self._lock:
            self._done += amount
            now = self._clock()
            if now - self._last < PLAIN_INTERVAL:
                return
            self._last = now
            self._write(f"  {self._title}: {self._state(now)}")

    def _state(self, now: float) -> str:
        rate = self._done / max(now - self._began, 0.001)
        text = f"{self._amount(self._done)}, {self._amount(rate)}/s"
        if self._total and rate:
            left = (self._total - self._done) / rate
            text = f"{100 * self._done // self._total}%, {text}, {left:.0f} s left"
        return text

    def _amount(self, amount: float | None) -> str:
        if self._unit == "bytes":
            return size_text(amount or 0)
        return f"{amount or 0:.0f} {self._unit}".strip()


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich.progress import (
        BarColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as RichProgress

    with RichProgress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        console=console(),
        transient=True,
    ) as bars:
        yield _Bars(bars)


class _Bars:
    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars

    @contextmanager
    def task(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator[Task]:
        bar = _Bar(self._bars, title, total, unit)
        try:
            yield bar
        finally:
            bar.close()

    def note(self, message: str) -> None:
        self._bars.console.print(message, markup=False)

    def warn(self, message: str) -> None:
        self._bars.console.print("[bold yellow]warning:[/] ", end="")
        self._bars.console.print(message, markup=False)


class _Bar:
    def __init__(self, bars: RichProgress, title: str, total: int | None, unit: str) -> None:
        self._bars, self._unit = bars, unit
        self._id = bars.add_task(title, total=total, state="")

    def total(self, amount: int) -> None:
        self._bars.update(self._id, total=amount)

    def advance(self, amount: int) -> None:
        self._bars.update(self._id, advance=amount, state=self._state(amount))

    def _state(self, amount: int) -> str:
        task = next(task for task in self._bars.tasks if task.id == self._id)
        done, speed = task.completed + amount, task.finished_speed or task.speed or 0
        left = f", {task.time_remaining:.0f} s left" if task.time_remaining else ""
        if self._unit == "bytes":
            whole = f" of {size_text(task.total)}" if task.total else ""
            return f"{size_text(done)}{whole}, {size_text(speed)}/s{left}"
        whole = f" of {task.total:.0f}" if task.total else ""
        return f"{done:.0f}{whole} {self._unit}{left}"

    def close(self) -> None:
        self._bars.remove_task(self._id)
