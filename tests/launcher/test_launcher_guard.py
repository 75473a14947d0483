"""The app ends with the process that started it, however that one ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from launcher_family import family
from launcher_tree import Tree

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Unix' guards")

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


def test_killed_parent_takes_the_backend_along(guarded_tree: Tree) -> None:
    with family(guarded_tree, app=BACKEND) as relatives:
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
    with family(guarded_tree, "--runtime-detach", app=BACKEND) as relatives:
        assert relatives.backend()
        relatives.lose_parent()
        os.write(relatives.stdin, b"still there?")
        assert relatives.read() == b"still there?"


def test_a_stream_the_app_closes_ends_while_the_app_runs(guarded_tree: Tree) -> None:
    with family(guarded_tree, app="import os\nos.close(1)\nos.read(0, 1)") as relatives:
        assert relatives.read() == b""


def test_the_guard_survives_what_reaches_the_whole_group(guarded_tree: Tree) -> None:
    """Ctrl-C does; an app that goes on after it must still end with its parent."""
    with family(guarded_tree, app=BACKEND) as relatives:
        os.killpg(relatives.backend(), signal.SIGINT)
        relatives.lose_parent()
        assert relatives.read() == b"ended in order\n"


ADOPTER = """
import ctypes, os, sys
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER
ours = os.getpid()
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    while os.getppid() != ours: pass
    os.execv(sys.argv[1], sys.argv[1:])
os.wait()
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no such adopters")
@pytest.mark.parametrize("options", [[], ["--runtime-detach"]])
def test_a_parent_that_was_gone_before_the_launcher_ran(tree: Tree, options: list[str]) -> None:
    tree.write_app("print('ran')")
    command = [sys.executable, "-c", ADOPTER, str(tree.launcher), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if options:
        assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")
    else:
        said = "peft_engine: the process that started peft_engine ended before it could run\n"
        assert (done.returncode, done.stdout, done.stderr) == (76, "", said)
