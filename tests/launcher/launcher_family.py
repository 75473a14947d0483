"""A parent, the backend it started, and all that came of that; who of them still lives."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from launcher_tree import Tree

PATIENCE = 30
"""Seconds after which a test stops waiting for what does not come."""

PARENT = """
import os, subprocess, sys, signal
subprocess.Popen(sys.argv[2:], start_new_session=sys.argv[1] == "True")
os.close(1)
while True: signal.pause()
"""

STARTS = """
import os, signal, subprocess, sys
def start(word, code, **options):
    child = subprocess.Popen([sys.executable, "-c", code], **options)
    os.write(1, b"%s %d\\n" % (word, child.pid))
os.write(1, b"ready %d\\n" % os.getpid())
WAIT = "import signal\\nwhile True: signal.pause()"
"""
"""The beginning of an app that starts children."""


class Family:
    """A parent that started a backend; we hold the far ends of the backend's streams."""

    def __init__(self, parent: subprocess.Popen[bytes], stdin: int, stdout: int) -> None:
        self.parent, self.stdin, self.stdout = parent, stdin, stdout
        self.lines: list[str] = []

    def read(self) -> bytes:
        """What the backend writes next; empty once it (and nobody else) holds the stream."""
        readable, _, _ = select.select([self.stdout], [], [], PATIENCE)
        assert readable, "the backend neither wrote nor ended"
        return os.read(self.stdout, 1000)

    def backend(self) -> int:
        """The pid of the backend, once it runs."""
        word, pid = self.read().split()
        assert word == b"ready"
        return int(pid)

    def lose_parent(self) -> None:
        """Kill the parent; its end of the backend's streams was never open."""
        self.parent.kill()
        self.parent.wait()

    def end_stdin(self) -> None:
        """Close the only other end of the backend's standard input."""
        os.close(self.stdin)
        self.stdin = -1

    def wait_for(self, word: str, count: int) -> list[int]:
        """The numbers on the next ``count`` lines that begin with ``word``."""
        while self.lines.count(word) < count:
            heard = self.read()
            assert heard, f"it ended after {self.lines}"
            self.lines += heard.decode().split()
        places = [place for place, heard in enumerate(self.lines) if heard == word]
        return [int(self.lines[place + 1]) for place in places]


@contextmanager
def family(
    tree: Tree, *options: str, app: str, before: str = "", own_session: bool = True
) -> Iterator[Family]:
    """Start a parent that runs the statements ``before`` and then starts ``app``.

    :param own_session: of the backend; else it is in ours, as an Electron app's is in Electron's.
    """
    tree.write_app(app)
    stdin, stdout = os.pipe(), os.pipe()
    code = PARENT.replace("subprocess.Popen", f"{before}\nsubprocess.Popen")
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(own_session), str(tree.launcher), *options],
        stdin=stdin[0],
        stdout=stdout[1],
    )
    os.close(stdin[0])
    os.close(stdout[1])
    relatives = Family(parent, stdin[1], stdout[0])
    try:
        yield relatives
    finally:
        relatives.lose_parent()
        if relatives.stdin >= 0:
            relatives.end_stdin()
        os.close(stdout[0])


def processes_with(words: bytes, text: str) -> list[int]:
    """The processes whose ``environ`` or ``cmdline`` holds ``words``. A zombie's are empty."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):  # it has ended meanwhile
            if words in Path("/proc", process, text).read_bytes():
                found.append(int(process))
    return found


def relatives_of(backend: int) -> list[int]:
    """All that carry the marker of the backend with this number, itself included."""
    return processes_with(b"RUNTIME_FAMILY=%d-" % backend, "environ")


def watcher_of(backend: int) -> int:
    """The process that watches it."""
    (watcher,) = processes_with(b"guard of process %d\0" % backend, "cmdline")
    return watcher


def wait_until(condition: Callable[[], bool]) -> None:
    """Until it holds; fails when that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_for_end_of(backend: int) -> None:
    """Until neither the backend nor its family nor its watcher is left."""
    wait_until(lambda: not relatives_of(backend))
    wait_until(lambda: not processes_with(b"guard of process %d\0" % backend, "cmdline"))
