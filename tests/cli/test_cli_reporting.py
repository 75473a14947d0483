"""Progress in plain lines: what is done, how fast, how much is left."""

from runtime_packager.cli.output import size_text
from runtime_packager.cli.reporting import PLAIN_INTERVAL, PlainLines


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_long_work_says_how_fast_and_how_much_is_left() -> None:
    lines: list[str] = []
    clock = Clock()
    with PlainLines(lines.append, clock).task(
        "fetching x", total=100_000_000, unit="bytes"
    ) as task:
        clock.now = PLAIN_INTERVAL - 1
        task.advance(10_000_000)
        clock.now = PLAIN_INTERVAL
        task.advance(15_000_000)
    assert lines == [
        "fetching x (100.0 MB)",
        "  fetching x: 25%, 25.0 MB, 5.0 MB/s, 15 s left",
    ]


def test_short_work_is_one_line() -> None:
    lines: list[str] = []
    with PlainLines(lines.append, Clock()).task("unpacking", total=3, unit="files") as task:
        task.advance(3)
    assert lines == ["unpacking (3 files)"]


def test_sizes_read_like_a_person_writes_them() -> None:
    assert [size_text(n) for n in (0, 999, 1000, 31_400_000, 6_000_000_000)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "31.4 MB",
        "6.00 GB",
    ]
