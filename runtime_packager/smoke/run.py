"""Runs the imports in interpreters of the runtime, and outlives what they do to them.

A group shares one interpreter. A module that ends it, or does not come back in time, is tried
again in one of its own, and what is left of the group goes on in a new one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any, NoReturn

from runtime_packager.errors import BuildError
from runtime_packager.io.parallel import side_by_side
from runtime_packager.io.process import Completed, tail
from runtime_packager.io.progress import Progress, Task
from runtime_packager.smoke.failure import Failure, crash_text, dumped_chain, missing_library
from runtime_packager.smoke.plan import Probe

WORKER = Path(__file__).with_name("worker.py")

GRACE = 0.5
"""Seconds past its time in which an interpreter writes down where it hangs, before it is killed."""

START = 60.0
"""Seconds an interpreter may take to begin, however short the time of a module is."""

POLL = 0.1
"""Seconds between two looks at whether anybody still waits for us."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """The runtime whose modules are imported.

    :param root: the tree's directory, absolute.
    :param launcher: its launcher, absolute.
    :param app: the directory whose modules the app imports, absolute: first on ``sys.path``.
    """

    root: Path
    launcher: Path
    app: Path


@dataclass(frozen=True, slots=True)
class _Run:
    """What one interpreter did: how many probes it finished, and how it ended if not by itself."""

    finished: int
    failures: tuple[Failure, ...]
    ended: Failure | None = None


def import_all(
    runtime: Runtime,
    groups: Sequence[Sequence[Probe]],
    timeout: float,
    workers: int,
    progress: Progress,
) -> list[Failure]:
    """Import every group, each in an interpreter of its own, and return what failed, by name.

    Nothing is written to the tree by us; modules find a working directory that is thrown away.

    :param timeout: seconds a module may take.
    :param workers: interpreters that run side by side.
    :raises BuildError: when the runtime's interpreter cannot be started at all.
    """
    total = sum(map(len, groups))
    with (
        side_by_side(max(1, min(workers, len(groups))), progress) as (pool, watched),
        watched.task("importing modules", total=total, unit="modules") as task,
    ):
        results = pool.map(lambda group: _group(runtime, group, timeout, task), groups)
        found = [failure for failures in results for failure in failures]
    return sorted(found, key=lambda failure: failure.module)


def _group(runtime: Runtime, probes: Sequence[Probe], timeout: float, task: Task) -> list[Failure]:
    failures: list[Failure] = []
    while probes:
        run = _interpreter(runtime, probes, timeout, task)
        failures += run.failures
        if run.ended is None:
            break
        at = min(run.finished, len(probes) - 1)
        failures.append(_judged(runtime, probes[at], probes[:at], run.ended, timeout, task))
        probes = probes[at + 1 :]
    return failures


def _judged(
    runtime: Runtime,
    probe: Probe,
    before: Sequence[Probe],
    ended: Failure,
    timeout: float,
    task: Task,
) -> Failure:
    """The verdict on a module that did not come back, tried alone if it was not."""
    task.advance(1)
    if not before:
        return ended
    alone = _interpreter(runtime, [probe], timeout, _Uncounted(task))
    if alone.ended or alone.failures:
        return alone.ended or alone.failures[0]
    names = ", ".join(other.module for other in before[-3:])
    message = f"{ended.message}, though not alone: only behind others, the last {names}"
    return Failure(probe.module, ended.kind, message, ended.chain, wanted_by=probe.wanted_by)


@dataclass(frozen=True, slots=True)
class _Uncounted:
    """Lets work that is done again end early, but counts it once."""

    task: Task

    def advance(self, amount: int) -> None:
        """See :meth:`Task.advance`."""
        self.task.advance(0)

    def total(self, amount: int) -> None:
        """See :meth:`Task.total`."""


def _interpreter(runtime: Runtime, probes: Sequence[Probe], timeout: float, task: Task) -> _Run:
    with (
        tempfile.TemporaryFile() as request,
        tempfile.TemporaryFile() as errors,
        tempfile.TemporaryDirectory(prefix="smoke-", ignore_cleanup_errors=True) as scratch,
    ):
        request.write(_request(runtime, probes, timeout))
        request.seek(0)
        with _started(runtime, scratch, request, errors) as child:
            finished, failures, ended = _listen(child, probes, timeout, task)
        if ended is _END:
            return _Run(finished or 0, tuple(failures))
        errors.seek(0)
        output = errors.read().decode(errors="replace")
        if finished is None:
            _refuse(runtime, child.returncode, output, ended is _LATE)
        at = probes[min(finished, len(probes) - 1)]
        limit = timeout if ended is _LATE else None
        return _Run(finished, tuple(failures), _ended(runtime, at, child.returncode, output, limit))


def _listen(
    child: subprocess.Popen[bytes], probes: Sequence[Probe], timeout: float, task: Task
) -> tuple[int | None, list[Failure], object]:
    """How many probes were finished (``None`` before the first began), what failed, the end."""
    answers = _answers(child)
    finished, failures = None, list[Failure]()
    while True:
        limit = timeout if finished is not None else max(timeout, START)
        answer = _next(answers, limit + GRACE, task)
        match answer:
            case ["start", int(number)]:
                finished = number
            case ["done", int(number), problem]:
                finished = number + 1
                if problem:
                    failures.append(_failure(probes[number], problem))
                task.advance(1)
            case ["end"]:
                return finished, failures, _END
            case _:
                return finished, failures, answer


def _request(runtime: Runtime, probes: Sequence[Probe], timeout: float) -> bytes:
    rows = [
        [probe.module, probe.names, str(runtime.root / probe.module) if probe.compiled else ""]
        for probe in probes
    ]
    return json.dumps({"first": str(runtime.app), "timeout": timeout, "probes": rows}).encode()


@contextmanager
def _started(
    runtime: Runtime, scratch: str, request: IO[bytes], errors: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """The interpreter; it and what it started are gone when the block ends."""
    try:
        child = subprocess.Popen(
            [runtime.launcher, "--runtime-python", WORKER],
            stdin=request,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,
            cwd=scratch,
            process_group=None if os.name == "nt" else 0,
        )
    except OSError as error:
        message = f"{runtime.launcher.name} could not be started: {error.strerror}"
        raise BuildError(message, "assemble the runtime anew") from error
    with child:
        try:
            yield child
        finally:
            _kill(child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":  # the launcher's job takes all of its children along
        with suppress(subprocess.TimeoutExpired):
            child.wait(GRACE)  # it ends behind its interpreter, whose exit code it has
        child.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()


_LATE = object()
"""Stands for an answer that did not come in time."""

_END = object()
"""Stands for the last answer of an interpreter that did all it was asked."""


def _answers(child: subprocess.Popen[bytes]) -> SimpleQueue[Any]:
    """What it answers, as it comes; ``None`` behind the last."""
    assert child.stdout  # noqa: S101 - for the type checker: it is a pipe
    answers: SimpleQueue[Any] = SimpleQueue()
    Thread(target=_read, args=(child.stdout.fileno(), answers), daemon=True).start()
    return answers


def _read(pipe: int, answers: SimpleQueue[Any]) -> None:
    """Straight from the pipe: a process that escaped us may hold its other end open for ever, and
    a file object that is being read cannot be closed."""
    data = b""
    with suppress(ValueError, OSError):  # cut off in the middle of a line, or closed
        while more := os.read(pipe, 65536):
            *lines, data = (data + more).split(b"\n")
            for line in lines:
                answers.put(json.loads(line))
    answers.put(None)


def _next(answers: SimpleQueue[Any], seconds: float, task: Task) -> Any:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        with suppress(Empty):
            return answers.get(timeout=min(left, POLL))
        task.advance(0)
    return _LATE


def _failure(probe: Probe, problem: dict[str, Any]) -> Failure:
    return Failure(
        probe.module,
        problem["kind"],
        problem["message"],
        tuple(problem["chain"]),
        missing_library(problem["causes"]),
        problem["missing"],
        probe.wanted_by,
    )


def _ended(
    runtime: Runtime, probe: Probe, returncode: int, output: str, timeout: float | None
) -> Failure:
    chain = dumped_chain(output, str(runtime.root), str(WORKER))
    if timeout is None:
        kind, message = "crash", crash_text(returncode)
    else:
        kind, message = "timeout", f"not done after {timeout:g} s"
    return Failure(probe.module, kind, message, chain, wanted_by=probe.wanted_by)


def _refuse(runtime: Runtime, returncode: int, output: str, late: bool) -> NoReturn:
    how = "did not begin in time" if late else f"ended with exit code {returncode}"
    raise BuildError(
        f"{runtime.launcher.name} --runtime-python {how} before any module was imported",
        details=tail(Completed(returncode, "", output)),
    )
