"""Child processes: started from a list, never by a shell; failing, they are quoted."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runtime_packager.errors import BuildError

TAIL_LINES = 20
"""How many last lines of a failed child's output go into the error."""


@dataclass(frozen=True, slots=True)
class Completed:
    """What a finished child left: its exit code and all it wrote, as text."""

    returncode: int
    stdout: str
    stderr: str


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    check: bool = True,
    timeout: float | None = None,
) -> Completed:
    """Run ``command`` to its end and return its output.

    :param env: variables added to (not replacing) our own environment.
    :param timeout: seconds, or ``None`` for no limit.
    :raises BuildError: when it cannot be started, runs out of time or (with ``check``) exits
        with anything but 0; the last lines it printed are in the details.
    """
    words = [str(word) for word in command]
    name = Path(words[0]).name
    try:
        done = subprocess.run(
            words,
            check=False,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
        )
    except FileNotFoundError as error:
        raise BuildError(f"{name} is not installed or not on PATH", f"install {name}") from error
    except OSError as error:
        raise BuildError(f"{name} could not be started: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{name} did not finish within {timeout:.0f} s") from error
    result = Completed(done.returncode, done.stdout, done.stderr)
    if check and result.returncode != 0:
        raise BuildError(f"{name} ended with exit code {result.returncode}", details=tail(result))
    return result


def lines(command: Sequence[str | Path], *, stdin: bytes = b"") -> Iterator[str]:
    """Run ``command`` and yield its standard output line by line as it comes.

    :param stdin: what it reads, all of it before it writes more than a pipe holds.
    :raises BuildError: when it cannot be started or exits with anything but 0.
    """
    words = [str(word) for word in command]
    name = Path(words[0]).name
    try:
        child = subprocess.Popen(
            words,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise BuildError(f"{name} could not be started: {error.strerror}") from error
    with child:
        assert child.stdout and child.stderr  # noqa: S101 - for the type checker: both are pipes
        try:
            if child.stdin:
                with suppress(BrokenPipeError), child.stdin:
                    child.stdin.write(stdin)
            yield from (line.decode() for line in child.stdout)
        except BaseException:
            child.kill()
            raise
        errors = child.stderr.read().decode(errors="replace")
    if child.returncode != 0:
        done = Completed(child.returncode, "", errors)
        raise BuildError(f"{name} ended with exit code {child.returncode}", details=tail(done))


def tail(done: Completed) -> list[str]:
    """The last lines a child printed, its errors first choice."""
    text = done.stderr.strip() or done.stdout.strip()
    return text.splitlines()[-TAIL_LINES:]
