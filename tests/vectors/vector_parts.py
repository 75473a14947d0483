"""How a vector spells its input: a list of parts, so that a large one is a line.

A part is a text (its UTF-8 is meant), ``{"base64": ...}``, ``{"repeat": text, "times": n}`` or
``{"count": n, "template": text}``: the template n times, commas between, ``{index}`` in it being
a number from 0 on, six digits wide. ``electron/test/parts.js`` expands the same.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

Part = str | dict[str, Any]


def expand(parts: Sequence[Part]) -> bytes:
    """The bytes that the parts stand for."""
    return b"".join(map(_bytes_of, parts))


def spell(data: bytes) -> list[Part]:
    """The parts that stand for ``data``: text where people can read it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return [{"base64": base64.b64encode(data).decode()}]
    if text.isascii() and all(letter.isprintable() or letter in "\n" for letter in text):
        return [text] if text else []
    return [{"base64": base64.b64encode(data).decode()}]


def _bytes_of(part: Part) -> bytes:
    if isinstance(part, str):
        return part.encode()
    if "base64" in part:
        return base64.b64decode(part["base64"])
    if "repeat" in part:
        return part["repeat"].encode() * int(part["times"])
    rows = (part["template"].replace("{index}", f"{index:06}") for index in range(part["count"]))
    return ",".join(rows).encode()
