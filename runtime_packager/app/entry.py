"""What starts the app: a script of its own, a function, or a requirement's console script."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runtime_packager.errors import InputError

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_CONSOLE_SCRIPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Script:
    """A file of the app directory, run as ``python main.py`` runs it; ``/``-separated."""

    path: str


@dataclass(frozen=True, slots=True)
class Function:
    """A callable without arguments; what it returns becomes the exit status."""

    module: str
    function: str

    def __str__(self) -> str:
        return f"{self.module}:{self.function}"


@dataclass(frozen=True, slots=True)
class ConsoleScript:
    """A console script that one of the requirements declares."""

    name: str


EntryPoint = Script | Function | ConsoleScript


def parse_entry(text: str) -> EntryPoint:
    """Read ``main.py``, ``package.module:function`` or the name of a console script.

    :raises InputError: when it is none of these.
    """
    if text.endswith(".py"):
        return Script(text)
    module, colon, function = text.partition(":")
    if colon and _DOTTED.fullmatch(module) and _DOTTED.fullmatch(function):
        return Function(module, function)
    if _CONSOLE_SCRIPT.fullmatch(text):
        return ConsoleScript(text)
    raise InputError(
        f"{text!r} is no entry point: expected a script such as main.py, "
        "package.module:function, or a requirement's console script"
    )
