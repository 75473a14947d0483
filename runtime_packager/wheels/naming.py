"""What is installed, as RECORDs say, and which names a distribution makes importable."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path


def recorded(site: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Each distribution in ``site-packages``: name and version, as its ``.dist-info`` spells them,
    and the paths that its RECORD lists, relative to ``site``."""
    for record in sorted(site.glob("*.dist-info/RECORD")):
        name, _, version = record.parent.name.removesuffix(".dist-info").partition("-")
        with record.open(encoding="utf-8", newline="") as stream:
            paths = [row[0] for row in csv.reader(stream) if row]
        yield name, version, paths


def top_level(paths: Iterable[str]) -> tuple[str, ...]:
    """Names ``import`` finds, from paths relative to ``site-packages``."""
    names = {_module(path) for path in paths}
    return tuple(sorted(name for name in names if name.isidentifier()))


def _module(path: str) -> str:
    first, slash, rest = path.partition("/")
    if first.endswith((".dist-info", ".data")):
        return ""
    holds_code = path.endswith((".py", ".pyc", ".so", ".pyd"))
    if not holds_code or (slash and "__pycache__" in rest):
        return ""
    return first if slash else first.partition(".")[0]
