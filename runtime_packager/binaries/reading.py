"""The facts of every native file in the layers, read once a layer and kept in the cache.

lief reads them, in child processes: it holds a whole file in memory, and a file that brings it
down becomes a :class:`Binary` with a problem rather than our end.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from runtime_packager.binaries.facts import HEAD, Binary, Format, Slice, dump, format_of, load
from runtime_packager.entries import DAMAGED, FileEntry, Layer
from runtime_packager.errors import BuildError
from runtime_packager.io import process
from runtime_packager.io.cache import Cache
from runtime_packager.io.files import write_atomic
from runtime_packager.io.progress import Progress, Task

FORMAT = 1
"""Part of every key: raise it when the same files would give other facts."""

FOLDER = "binaries"
LARGE = 64 * 1024 * 1024
"""Bytes. Files above are read one after the other, so that one of them at a time is in memory."""

ALONE = 8
"""Up to so many files one child is faster than two, for starting lief takes half a second."""

_WORKER = Path(__file__).with_name("read_worker.py")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file of a layer that starts like a native one."""

    entry: FileEntry
    format: Format


def read_layers(layers: Sequence[Layer], cache: Cache, progress: Progress) -> tuple[Binary, ...]:
    """The native files of ``layers``, by path in each layer.

    :raises BuildError: when lief is not installed or does not start. Files that cannot be read
        are in the result, with their ``problem``.
    """
    version = _lief_version()
    keys = [_key(layer, version) for layer in layers]
    with cache.locked(FOLDER, progress):
        known = {key: found for key in keys if (found := _load(cache, key)) is not None}
        missing = {
            key: _candidates(layer)
            for key, layer in zip(keys, layers, strict=True)
            if key not in known
        }
        known.update(_read(missing, cache, progress))
    return tuple(binary for key in keys for binary in known[key])


def _lief_version() -> str:
    try:
        return importlib.metadata.version("lief")
    except importlib.metadata.PackageNotFoundError as error:
        raise BuildError(
            "lief, which reads native files, is not installed", "pip install lief"
        ) from error


def _key(layer: Layer, version: str) -> str:
    files = [[e.path, e.sha256] for e in layer.entries if isinstance(e, FileEntry)]
    facts = [FORMAT, version, sorted(files)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _place(cache: Cache, key: str) -> Path:
    return cache.directory(FOLDER, f"{key}.json")


def _load(cache: Cache, key: str) -> tuple[Binary, ...] | None:
    try:
        rows = json.loads(_place(cache, key).read_bytes())
        return tuple(load(row) for row in rows)
    except DAMAGED:
        return None


def _candidates(layer: Layer) -> list[Candidate]:
    files = [e for e in layer.entries if isinstance(e, FileEntry) and e.size >= HEAD]
    found = []
    for entry in sorted(files, key=lambda entry: entry.path):
        with entry.source.open("rb", buffering=0) as stream:
            form = format_of(stream.read(HEAD))
        if form is not None:
            found.append(Candidate(entry, form))
    return found


def _read(
    missing: dict[str, list[Candidate]], cache: Cache, progress: Progress
) -> dict[str, tuple[Binary, ...]]:
    """Read what is missing in one go and keep it, layer by layer."""
    answers = iter(_ask([c for found in missing.values() for c in found], progress))
    result = {}
    for key, found in missing.items():
        binaries = [_binary(candidate, next(answers)) for candidate in found]
        result[key] = tuple(binary for binary in binaries if binary is not None)
        rows = [dump(binary) for binary in result[key]]
        write_atomic(_place(cache, key), json.dumps(rows, separators=(",", ":")).encode())
    return result


def _binary(candidate: Candidate, answer: Any) -> Binary | None:
    path, form = candidate.entry.path, candidate.format
    match answer:
        case None:
            return None
        case str():
            return Binary(path, form, problem=answer)
        case _:
            blank = dump(Binary(path, form, (Slice(""),)))
            (fields,) = blank["slices"]
            return load({**blank, "slices": [{**fields, **row} for row in answer]})


def _ask(candidates: Sequence[Candidate], progress: Progress) -> list[Any]:
    """The worker's answer for each candidate, in their order."""
    answers: list[Any] = [None] * len(candidates)
    shares = [share for share in _shares([c.entry.size for c in candidates]) if share]
    if not shares:
        return answers
    with (
        progress.task("reading binaries", total=len(candidates), unit="files") as task,
        tempfile.TemporaryDirectory() as scratch,
        ThreadPoolExecutor(len(shares)) as pool,
    ):
        desk = Desk(Path(scratch), task, Event())
        jobs = [pool.submit(_read_share, [candidates[i] for i in share], desk) for share in shares]
        try:
            for share, job in zip(shares, jobs, strict=True):
                for index, answer in zip(share, job.result(), strict=True):
                    answers[index] = answer
        except BaseException:
            desk.stopped.set()
            raise
    return answers


@dataclass(frozen=True, slots=True)
class Desk:
    """What the threads that read have in common.

    :param stopped: set when nobody waits for answers any more.
    """

    scratch: Path
    task: Task
    stopped: Event


def _shares(sizes: Sequence[int]) -> list[list[int]]:
    """Which files each of two children reads: about the same bytes, all large ones in one."""
    if len(sizes) <= ALONE:
        return [list(range(len(sizes)))]
    shares: list[list[int]] = [[], []]
    loads = [0, 0]
    for index in sorted(range(len(sizes)), key=lambda index: -sizes[index]):
        share = 0 if sizes[index] > LARGE else loads.index(min(loads))
        shares[share].append(index)
        loads[share] += sizes[index]
    return shares


def _read_share(candidates: Sequence[Candidate], desk: Desk) -> list[Any]:
    """One child's answers. When it dies of a file, another takes the files after that one."""
    answers: list[Any] = []
    while len(answers) < len(candidates) and not desk.stopped.is_set():
        reason = "the reader stopped"
        try:
            for answer in _answers(candidates[len(answers) :], desk):
                answers.append(answer)
                desk.task.advance(1)
        except ReaderDiedError as error:
            reason = str(error)
        if len(answers) < len(candidates):
            answers.append(f"it cannot be read: {reason}")
            desk.task.advance(1)
    return answers


class ReaderDiedError(Exception):
    """The child ended in the middle of a file."""


def _answers(candidates: Sequence[Candidate], desk: Desk) -> Iterator[Any]:
    """What one child says, as it comes.

    :raises ReaderDiedError: when it dies of a file.
    :raises BuildError: when it dies before it reads any.
    """
    handle, name = tempfile.mkstemp(dir=desk.scratch)
    with open(handle, "w", encoding="utf-8") as stream:
        json.dump([[c.format, str(c.entry.source)] for c in candidates], stream)
    started = False
    try:
        for line in process.lines(_command(Path(name))):
            if desk.stopped.is_set():
                return
            if started:
                yield json.loads(line)
            started = True
    except BuildError as error:
        if not started:
            raise
        raise ReaderDiedError(error.message) from error


def _command(request: Path) -> list[str | Path]:
    """``-I`` hides user site packages, so the child is told where lief lies."""
    spec = importlib.util.find_spec("lief")
    home = Path(spec.origin).parent.parent if spec and spec.origin else Path()
    return [sys.executable, "-I", "-B", _WORKER, home, request]
