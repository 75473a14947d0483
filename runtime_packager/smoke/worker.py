"""Imports modules, one after the other, in an assembled runtime: a program, run by its launcher.

The request comes on standard input, as JSON: ``{"first": directory, "timeout": seconds,
"probes": [[module, names, source], ...]}``, where ``source`` is a file to compile or empty.
The answers go to standard output, one JSON list a line: ``["start", number]`` before each,
``["done", number, problem or null]`` behind it, and ``["end"]``. What the modules print themselves
goes to standard error.

It imports the standard library only, and what it imports itself is no proof that the app could.
"""

import faulthandler
import importlib
import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any


def main() -> None:
    """Answer the request."""
    request = json.load(sys.stdin)
    answers = os.dup(1)
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # Kept from modules that take these apart.
    write, encode, leave = os.write, json.dumps, os._exit

    def say(*words: object) -> None:
        data = (encode(words) + "\n").encode()
        while data:
            data = data[write(answers, data) :]

    sys.dont_write_bytecode = True
    sys.argv[:] = [""]
    first = request["first"]
    sys.path[:] = [first, *(path for path in sys.path if path != first)]
    faulthandler.enable(2)
    for number, (module, names, source) in enumerate(request["probes"]):
        say("start", number)
        faulthandler.dump_traceback_later(request["timeout"], file=2)
        problem = _try(module, names, source)
        faulthandler.cancel_dump_traceback_later()
        say("done", number, problem)
    say("end")
    leave(0)  # what modules want to do at exit is not asked for


def _try(module: str, names: "list[str]", source: str) -> "dict[str, Any] | None":
    try:
        if source:
            with open(source, "rb") as stream:
                compile(stream.read(), source, "exec", dont_inherit=True)
        else:
            _import(module, names)
    except BaseException as error:  # SystemExit is one
        return _problem(error)
    return None


def _import(module: str, names: "list[str]") -> None:
    """As ``from module import names`` does it."""
    found = importlib.import_module(module)
    for name in names:
        if hasattr(found, name):
            continue
        try:
            importlib.import_module(f"{module}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{module}.{name}":
                raise
            raise ImportError(f"cannot import name {name!r} from {module!r}") from None


def _problem(error: BaseException) -> "dict[str, Any]":
    kind = type(error)
    prefix = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    missing = error.name if isinstance(error, ModuleNotFoundError) else ""
    return {
        "kind": prefix + kind.__qualname__,
        "message": _text(error),
        "missing": missing or "",
        "chain": _chain(error.__traceback__),
        "causes": _causes(error),
    }


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""


def _causes(error: "BaseException | None") -> "list[str]":
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return [_text(error) for error in seen]


def _chain(traceback: "TracebackType | None") -> "list[str]":
    """``module:line``, outermost first; the import system and this file left out."""
    found: dict[str, int] = {}
    while traceback is not None:
        frame, line = traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next
        name = frame.f_globals.get("__name__", "?")
        if name not in ("__main__", "importlib") and not name.startswith("importlib._"):
            found[name] = line
    return [f"{name}:{line}" for name, line in found.items()]


if __name__ == "__main__":
    main()
