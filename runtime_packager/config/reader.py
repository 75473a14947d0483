"""Reads keys out of a TOML table and keeps a list of everything that is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from runtime_packager.errors import InputError

T = TypeVar("T")


class Reader:
    """Takes keys out of a table; notes what is wrong and goes on with a stand-in."""

    def __init__(
        self,
        table: Mapping[str, Any],
        root: Path,
        where: str = "",
        problems: list[str] | None = None,
    ) -> None:
        self.table = dict(table)
        self.root = root
        self.where = where
        self.known: set[str] = set()
        self.problems: list[str] = [] if problems is None else problems

    def wrong(self, key: str, expected: str, actual: object = ...) -> None:
        """Note a problem with ``key``; without ``actual`` it is missing."""
        shown = "is missing" if actual is ... else f"is {actual!r}"
        self.problems.append(f"{self.where}{key}: expected {expected}, {shown}")

    def get(self, key: str, kind: type[T], expected: str, default: T | None = None) -> T | None:
        """The value at ``key``; ``default`` makes it optional; ``None`` after a problem."""
        self.known.add(key)
        value = self.table.get(key, default)
        if value is None:
            self.wrong(key, expected)
        elif not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.wrong(key, expected, value)
        else:
            return value
        return None

    def text(self, key: str, expected: str, default: str | None = None) -> str:
        """A text that is not empty."""
        value = self.get(key, str, expected, default)
        if value == "":
            self.wrong(key, expected, value)
        return value or ""

    def number(self, key: str, expected: str, default: int, allowed: range | None = None) -> int:
        """A whole number, not negative, within ``allowed``."""
        value = self.get(key, int, expected, default)
        if value is not None and (value < 0 or (allowed and value not in allowed)):
            self.wrong(key, expected, value)
        return value or 0

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        return bool(self.get(key, bool, "true or false", default))

    def texts(self, key: str, expected: str, default: list[str] | None = None) -> tuple[str, ...]:
        """A list of texts that are not empty."""
        value = self.get(key, list, expected, default)
        if value is None:
            return ()
        for item in value:
            if not isinstance(item, str) or not item:
                self.wrong(key, expected, value)
                return ()
        return tuple(value)

    def parsed(self, key: str, text: str, parse: Callable[[str], T]) -> T | None:
        """``parse(text)``, its :class:`InputError` noted as a problem with ``key``."""
        try:
            return parse(text)
        except InputError as error:
            hint = f" ({error.hint})" if error.hint else ""
            said = "; ".join([error.message, *error.details])
            self.problems.append(f"{self.where}{key}: {said}{hint}")
            return None

    def path(self, text: str) -> Path:
        """``text`` relative to the project."""
        return (self.root / text).absolute()

    def existing(self, key: str, text: str, *, directory: bool = False) -> Path:
        """A path that must exist."""
        path = self.path(text)
        if not (path.is_dir() if directory else path.is_file()):
            self.wrong(key, f"an existing {'directory' if directory else 'file'}", text)
        return path

    def rows(self, key: str, expected: str) -> list[Reader]:
        """A reader for each table of the array ``key``."""
        value = self.get(key, list, expected, []) or []
        if not all(isinstance(row, dict) for row in value):
            self.wrong(key, expected, value)
            return []
        return [
            Reader(row, self.root, f"{self.where}{key}[{index}].", self.problems)
            for index, row in enumerate(value)
        ]

    def refuse_unknown(self) -> None:
        """Note every key nobody asked for, with the nearest known one."""
        for key in sorted(set(self.table) - self.known):
            near = difflib.get_close_matches(key, self.known, n=1)
            hint = (
                f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(self.known))}"
            )
            self.problems.append(f"{self.where}{key}: unknown key; {hint}")
