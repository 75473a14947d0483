"""Hashing many files on all cores: one file's trouble is a problem in a list, never an end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from runtime_packager.errors import BuildError
from runtime_packager.io import process
from runtime_packager.io.progress import Task
from runtime_packager.manifest import comparing
from runtime_packager.manifest.problems import ErrorId, Problem

BATCH_BYTES = 4 * 1024 * 1024
BATCH_FILES = 256
"""Small files go to a thread together: handing each over would cost more than hashing it."""

CHILDREN_FROM = 2_000
"""Files from which on children are faster than threads; see :mod:`.comparing`."""

_HINT = "run the tool with a Python interpreter of its own"

OPENING = 30_000
"""What opening and closing a file costs, in bytes hashed in that time."""


class Expected(NamedTuple):
    """What a file must be: ``size`` in bytes, ``sha256`` in hex."""

    path: str
    sha256: str
    size: int


def check_files(
    root: str, files: Sequence[Expected], task: Task, workers: int | None = None
) -> list[Problem]:
    """Hash ``files`` below ``root``; return a problem for each that differs.

    :param task: told the bytes as they are done; called from threads.
    :param workers: threads or children, or ``None`` for one a core.
    :raises BuildError: when a child cannot be started or fails.
    """
    from concurrent.futures import ThreadPoolExecutor

    count = workers or os.cpu_count() or 1
    if len(files) < CHILDREN_FROM or count == 1:
        shares: list[list[Expected]] = list(_batches(files))
        check = _in_thread
    else:
        shares = _shares(files, count)
        check = _in_child
    if len(shares) <= 1 or count == 1:
        return [problem for share in shares for problem in check(root, share, task)]
    with ThreadPoolExecutor(min(count, len(shares))) as pool:
        found = pool.map(lambda share: check(root, share, task), shares)
        return [problem for problems in found for problem in problems]


def _in_thread(root: str, files: Sequence[Expected], task: Task) -> list[Problem]:
    found = [comparing.compare(root, *file) for file in files]
    task.advance(sum(file.size for file in files))
    return [_problem(*difference) for difference in found if difference]


def _in_child(root: str, files: Sequence[Expected], task: Task) -> list[Problem]:
    problems, compared = [], 0
    utf8 = ["-X", "utf8"] if sys.flags.utf8_mode else []  # isolated, it would forget
    command = [sys.executable, "-I", "-S", *utf8, comparing.__file__, root]
    try:
        for line in process.lines(command, stdin=json.dumps(files).encode()):
            count, done, found = json.loads(line)
            task.advance(done)
            compared += count
            problems += [_problem(*difference) for difference in found]
    except (TypeError, ValueError) as error:
        raise BuildError(f"{sys.executable} gave no answer of the verifier's: {error}") from error
    # A child that ends well without having looked at everything must not pass for a good tree.
    if compared != len(files):
        raise BuildError(f"{sys.executable} compared {compared} of {len(files)} files", _HINT)
    return problems


def _problem(path: str, error_id: str, reason: str) -> Problem:
    return Problem(path, ErrorId(error_id), reason)


def _shares(files: Sequence[Expected], count: int) -> list[list[Expected]]:
    """The files in ``count`` parts that take about as long: each to whoever has the least."""
    shares: list[list[Expected]] = [[] for _ in range(count)]
    costs = [0] * count
    for file in sorted(files, key=lambda file: -file.size):
        least = costs.index(min(costs))
        shares[least].append(file)
        costs[least] += file.size + OPENING
    return shares


def _batches(files: Sequence[Expected]) -> Iterator[list[Expected]]:
    """The files in batches, the largest first: a big one started last would be waited for."""
    batch: list[Expected] = []
    size = 0
    for file in sorted(files, key=lambda file: -file.size):
        if batch and (size + file.size > BATCH_BYTES or len(batch) == BATCH_FILES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch
