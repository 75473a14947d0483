"""The app ends with the process that started it, however that one ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from launcher_tree import Tree

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Unix' guards")

PATIENCE = 30
"""Seconds after which a test stops waiting for what does not come."""

PARENT = """
import os, subprocess, sys, signal
subprocess.Popen(sys.argv[1:], start_new_session=True)
os.close(1)
while True: signal.pause()
"""

BACKEND = """
import os, signal, sys
def end(*_):
    os.write(1, b"ended in order\\n")
    os._exit(0)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, signal.SIG_IGN)
os.write(1, b"ready %d\\n" % os.getpid())
while line := os.read(0, 100):
    os.write(1, line)
"""

PATIENT = """
import os
os.write(1, b"ready %d\\n" % os.getpid())
while os.read(0, 100): pass
"""


class Family:
    """A parent that started a backend; we hold the far ends of the backend's streams."""

    def __init__(self, parent: subprocess.Popen[bytes], stdin: int, stdout: int) -> None:
        self.parent, self.stdin, self.stdout = parent, stdin, stdout

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
        self.parent.kill()
        self.parent.wait()


@contextmanager
def family(tree: Tree, *options: str, app: str | None = None, before: str = "") -> Iterator[Family]:
    """Start a parent that runs the statement ``before`` and then starts ``app``."""
    tree.write_app(app or BACKEND)
    stdin, stdout = os.pipe(), os.pipe()
    code = PARENT.replace("subprocess.Popen", f"{before}\nsubprocess.Popen")
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tree.launcher), *options],
        stdin=stdin[0],
        stdout=stdout[1],
    )
    os.close(stdin[0])
    os.close(stdout[1])
    try:
        yield Family(parent, stdin[1], stdout[0])
    finally:
        parent.kill()
        parent.wait()
        os.close(stdin[1])
        os.close(stdout[0])


def test_killed_parent_takes_the_backend_along(guarded_tree: Tree) -> None:
    with family(guarded_tree) as relatives:
        assert relatives.backend()
        relatives.lose_parent()
        assert relatives.read() == b"ended in order\n"
        assert relatives.read() == b""


def test_a_parent_that_ignores_sigterm_does_not_hand_that_on(guarded_tree: Tree) -> None:
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    with family(guarded_tree, app=PATIENT, before=ignore) as relatives:
        assert relatives.backend()
        relatives.lose_parent()
        assert relatives.read() == b""


def test_a_parent_that_blocks_sigterm_does_not_hand_that_on(guarded_tree: Tree) -> None:
    block = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])"
    with family(guarded_tree, app=PATIENT, before=block) as relatives:
        assert relatives.backend()
        relatives.lose_parent()
        assert relatives.read() == b""


def test_detached_backend_outlives_its_parent(guarded_tree: Tree) -> None:
    with family(guarded_tree, "--runtime-detach") as relatives:
        assert relatives.backend()
        relatives.lose_parent()
        os.write(relatives.stdin, b"still there?")
        assert relatives.read() == b"still there?"


def test_a_stream_the_app_closes_ends_while_the_app_runs(guarded_tree: Tree) -> None:
    with family(guarded_tree, app="import os\nos.close(1)\nos.read(0, 1)") as relatives:
        assert relatives.read() == b""


def test_the_guard_survives_what_reaches_the_whole_group(guarded_tree: Tree) -> None:
    """Ctrl-C does; an app that goes on after it must still end with its parent."""
    with family(guarded_tree) as relatives:
        os.killpg(relatives.backend(), signal.SIGINT)
        relatives.lose_parent()
        assert relatives.read() == b"ended in order\n"
