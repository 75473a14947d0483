"""TOML whose values can all be shown: what ``tomllib`` reads, less numbers beyond 64 bits."""

from __future__ import annotations

import tomllib
from typing import Any

_NUMBERS = range(-(2**63), 2**63)
"""What TOML 1.0 asks a reader to hold. Python reads ``0x`` and thousands of digits as well, and
fails later, when it has to print them."""


class TomlError(ValueError):
    """Not TOML, or such as nobody can use; the text says why."""


def loads(text: str | bytes) -> dict[str, Any]:
    """The document; bytes are UTF-8.

    :raises TomlError: when it is not one.
    """
    try:
        document = tomllib.loads(text.decode() if isinstance(text, bytes) else text)
    except RecursionError:
        raise TomlError("it is nested too deeply") from None
    except ValueError as error:  # also text that is not UTF-8, and decimals of thousands of digits
        raise TomlError(str(error)) from error
    _refuse_endless(document)
    return document


def _refuse_endless(document: dict[str, Any]) -> None:
    rest: list[tuple[str, object]] = list(document.items())
    while rest:
        key, value = rest.pop()
        if isinstance(value, dict):
            rest += value.items()
        elif isinstance(value, list):
            rest += ((key, item) for item in value)
        elif isinstance(value, int) and value not in _NUMBERS:
            raise TomlError(f"the number at {key!r} has more than 64 bits")
