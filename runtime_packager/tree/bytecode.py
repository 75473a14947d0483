"""Bytecode for every source in the tree, made once per source and interpreter version.

Unchecked-hash pycs (PEP 552) are used without a look at the source, so installers that restamp
files cannot make Python rewrite them. They depend on the minor version alone, not on the
platform, so an interpreter that runs on this host compiles any target's tree.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime_packager.entries import DAMAGED, Entry, FileEntry, Layer, dump_table, load_table
from runtime_packager.io import process
from runtime_packager.io.cache import Cache
from runtime_packager.io.files import remove_tree
from runtime_packager.io.progress import Progress
from runtime_packager.io.store import damaged, intact

FORMAT = 2
"""Part of every key: raise it when the same sources would give other bytecode."""

FOLDER = "bytecode"
_WORKER = Path(__file__).with_name("compile_worker.py")


@dataclass(frozen=True, slots=True)
class Unit:
    """The sources of one layer and the key of their bytecode."""

    layer: Layer
    key: str
    sources: tuple[FileEntry, ...]


@dataclass(frozen=True, slots=True)
class Bytecode:
    """What compiling gave: one layer a unit, how many were new, and what does not compile."""

    layers: tuple[Layer, ...]
    compiled: int
    failed: tuple[str, ...]


def compile_units(
    layers: Sequence[Layer],
    interpreter: Path,
    version: str,
    cache: Cache,
    progress: Progress,
    *,
    optimize: int = 0,
) -> Bytecode:
    """Bytecode layers for ``layers``.

    :param interpreter: one that runs here, of the tree's minor version.
    :param version: its full version, such as ``3.12.14``: the minor version is part of the pycs'
        names, and compilers differ in their output from one patch release to another.
    :param optimize: 0, 1 or 2, as ``python -O`` counts.
    :raises IntegrityError: when a source is not what was stored.
    :raises BuildError: when the interpreter cannot be run. Sources that do not compile
        (templates, Python 2) are listed in the result instead.
    """
    worker = Worker(interpreter, version, optimize)
    units = [_unit(layer, version, optimize) for layer in layers]
    with cache.locked(f"bytecode-{version}", progress):
        # By key: layers without a single source are one unit, and only one may build it.
        absent = {unit.key: unit for unit in units if not _present(unit, cache)}
        missing = list(absent.values())
        if missing:
            _compile(missing, worker, cache, progress)
    stored = [_load(unit, cache) for unit in units]
    failed = tuple(sorted(name for _, names in stored for name in names))
    return Bytecode(
        tuple(layer for layer, _ in stored), sum(len(u.sources) for u in missing), failed
    )


def _unit(layer: Layer, version: str, optimize: int) -> Unit:
    sources = tuple(
        entry
        for entry in layer.entries
        if isinstance(entry, FileEntry) and entry.path.endswith(".py")
    )
    facts = [FORMAT, version, optimize, [[s.path, s.sha256] for s in sources]]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    return Unit(layer, key, sources)


def _present(unit: Unit, cache: Cache) -> bool:
    try:
        layer, _ = _load(unit, cache)
    except DAMAGED:
        layer = None
    if layer and intact(layer.entries):
        return True
    remove_tree(cache.directory(FOLDER, unit.key))
    return False


def _load(unit: Unit, cache: Cache) -> tuple[Layer, list[str]]:
    home = cache.directory(FOLDER, unit.key)
    entries = load_table((home / "table.json").read_bytes(), home / "tree")
    failed = json.loads((home / "failed.json").read_bytes())
    return Layer(f"bytecode of {unit.layer.origin}", entries), failed


def _compile(units: Sequence[Unit], worker: Worker, cache: Cache, progress: Progress) -> None:
    """Compile all units in one child; each becomes a directory of the cache."""
    with ExitStack() as stack:
        homes = [stack.enter_context(cache.building(FOLDER, unit.key)) for unit in units]
        jobs = [
            [str(s.source), s.path, s.sha256, str(home / "tree" / worker.pyc(s.path))]
            for unit, home in zip(units, homes, strict=True)
            for s in unit.sources
        ]
        found = worker.run(jobs, homes[0] / "request.json", progress)
        _require_undamaged(units, found, cache)
        answers = iter(found)
        for unit, home in zip(units, homes, strict=True):
            _write_tables(unit, home, worker, answers)


def _require_undamaged(units: Sequence[Unit], answers: Sequence[Any], cache: Cache) -> None:
    """Bytecode of other sources than the key says would be found under it for ever."""
    sources = (source for unit in units for source in unit.sources)
    spoiled = [s for s, answer in zip(sources, answers, strict=True) if answer is None]
    if spoiled:
        raise damaged(cache, spoiled)


def _write_tables(unit: Unit, home: Path, worker: Worker, answers: Iterator[Any]) -> None:
    entries: list[Entry] = []
    failed: list[str] = []
    for source in unit.sources:
        match next(answers):
            case [int(size), str(digest)]:
                entries.append(FileEntry(worker.pyc(source.path), size, digest, False, home))
            case why:
                failed.append(f"{source.path}: {why}")
    (home / "failed.json").write_text(json.dumps(failed))
    (home / "table.json").write_bytes(dump_table(entries))


@dataclass(frozen=True, slots=True)
class Worker:
    """The interpreter that compiles, and how."""

    interpreter: Path
    version: str
    optimize: int

    def pyc(self, path: str) -> str:
        """PEP 3147 and 488: ``a/b.py`` -> ``a/__pycache__/b.cpython-312[.opt-1].pyc``."""
        directory, slash, name = path.rpartition("/")
        suffix = f".opt-{self.optimize}" if self.optimize else ""
        major, minor, *_ = self.version.split(".")
        tag = f"cpython-{major}{minor}{suffix}"
        return f"{directory}{slash}__pycache__/{name.removesuffix('.py')}.{tag}.pyc"

    def run(self, jobs: list[list[str]], request: Path, progress: Progress) -> list[Any]:
        """Compile ``jobs``; return their answers in the same order."""
        workers = os.cpu_count() or 1
        request.write_text(
            json.dumps({"optimize": self.optimize, "workers": workers, "files": jobs})
        )
        command: list[str | Path] = [self.interpreter, "-I", "-S", "-B", _WORKER, request]
        answers = []
        with progress.task("compiling bytecode", total=len(jobs), unit="files") as task:
            for line in process.lines(command):
                task.advance(1)
                answers.append(json.loads(line))
        request.unlink()
        return answers
