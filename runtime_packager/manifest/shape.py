"""Taking parsed JSON apart, strictly: the right keys, the right types, or a ``schema`` error."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, TypeVar

from runtime_packager.manifest.problems import ErrorId, rejection

T = TypeVar("T")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HEX = b"0123456789abcdef"
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def require_keys(
    value: Any, keys: frozenset[str], what: str, *, optional: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """``value`` as an object with all of ``keys``, and besides them only ``optional`` ones."""
    found = require(value, dict, what)
    if found.keys() == keys:
        return found
    lines = [f"{name!a} is missing" for name in sorted(keys - found.keys())]
    lines += [f"{name!a} is unknown" for name in sorted(found.keys() - keys - optional)]
    if lines:
        raise rejection(ErrorId.SCHEMA, ", ".join(lines), what)
    return found


def require(value: Any, kind: type[T], what: str) -> T:
    """``value`` if it is exactly of ``kind`` (a boolean is no integer)."""
    if type(value) is not kind:
        raise rejection(
            ErrorId.SCHEMA, f"{kind.__name__} expected, {type(value).__name__} found", what
        )
    return value


def require_text(value: Any, what: str, *, longest: int = 1024) -> str:
    """A string of 1 to ``longest`` bytes of UTF-8 without control characters."""
    text = require(value, str, what)
    if not 0 < len(text.encode()) <= longest or _CONTROL.search(text):
        raise rejection(
            ErrorId.SCHEMA, f"1 to {longest} bytes without control characters expected", what
        )
    return text


def require_count(value: Any, what: str) -> int:
    """An integer of at least 0."""
    number = require(value, int, what)
    if number < 0:
        raise rejection(ErrorId.SCHEMA, f"0 or more expected, {number} found", what)
    return number


def require_digest(value: Any, what: str) -> str:
    """A SHA-256 as 64 lower-case hex digits."""
    text = require(value, str, what)
    if not is_digest(text):
        raise rejection(ErrorId.SCHEMA, "64 lower-case hex digits expected", what)
    return text


def require_moment(value: Any, what: str) -> str:
    """A moment in UTC as ``YYYY-MM-DDTHH:MM:SSZ``, and a real one."""
    text = require(value, str, what)
    try:
        real = _MOMENT.fullmatch(text) and datetime.fromisoformat(text)
    except ValueError:
        real = None
    if not real:
        raise rejection(ErrorId.SCHEMA, "YYYY-MM-DDTHH:MM:SSZ expected", what)
    return text


def is_digest(text: str) -> bool:
    """Whether ``text`` is a SHA-256 as 64 lower-case hex digits."""
    return len(text) == 64 and text.isascii() and not text.encode().translate(None, _HEX)


def require_schema(value: Any, known: int, what: str) -> None:
    """The ``schema`` integer of a document is the one this code was written for."""
    if require(value, int, f"{what}: schema") != known:
        raise rejection(
            ErrorId.SCHEMA_VERSION,
            f"schema {known} expected, {value} found: it was made by another version",
            what,
        )
