"""From what was uploaded to what is kept: every row checked, then written as JSONL."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from peft_studio.datasets.formats import Format, Row, rows
from peft_studio.datasets.lines import LineProblem
from peft_studio.datasets.shapes import Shape
from peft_studio.datasets.statistics import Statistics, Tally
from peft_studio.errors import Problem, ProblemError

SHOWN = 20
"""Problems that an answer names; the others are counted."""

_BUFFER = 1 << 20
"""Bytes that are gathered before a thread writes them."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What was kept.

    :param size: bytes of the JSONL file.
    """

    shape: Shape
    statistics: Statistics
    size: int


async def receive(chunks: AsyncIterator[bytes], path: Path, limit: int) -> None:
    """Write a request's body to ``path``.

    :raises ProblemError: ``upload_too_large`` for more than ``limit`` bytes.
    :raises OSError: when it cannot be written.
    """
    size, buffer = 0, bytearray()
    with path.open("wb") as file:
        async for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise ProblemError(too_large(limit))
            buffer += chunk
            if len(buffer) >= _BUFFER:
                await run_in_threadpool(file.write, bytes(buffer))
                buffer.clear()
        await run_in_threadpool(file.write, bytes(buffer))


def too_large(limit: int) -> Problem:
    """The problem of an upload of more than ``limit`` bytes."""
    return Problem(
        413,
        "upload_too_large",
        f"the upload has more than the {limit} bytes that are allowed",
        "split the data set, or start PEFT Studio with a larger --max-upload",
    )


def convert(source: Path, target: Path, form: Format) -> Taken:
    """Check every row of ``source`` and write it to ``target``, which is on disk at the end.

    :raises ProblemError: ``dataset_invalid``, naming the first problems with their lines.
    :raises OSError: when ``target`` cannot be written.
    """
    problems, tally, shape = _Problems(), Tally(), Shape.TEXT
    with source.open("rb") as incoming, target.open("w", encoding="utf-8", newline="\n") as file:
        for row in _good(rows(incoming, form), problems):
            shape = row.shape
            line = encoded(row.value)
            tally.add(row.value, line)
            file.write(line)
        if not problems.count and not tally.rows:
            problems.add(LineProblem(1, "the file has no rows"))
        problems.raise_any()
        file.flush()
        os.fsync(file.fileno())
    return Taken(shape, tally.result(), target.stat().st_size)


def encoded(row: dict[str, Any]) -> str:
    """A row as a line of ``data.jsonl``."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"


class _Problems:
    """The first few problems, and how many there are."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def add(self, problem: LineProblem) -> None:
        self.count += 1
        if self.count <= SHOWN:
            self._first.append(str(problem))

    def raise_any(self) -> None:
        if not self.count:
            return
        more = f", of which these are the first {SHOWN}" if self.count > SHOWN else ""
        count = "one problem" if self.count == 1 else f"{self.count} problems"
        message = "\n".join([f"the data set has {count}{more}:", *self._first])
        hint = "nothing was kept: correct the file and upload it again"
        raise ProblemError(Problem(422, "dataset_invalid", message, hint))


def _good(found: Iterable[Row | LineProblem], problems: _Problems) -> Iterator[Row]:
    for one in found:
        if isinstance(one, LineProblem):
            problems.add(one)
        elif not problems.count:  # otherwise nothing will be kept
            yield one
