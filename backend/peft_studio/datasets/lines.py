"""The lines of a file of unknown origin: bounded, decoded, each with its number."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

LINE_LIMIT = 1 << 20
"""Bytes a line may have, its end included. Longer ones are named and never held."""

_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """A line as text, with its end.

    :param number: from 1.
    """

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class LineProblem:
    """Why a line cannot be used.

    :param line: its number, from 1.
    """

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


def lines(file: BinaryIO) -> Iterator[Line | LineProblem]:
    """Every line of ``file``, which is at its start and can seek; or what is wrong with it."""
    start = file.read(4)
    if _is_wide(start):
        yield LineProblem(1, "byte 0 begins UTF-16 or UTF-32: save the file as UTF-8")
        return
    offset = len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0
    file.seek(offset)
    number = 0
    while raw := file.readline(LINE_LIMIT + 1):
        number += 1
        if len(raw) > LINE_LIMIT:
            offset += len(raw) + (0 if raw.endswith(b"\n") else _skip(file))
            yield LineProblem(number, f"is longer than {LINE_LIMIT // _MEBIBYTE} MiB")
        else:
            yield _decoded(raw, number, offset)
            offset += len(raw)


def _is_wide(start: bytes) -> bool:
    """Whether each character has two bytes or four, by the mark or by one zero in the first two."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
        return True
    return len(start) > 1 and start[:2].count(0) == 1


def _skip(file: BinaryIO) -> int:
    """Go to the end of the line.

    :returns: how many bytes away it was.
    """
    skipped = 0
    while raw := file.readline(_MEBIBYTE):
        skipped += len(raw)
        if raw.endswith(b"\n"):
            break
    return skipped


def _decoded(raw: bytes, number: int, offset: int) -> Line | LineProblem:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        place, byte = offset + error.start, raw[error.start]
        return LineProblem(
            number,
            f"byte {place} of the file (0x{byte:02x}) is not UTF-8; it may be Latin-1 or "
            "Windows-1252: save the file as UTF-8",
        )
    if "\0" in text:
        place = offset + raw.index(0)
        return LineProblem(number, f"byte {place} of the file is zero: this is not text in UTF-8")
    return Line(number, text)
