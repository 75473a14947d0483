"""Traces: the modules that runtimes of one platform were seen to import, as a text file.

``[name version]`` begins what was seen of one distribution (``cpython`` with its minor version is
the standard library); then one module a line. A distribution of which nothing was seen is listed
all the same: it was there. ``#`` begins a comment. ``name.*`` stands for all modules below a name.
UTF-8; a byte order mark, which some editors put in front, is no part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime_packager.errors import InputError

STDLIB = "cpython"
"""The section of the standard library."""

_SECTION = re.compile(r"\[([a-z0-9][a-z0-9._-]*) ([^\s\]]+)\]")
_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*(?:\.\*)?")

_HEADER = """\
# What runtimes for {platform} were seen to import; with trim.untraced the tree has nothing else of
# these packages. Written by `runtime-packager trace`, which adds to it run by run; lines may be
# added by hand (name.* stands for all below a name), and packages of another version stay whole.
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one distribution.

    :param version: of the distribution; of the standard library its minor version.
    :param modules: dotted names by the modules' places in the tree, and patterns ``name.*``.
    """

    version: str
    modules: frozenset[str]


Trace = Mapping[str, Seen]
"""By distribution, its name normalised."""


def load_trace(file: Path) -> Trace | None:
    """The trace in ``file``; ``None`` when there is no such file.

    :raises InputError: naming every line that is not understood.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")  # Windows' editors may put a BOM in front
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    found: dict[str, tuple[str, set[str]]] = {}
    modules: set[str] | None = None
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].strip()
        if match := _SECTION.fullmatch(words):
            modules = found.setdefault(match[1], (match[2], set()))[1]
        elif modules is not None and _MODULE.fullmatch(words):
            modules.add(words)
        elif words:
            expected = "a module" if modules is not None else "[name version]"
            problems.append(f"line {number}: expected {expected}, found {words!r}")
    if problems:
        hint = "mend it, or trace anew with --fresh"
        raise InputError(f"{file} is no trace", hint, details=problems)
    return {name: Seen(version, frozenset(names)) for name, (version, names) in found.items()}


def merge_traces(old: Trace, new: Trace) -> Trace:
    """What either saw. Of a distribution the new trace knows, its version counts; one that it does
    not know has been removed from the runtime."""
    return {
        name: Seen(seen.version, seen.modules | (old[name].modules if name in old else set()))
        for name, seen in new.items()
    }


def render_trace(trace: Trace, platform: str) -> str:
    """The text of a trace: the same for equal ones."""
    return "".join(_lines(trace, platform))


def _lines(trace: Trace, platform: str) -> Iterator[str]:
    yield _HEADER.format(platform=platform)
    for name in sorted(trace, key=lambda name: (name != STDLIB, name)):
        yield f"\n[{name} {trace[name].version}]\n"
        yield from (f"{module}\n" for module in sorted(trace[name].modules))
