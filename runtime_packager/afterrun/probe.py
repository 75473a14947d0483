"""What an app's children may do: import everything, however they were started.

Runs in the tree's own interpreter, from a copy outside the tree. Its argument is the file to
answer into: ``{"modules": [imported], "children": {how: exit code, or null when it hung}}``.
Standard library only. That a module cannot be imported is not its business; that one writes is
the business of whoever compares the tree afterwards.
"""

import importlib
import importlib.metadata
import json
import multiprocessing
import subprocess
import sys

TYPE_CHECKING = False  # one import less in what is looked at
if TYPE_CHECKING:
    from typing import Any

LIMIT = 300
"""Seconds one child may take."""

CHILDREN = {"-c": [], "-I -c": ["-I"], "-E -c": ["-E"]}
"""Interpreter arguments of children that are started by hand, by what to call them."""

IMPORTING = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException:
        pass
"""


def modules() -> "list[str]":
    """The top-level modules of every requirement."""
    names = importlib.metadata.packages_distributions()
    return sorted(name for name in names if name.isidentifier() and not name.startswith("__"))


def import_all(names: "list[str]") -> "list[str]":
    """Import each; the ones that can be."""
    imported = []
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException:  # noqa: S112 - SystemExit and panics too; see above
            continue
        imported.append(name)
    return imported


def by_multiprocessing(method: str, names: "list[str]") -> "int | None":
    """Import in a child that multiprocessing starts; its exit code, ``None`` when it hung."""
    context: Any = multiprocessing.get_context(method)
    child = context.Process(target=import_all, args=(names,))
    child.start()
    child.join(LIMIT)
    code: int | None = child.exitcode
    if code is None:
        child.kill()
        child.join()
    return code


def by_hand(arguments: "list[str]", names: "list[str]") -> "int | None":
    """Import in ``sys.executable``; its exit code, ``None`` when it hung."""
    command = [sys.executable, *arguments, "-c", IMPORTING, *names]
    try:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=2, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode


def main() -> None:
    """Start every kind of child and say how each ended."""
    names = modules()
    children: dict[str, int | None] = {}
    for method in ("spawn", "forkserver"):
        if method in multiprocessing.get_all_start_methods():
            children[method] = by_multiprocessing(method, names)
    for how, arguments in CHILDREN.items():
        children[how] = by_hand(arguments, names)
    answer = {"modules": import_all(names), "children": children}
    with open(sys.argv[1], "w", encoding="utf-8") as stream:
        json.dump(answer, stream)


if __name__ == "__main__":
    main()
