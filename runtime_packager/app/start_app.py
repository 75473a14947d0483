"""Starts the app inside an assembled runtime: a copy of this file lies in its ``app/``.

It runs with ``-I``, which keeps the script's own directory off ``sys.path``, so it puts that
directory first, as ``python main.py`` would, and runs the entry point as ``__main__``: functions
of a script stay importable in multiprocessing's children.
"""

import sys
from os.path import abspath, dirname, join

TYPE_CHECKING = False  # typing itself would cost a start 10 ms
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ENTRY = "main.py"


def run() -> None:
    """Run the entry point and end with its exit status."""
    home = dirname(abspath(__file__))
    module, colon, function = ENTRY.partition(":")
    if colon:
        _put_first(home)
        sys.exit(_load(module, function)())  # type: ignore[arg-type]
    script = join(home, *ENTRY.split("/"))
    _put_first(dirname(script))
    _run_script(script)


def _put_first(directory: str) -> None:
    sys.path[:] = [directory, *(path for path in sys.path if path != directory)]


def _load(module: str, function: str) -> "Callable[[], object]":
    from importlib import import_module

    found: Any = import_module(module)
    for name in function.split("."):
        found = getattr(found, name)
    return found  # type: ignore[no-any-return]


def _run_script(script: str) -> None:
    from importlib.machinery import SourceFileLoader

    code = SourceFileLoader("__main__", script).get_code("__main__")
    assert code is not None  # noqa: S101 - a source loader always finds code, or raises
    sys.argv[0] = script
    main = vars(sys.modules["__main__"])
    for name in [name for name in main if not name.startswith("__")]:
        del main[name]
    main.update(__file__=script, __spec__=None, __cached__=None, __doc__=None, __package__=None)
    exec(code, main)  # noqa: S102 - this is what starting a script is


if __name__ == "__main__":
    run()
