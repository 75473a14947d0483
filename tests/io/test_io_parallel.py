"""Threads whose work nobody waits for any more."""

from __future__ import annotations

from threading import Event

import pytest

from runtime_packager.io.parallel import side_by_side
from runtime_packager.io.progress import Progress, Silent

MANY = 50_000_000
"""Reports that take far longer than a person waits after Ctrl-C."""


def test_what_is_interrupted_ends_at_its_next_report_and_the_rest_never_begins() -> None:
    begun, reports, others = Event(), [0], []

    def download(progress: Progress) -> None:
        with progress.task("a large file") as task:
            for number in range(MANY):
                task.advance(1)
                reports[0] = number
                begun.set()

    with pytest.raises(KeyboardInterrupt), side_by_side(1, Silent()) as (pool, progress):
        pool.submit(download, progress)
        pool.submit(others.append, "begun")
        begun.wait()
        raise KeyboardInterrupt
    assert reports[0] < MANY - 1
    assert others == []


def test_without_an_interruption_all_is_done() -> None:
    done = []

    def work(progress: Progress) -> None:
        with progress.task("a file", total=1, unit="bytes") as task:
            task.total(2)
            task.advance(2)
            progress.note("noted")
            progress.warn("warned")
        done.append("work")

    with side_by_side(2, Silent()) as (pool, progress):
        pool.submit(work, progress)
        pool.submit(work, progress)
    assert done == ["work", "work"]
