"""Reading rows out of what was uploaded: JSONL, CSV or plain text, all in UTF-8.

What is read may be anything. Whatever it is, there come rows, or problems with their line numbers,
and no more than a line (:data:`~peft_studio.datasets.lines.LINE_LIMIT`) is held at a time.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, NoReturn

from peft_studio.datasets.lines import LINE_LIMIT, Line, LineProblem, lines
from peft_studio.datasets.shapes import FIELDS, RowError, Shape, shaped, shortened


class Format(StrEnum):
    """What a file is: an object a line, a table with a header, a row a line."""

    JSONL = "jsonl"
    CSV = "csv"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Row:
    """A row, and the line it began in.

    :param value: the fields of ``shape``, checked.
    """

    line: int
    shape: Shape
    value: dict[str, Any]


def rows(file: BinaryIO, form: Format) -> Iterator[Row | LineProblem]:
    """Every row of ``file`` in order, or what is wrong with it. Blank lines are passed over.

    :param file: at its start; it can seek.
    """
    found: Iterator[Row | LineProblem]
    match form:
        case Format.JSONL:
            found = (_parsed(line) for line in _filled(lines(file)))
        case Format.TEXT:
            found = (_plain(line) for line in _filled(lines(file)))
        case Format.CSV:
            found = _table(file)
    return _of_one_shape(found)


def _of_one_shape(found: Iterator[Row | LineProblem]) -> Iterator[Row | LineProblem]:
    first: Row | None = None
    for one in found:
        if isinstance(one, Row):
            first = first or one
            if one.shape is not first.shape:
                message = f"has the shape {one.shape}, but line {first.line} has {first.shape}"
                yield LineProblem(one.line, message)
                continue
        yield one


def _filled(found: Iterator[Line | LineProblem]) -> Iterator[Line | LineProblem]:
    return (one for one in found if isinstance(one, LineProblem) or one.text.strip())


def _row(line: int, value: object) -> Row | LineProblem:
    try:
        return Row(line, *shaped(value))
    except RowError as error:
        return LineProblem(line, str(error))


def _plain(line: Line | LineProblem) -> Row | LineProblem:
    if isinstance(line, LineProblem):
        return line
    return _row(line.number, {"text": line.text.rstrip("\r\n")})


def _parsed(line: Line | LineProblem) -> Row | LineProblem:
    if isinstance(line, LineProblem):
        return line
    try:
        return _row(line.number, _json(line.text))
    except json.JSONDecodeError as error:
        return LineProblem(line.number, f"is not JSON: {error.msg}, column {error.colno}")
    except RowError as error:
        return LineProblem(line.number, str(error))
    except RecursionError:
        return LineProblem(line.number, "is nested too deeply")


def _json(text: str) -> Any:
    # Numbers are never wanted, and int() refuses those with thousands of digits.
    return json.loads(
        text,
        object_pairs_hook=_unique,
        parse_int=lambda _: 0,
        parse_float=lambda _: 0.0,
        parse_constant=_no_constant,
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise RowError(f"has the field {shortened(twice)} twice")
    return value


def _no_constant(name: str) -> NoReturn:
    raise RowError(f"is not JSON: {name} is no value there")


class _Records:
    """The lines of a table for :mod:`csv`, bounded a record at a time.

    An unclosed quote would otherwise make one record of all that follows.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._lines = lines(file)
        self._size = 0
        self.begun = self._number = 1
        """The line in which the record began."""

    def begin(self) -> None:
        """The next line begins a record."""
        self._size, self.begun = 0, self._number

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            if isinstance(line, LineProblem):
                raise _BrokenTableError(line)
            self._number = line.number + 1
            self._size += len(line.text)
            if self._size > LINE_LIMIT:
                message = "begins a record of more than 1 MiB: a quote may not be closed"
                raise _BrokenTableError(LineProblem(self.begun, message))
            yield line.text


class _BrokenTableError(Exception):
    """From here on nobody knows where a record begins."""

    def __init__(self, problem: LineProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _table(file: BinaryIO) -> Iterator[Row | LineProblem]:
    csv.field_size_limit(LINE_LIMIT)  # the process's own; nobody else reads tables
    records = _Records(file)
    try:
        yield from _table_rows(records)
    except _BrokenTableError as error:
        yield error.problem
    except csv.Error as error:
        yield LineProblem(records.begun, f"begins a record that is not CSV: {error}")


def _table_rows(records: _Records) -> Iterator[Row | LineProblem]:
    source = iter(records)
    first = next(source, "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(_chained(first, source), delimiter=delimiter, strict=True)
    header = [name.strip().lower() for name in next(reader, [])]
    try:
        _check_header(header)
    except RowError as error:
        yield LineProblem(1, str(error))
        return
    records.begin()
    for record in reader:
        if len(record) == len(header):
            yield _row(records.begun, _known(header, record))
        elif record:
            message = f"has {len(record)} fields, the header has {len(header)}"
            yield LineProblem(records.begun, message)
        records.begin()


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


_COLUMNS = {*FIELDS[Shape.TEXT], *FIELDS[Shape.PROMPT]}


def _check_header(header: list[str]) -> None:
    known = [name for name in header if name in _COLUMNS]
    if len(known) > len(set(known)):
        raise RowError("the header names a column twice")
    if not known or (set(known) & {"prompt", "completion"} and len(known) != 2):
        names = ", ".join(map(shortened, header[:5])) or "none"
        raise RowError(
            f"the header has the columns {names}; expected text, or prompt and completion"
        )


def _known(header: list[str], record: list[str]) -> dict[str, str]:
    return {name: field for name, field in zip(header, record, strict=True) if name in _COLUMNS}
