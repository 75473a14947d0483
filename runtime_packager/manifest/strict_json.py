"""A subset of JSON that every parser reads alike: trusted text goes through here and nowhere else.

Rules, checked in this order; each is an error id of :class:`ErrorId`:

1. ``json-size``: no more than ``max_size`` bytes, looked at before anything else.
2. ``json-encoding``: UTF-8 without a byte order mark.
3. ``json-depth``: at most 8 containers inside one another; counted by a scan, not by recursion,
   so no input can exhaust the stack.
4. ``json-syntax``: RFC 8259, nothing around the value but white space.
5. ``json-duplicate-key``: a name once per object (compared after unescaping).
6. ``json-number``: integers with ``abs(n) < 2**53`` only: no fraction, exponent, ``-0``, ``NaN``
   or ``Infinity``. Those are the numbers a double holds exactly.
7. ``json-surrogate``: no ``\\u`` escape that leaves half a surrogate pair.

Rules 4 to 6 are found in one pass, so a text that breaks two of them gets the id of the first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Any, NoReturn

from runtime_packager.manifest.problems import ErrorId, rejection

MAX_DEPTH = 8
INTEGER_LIMIT = 2**53

_BOM = b"\xef\xbb\xbf"
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_STRING = re.compile(rb'"[^"]*"?')
_STRUCTURE = b'[]{}"'
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in _STRUCTURE)
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_LONGEST_INTEGER = len(str(-INTEGER_LIMIT))


def loads(
    data: bytes,
    *,
    max_size: int,
    what: str = "the JSON text",
    convert: Callable[[dict[str, Any]], Any] | None = None,
) -> Any:
    """The value ``data`` stands for.

    :param max_size: bytes; the cap of whoever knows what the text is.
    :param what: the name of the text for messages.
    :param convert: takes each object's place by what it makes of it, so that a text of many
        objects is never in memory as dictionaries.
    :raises IntegrityFailure: when a rule of this module is broken.
    """
    if len(data) > max_size:
        raise rejection(ErrorId.JSON_SIZE, f"{len(data)} bytes, at most {max_size} expected", what)
    text = _decode(data, what)
    depth = _depth(data)
    if depth > MAX_DEPTH:
        raise rejection(
            ErrorId.JSON_DEPTH, f"{depth} levels deep, at most {MAX_DEPTH} expected", what
        )
    value = _parse(text, what, convert)
    if b"\\u" in data:
        _require_no_half_pairs(value, what)
    return value


def dumps(value: Any) -> bytes:
    """``value`` as canonical bytes: keys sorted, no white space, UTF-8, nothing escaped in vain.

    The caller passes only what :func:`loads` would accept.
    """
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def _decode(data: bytes, what: str) -> str:
    if data.startswith(_BOM):
        raise rejection(ErrorId.JSON_ENCODING, "starts with a byte order mark", what)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise rejection(ErrorId.JSON_ENCODING, f"not UTF-8 at byte {error.start}", what) from error


def _depth(data: bytes) -> int:
    """The deepest nesting of brackets outside strings; linear, whatever the text."""
    if b"\\" in data:
        data = _ESCAPE.sub(b"", data)
    # Most strings hold no brackets, so most are empty here and go at memory speed. Taking an
    # adjacent pair of quotes away leaves what is inside and what is outside a string as it was.
    marks = data.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    brackets = _STRING.sub(b"", marks)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)


def _parse(text: str, what: str, convert: Callable[[dict[str, Any]], Any] | None) -> Any:
    def converted(pairs: list[tuple[str, Any]]) -> Any:
        value = _object(pairs)
        return convert(value) if convert else value

    try:
        return _decoder(converted if convert else _object).decode(text)
    except _BrokenError as error:
        raise rejection(error.error_id, str(error), what) from None
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at character {error.pos}"
        raise rejection(ErrorId.JSON_SYNTAX, reason, what) from None


class _BrokenError(Exception):
    def __init__(self, error_id: ErrorId, message: str) -> None:
        super().__init__(message)
        self.error_id = error_id


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        twice = ascii(_first_repeated(name for name, _ in pairs))
        raise _BrokenError(ErrorId.JSON_DUPLICATE_KEY, f"the key {twice} stands twice")
    return value


def _first_repeated(names: Iterable[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("called only when a name is repeated")


def _integer(text: str) -> int:
    # The length first: converting a million digits would take long.
    if len(text) > _LONGEST_INTEGER or text == "-0" or abs(value := int(text)) >= INTEGER_LIMIT:
        _not_a_number(text)
    return value


def _not_a_number(text: str) -> NoReturn:
    shown = text if len(text) <= 24 else f"{text[:24]}..."
    raise _BrokenError(ErrorId.JSON_NUMBER, f"{shown} is no integer below 2**53")


def _decoder(make_object: Callable[[list[tuple[str, Any]]], Any]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=make_object,
        parse_int=_integer,
        parse_float=_not_a_number,
        parse_constant=_not_a_number,
    )


def _require_no_half_pairs(value: Any, what: str) -> None:
    try:
        dumps(value)
    except UnicodeEncodeError:
        raise rejection(ErrorId.JSON_SURROGATE, "half a surrogate pair", what) from None
