"""Notes the file of every module that an interpreter of a traced runtime runs.

A copy of this lies in the throw-away copy of the runtime that is traced; a ``.pth`` file imports it
in every interpreter that starts there, however it is started. Each process appends to a file of its
own, opened anew for every line: a program may close what it did not open, or be killed at any
moment. Nothing here may fail: an audit hook that raises stops what it was told of. Standard library
only.
"""

import os
import sys

TYPE_CHECKING = False  # an import less in what is looked at
if TYPE_CHECKING:
    from typing import Any

PLACE = ""
"""The directory of the notes."""

_known: "set[str]" = set()


def note(path: "Any") -> None:
    """Remember a file, or ``<frozen name>``, once a process."""
    if not isinstance(path, str) or path in _known:
        return
    _known.add(path)
    try:
        name = os.path.join(PLACE, f"{os.getpid()}.txt")
        handle = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, os.fsencode(path) + b"\n")
        finally:
            os.close(handle)
    except Exception:  # noqa: S110 - see above
        pass


def hook(event: str, arguments: "Any") -> None:
    """An audit hook (PEP 578).

    The import system runs a module's code by ``exec``; of extension modules and of libraries that
    ctypes loads the file is among the arguments. The event ``import`` alone would not do:
    ``importlib.import_module`` does not raise it.
    """
    if event == "exec":
        code = arguments[0]
        if getattr(code, "co_name", "") == "<module>":
            note(code.co_filename)
    elif event == "import":
        note(arguments[1])
    elif event == "ctypes.dlopen":
        note(arguments[0])


def begin() -> None:
    """Note what is there already, and from now on everything."""
    sys.addaudithook(hook)
    for name, module in list(sys.modules.items()):
        note(getattr(module, "__file__", None) or f"<frozen {name}>")


if PLACE:
    begin()
