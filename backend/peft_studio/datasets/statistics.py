"""What a data set's rows amount to, counted while they pass and in little memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_REMEMBERED = 100_000
"""Distinct rows that are remembered to find duplicates: some 8 MB."""
_BYTES_PER_TOKEN = 4
"""English text in common vocabularies; a rough guess for everything else."""


@dataclass(frozen=True, slots=True)
class Characters:
    """How long the rows are, in characters of text."""

    min: int
    mean: float
    median: int
    p95: int
    max: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the rows amount to.

    :param tokens: a rough guess of their sum.
    :param duplicates: rows that are the same as an earlier one; only the first 100,000 distinct
        rows are compared with.
    """

    rows: int
    characters: Characters
    tokens: int
    duplicates: int


class Tally:
    """Counts rows one by one. At least one is added before the result is asked for."""

    def __init__(self) -> None:
        # As many entries as there are different lengths: below 100,000 for any file of some GiB.
        self._lengths: Counter[int] = Counter()
        self._seen: set[int] = set()
        self._bytes = 0
        self._duplicates = 0

    def add(self, row: dict[str, Any], line: str) -> None:
        """Count one row, which is written as ``line``."""
        texts = list(_texts(row))
        self._lengths[sum(map(len, texts))] += 1
        self._bytes += sum(len(text.encode()) for text in texts)
        # Python's hash of text is keyed and has 64 bits: nobody makes two rows collide.
        mark = hash(line)
        if mark in self._seen:
            self._duplicates += 1
        elif len(self._seen) < _REMEMBERED:
            self._seen.add(mark)

    @property
    def rows(self) -> int:
        """How many were added."""
        return self._lengths.total()

    def result(self) -> Statistics:
        """All that was counted."""
        lengths = sorted(self._lengths.items())
        total = sum(length * count for length, count in lengths)
        characters = Characters(
            min=lengths[0][0],
            mean=round(total / self.rows, 1),
            median=_percentile(lengths, self.rows, 50),
            p95=_percentile(lengths, self.rows, 95),
            max=lengths[-1][0],
        )
        tokens = -(-self._bytes // _BYTES_PER_TOKEN)
        return Statistics(self.rows, characters, tokens, self._duplicates)


def _texts(row: dict[str, Any]) -> Iterator[str]:
    for value in row.values():
        if isinstance(value, str):
            yield value
        else:
            yield from (message["content"] for message in value)


def _percentile(lengths: list[tuple[int, int]], rows: int, percent: int) -> int:
    """The smallest length that ``percent`` of the rows do not exceed."""
    left = -(-rows * percent // 100)
    for length, count in lengths:
        left -= count
        if left <= 0:
            return length
    raise AssertionError("unreachable: the counts add up to the rows")
