"""A Linux namespace that ends with whoever opened it, with all processes and mounts in it.

However the tests end, nothing is left: the namespace's first process waits on a pipe from us.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


class Namespace:
    """Own mounts and processes, made by ``setup``; use it in a ``with`` block.

    :param setup: bash, run as the namespace's first process; ``$1``... are ``words``.
    :param as_user: in a user namespace too, where kernel settings of one's own are possible.
    """

    def __init__(self, setup: str, *words: object, as_user: bool = False) -> None:
        own = ["--user", "--map-root-user"] if as_user else []
        script = f"set -e\n{setup}\necho ready\nread"  # bash reaps what its children leave behind
        command = ["unshare", *own, "--mount", "--pid", "--fork", "--kill-child"]
        self._first = subprocess.Popen(
            [*command, "bash", "-c", script, "setup", *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._first.stdout and self._first.stderr
        if self._first.stdout.readline() != "ready\n":
            _, trouble = self._first.communicate()
            raise RuntimeError(f"the namespace could not be made: {trouble}")
        self._user = as_user

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, *_: object) -> None:
        self._first.communicate()  # closes its standard input, and waits

    @property
    def entering(self) -> list[str]:
        """What to put before a command that is to run inside."""
        ours = f"/proc/{self._first.pid}/ns"
        user = [f"--user={ours}/user"] if self._user else []
        return ["nsenter", *user, f"--mount={ours}/mnt", f"--pid={ours}/pid_for_children"]

    @contextmanager
    def started(
        self, command: list[str], ours: Callable[[list[str]], bool], **options: Any
    ) -> Iterator[subprocess.Popen[str]]:
        """A command with a pipe for its output; what it started ends with the block.

        :param ours: whether a command line inside is one that must not outlive the block.
        """
        options = {"stdout": subprocess.PIPE, "text": True, **options}
        with subprocess.Popen(command, **options) as child:
            try:
                yield child
            finally:
                for pid, words in self.processes().items():
                    if ours(words):
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                child.kill()

    def processes(self) -> dict[int, list[str]]:
        """The command lines of the processes inside, by their id as this machine counts.

        Zombies are not counted.
        """
        inside = os.readlink(f"/proc/{self._first.pid}/ns/pid_for_children")
        result: dict[int, list[str]] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(folder / "ns/pid") == inside:
                    line = (folder / "cmdline").read_bytes().decode()
                    if line:
                        result[int(folder.name)] = line.split("\0")
            except OSError:  # it has ended meanwhile
                continue
        return result
