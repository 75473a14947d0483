"""What a row of a data set may look like."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

ROLES = ("system", "user", "assistant")
"""Who may speak in ``messages``."""

_NAME = 40
"""Characters of a foreign name that a sentence repeats."""


class Shape(StrEnum):
    """The shape of every row of one data set."""

    TEXT = "text"
    PROMPT = "prompt"
    MESSAGES = "messages"


FIELDS = {
    Shape.TEXT: ("text",),
    Shape.PROMPT: ("prompt", "completion"),
    Shape.MESSAGES: ("messages",),
}
"""The fields of each shape; a row's other fields are dropped."""

EXPECTED = "expected text, or prompt and completion, or messages"


class RowError(Exception):
    """Why a row cannot be used: what follows ``line 3: ``."""


def shaped(value: object) -> tuple[Shape, dict[str, Any]]:
    """The row's shape and the fields that belong to it.

    :raises RowError: when it has none, or its fields are not what they should be.
    """
    if not isinstance(value, dict):
        raise RowError(f"is {_kind(value)}, expected an object")
    shape = _shape(value)
    if missing := [field for field in FIELDS[shape] if field not in value]:
        raise RowError(f"the field {missing[0]} is missing")
    if shape is Shape.MESSAGES:
        return shape, {"messages": _messages(value["messages"])}
    return shape, {field: _text(value[field], field) for field in FIELDS[shape]}


def shortened(name: str) -> str:
    """``name`` as a sentence can show it."""
    return ascii(name if len(name) <= _NAME else name[:_NAME] + "...")


def _shape(value: dict[str, Any]) -> Shape:
    found = [shape for shape, fields in FIELDS.items() if any(field in value for field in fields)]
    if not found:
        names = ", ".join(map(shortened, sorted(value)[:5])) or "none"
        raise RowError(f"no known field (there are: {names}); {EXPECTED}")
    if len(found) > 1:
        raise RowError(f"has the fields of several shapes ({', '.join(found)}); {EXPECTED}")
    return found[0]


def _messages(value: object) -> list[dict[str, str]]:
    if not isinstance(value, list):
        raise RowError(f"messages is {_kind(value)}, expected a list")
    messages = [_message(one, f"messages[{index}]") for index, one in enumerate(value)]
    if not any(message["role"] == "assistant" for message in messages):
        raise RowError("messages has none of the assistant: there is nothing to learn")
    return messages


def _message(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise RowError(f"{where} is {_kind(value)}, expected an object")
    if missing := [field for field in ("role", "content") if field not in value]:
        raise RowError(f"the field {where}.{missing[0]} is missing")
    if value["role"] not in ROLES:
        raise RowError(f"{where}.role must be one of {', '.join(ROLES)}")
    return {"role": value["role"], "content": _text(value["content"], f"{where}.content")}


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise RowError(f"{field} is {_kind(value)}, expected text")
    if not value.strip():
        raise RowError(f"{field} is empty")
    if "\0" in value:
        raise RowError(f"{field} has a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RowError(f"{field} has half of a surrogate pair, which is no character") from None
    return value


def _kind(value: object) -> str:
    kinds = {str: "text", bool: "true or false", int: "a number", float: "a number",
             list: "a list", dict: "an object"}  # fmt: skip
    return kinds.get(type(value), "null")
