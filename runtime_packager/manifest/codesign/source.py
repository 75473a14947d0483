"""Bytes to read anywhere in, and the recipe of a bare file: both without holding one in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

CHUNK = 4 * 1024 * 1024
"""Bytes read at a time, the most that is in memory."""


class OddError(Exception):
    """A file is not laid out as its format and the tools that sign lay it out."""


class Span(NamedTuple):
    """The bytes of a source from ``start`` up to ``end``, not included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the bare file consists of, in order, and whether the file it was made from is signed."""

    pieces: tuple[bytes | Span, ...]
    signed: bool


@dataclass(frozen=True, slots=True)
class Source:
    """A file, or a part of one.

    :param read_at: the bytes at (offset, length) of the whole file.
    :param size: bytes.
    :param start: where in the whole file it begins.
    """

    read_at: Callable[[int, int], bytes]
    size: int
    start: int = 0

    @classmethod
    def of(cls, data: bytes) -> Source:
        """A source that is in memory."""
        return cls(lambda offset, length: data[offset : offset + length], len(data))

    def part(self, offset: int, size: int) -> Source:
        """A part of it.

        :raises OddError: when it reaches beyond the end.
        """
        if offset + size > self.size:
            raise OddError(f"a part reaches to byte {offset + size} of {self.size}")
        return Source(self.read_at, size, self.start + offset)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes; the caller keeps it small.

        :raises OddError: when they reach beyond the end.
        """
        if offset + length > self.size:
            raise OddError(f"something reaches to byte {offset + length} of {self.size}")
        found = self.read_at(self.start + offset, length)
        if len(found) != length:
            raise OddError("it became shorter while it was read")
        return found

    def chunks(self, span: Span) -> Iterator[bytes]:
        """The bytes of ``span``, at most :data:`CHUNK` at a time."""
        for offset in range(span.start, span.end, CHUNK):
            yield self.read(offset, min(CHUNK, span.end - offset))

    def is_zero(self, span: Span) -> bool:
        """Whether there is nothing but zero bytes in ``span``."""
        return not any(any(chunk) for chunk in self.chunks(span))

    def digest(self, recipe: Recipe) -> bytes:
        """SHA-256 of what ``recipe`` makes of this source."""
        made = hashlib.sha256()
        for piece in recipe.pieces:
            for chunk in (piece,) if isinstance(piece, bytes) else self.chunks(piece):
                made.update(chunk)
        return made.digest()


def aligned(size: int, alignment: int) -> int:
    """The smallest multiple of ``alignment`` that is not below ``size``."""
    return -(-size // alignment) * alignment
