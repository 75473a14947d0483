"""``--runtime-exit-on-stdin-eof``: standard input is a lifeline, and carries data all the same."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from launcher_family import Family, family, relatives_of, wait_for_end_of, wait_until
from launcher_tree import Tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

OPTION = "--runtime-exit-on-stdin-eof"

DEAF = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal\\nwhile True: signal.pause()"])
os.write(1, b"ready %d\\n" % os.getpid())
while True: signal.pause()
"""

ORDERLY = """
import os, signal
wanted = {signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
os.write(1, b"ready %d\\n" % os.getpid())
signal.sigwait(wanted)
again = signal.sigtimedwait(wanted, 0.5)
os.write(1, b"asked %d\\n" % (1 if again is None else 2))
"""

ECHO = """
import os
os.write(1, b"ready %d\\n" % os.getpid())
while heard := os.read(0, 100000):
    os.write(1, b"heard %d\\n" % len(heard))
os.write(1, b"end 1\\n")
"""


def test_a_closed_pipe_ends_the_family(guarded_tree: Tree) -> None:
    with family(guarded_tree, OPTION, app=DEAF) as relatives:
        (backend,) = relatives.wait_for("ready", 1)
        wait_until(lambda: len(relatives_of(backend)) == 2)
        relatives.end_stdin()
        wait_for_end_of(backend)
        assert relatives.parent.poll() is None


def test_the_backend_is_asked_once_and_may_end_in_order(guarded_tree: Tree) -> None:
    with family(guarded_tree, OPTION, app=ORDERLY) as relatives:
        relatives.wait_for("ready", 1)
        relatives.end_stdin()
        assert relatives.wait_for("asked", 1) == [1]
        assert relatives.read() == b""


HOLDER = """
import signal, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
signal.pause()
"""


def test_a_parent_that_dies_and_held_the_pipe_asks_once(guarded_tree: Tree) -> None:
    """Its end is seen twice: as the pipe's and as the parent's."""
    guarded_tree.write_app(ORDERLY)
    words = [sys.executable, "-c", HOLDER, str(guarded_tree.launcher), OPTION]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as parent:
        relatives = Family(parent, -1, parent.stdout.fileno())  # type: ignore[union-attr]
        relatives.wait_for("ready", 1)
        parent.kill()
        assert relatives.wait_for("asked", 1) == [1]
        assert relatives.read() == b""


def test_what_is_written_arrives(guarded_tree: Tree) -> None:
    with family(guarded_tree, OPTION, app=ECHO) as relatives:
        relatives.wait_for("ready", 1)
        for size in (1, 1000, 5):
            os.write(relatives.stdin, b"x" * size)
            assert relatives.wait_for("heard", 1)[-1] == size
            relatives.lines.clear()


def test_without_the_option_it_is_the_apps_own_affair(guarded_tree: Tree) -> None:
    with family(guarded_tree, app=ECHO) as relatives:
        relatives.wait_for("ready", 1)
        relatives.end_stdin()
        relatives.wait_for("end", 1)


@contextmanager
def on_a_socket(tree: Tree) -> Iterator[tuple[socket.socket, Family]]:
    """A backend with one end of a socket pair, which is what Node makes, and the other end."""
    ours, theirs = socket.socketpair()
    with (
        ours,
        subprocess.Popen([tree.launcher, OPTION], stdin=theirs, stdout=subprocess.PIPE) as process,
    ):
        theirs.close()
        yield ours, Family(process, -1, process.stdout.fileno())  # type: ignore[union-attr]
        process.kill()


@pytest.mark.parametrize("how", ["close", "shutdown"])
def test_a_socket_that_ends(guarded_tree: Tree, how: str) -> None:
    guarded_tree.write_app(DEAF)
    with on_a_socket(guarded_tree) as (ours, relatives):
        (backend,) = relatives.wait_for("ready", 1)
        ours.close() if how == "close" else ours.shutdown(socket.SHUT_WR)
        wait_for_end_of(backend)
        assert relatives.parent.wait() == -signal.SIGKILL


def test_what_is_written_to_a_socket_arrives(guarded_tree: Tree) -> None:
    guarded_tree.write_app(ECHO)
    with on_a_socket(guarded_tree) as (ours, relatives):
        relatives.wait_for("ready", 1)
        ours.sendall(b"twelve bytes")
        assert relatives.wait_for("heard", 1) == [12]


def test_a_writer_sees_that_the_backend_is_gone(guarded_tree: Tree) -> None:
    """The watcher lets go of standard input before it ends the family."""
    guarded_tree.write_app(ECHO.replace("while", "raise SystemExit\nwhile"))
    with on_a_socket(guarded_tree) as (ours, relatives):
        relatives.wait_for("ready", 1)
        assert ours.recv(1) == b""


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("null", ", found a terminal or another device"),
        ("terminal", ", found a terminal or another device"),
        ("file", ", found a file"),
        ("directory", ", found a directory"),
        ("closed", ": Bad file descriptor"),
    ],
)
def test_what_never_ends_or_has_ended_is_refused(
    guarded_tree: Tree, tmp_path: Path, kind: str, words: str
) -> None:
    leader, terminal = pty.openpty()
    (tmp_path / "file").touch()
    path = {"file": tmp_path / "file", "directory": tmp_path}.get(kind, os.devnull)
    stdin = terminal if kind == "terminal" else os.open(path, os.O_RDONLY)
    close = ["sh", "-c", 'exec "$@" <&-', "sh"] if kind == "closed" else []
    command = [*close, guarded_tree.launcher, OPTION]
    done = subprocess.run(command, stdin=stdin, capture_output=True, text=True)
    for each in {leader, terminal, stdin}:
        os.close(each)
    assert done.stderr == (
        f"peft_engine: {OPTION}: expected a pipe or a socket as standard input{words}\n"
    )
    assert (done.returncode, done.stdout) == (76, "")


@pytest.mark.parametrize("options", [(OPTION, "--runtime-detach"), ("--runtime-detach", OPTION)])
def test_a_lifeline_and_detaching_exclude_each_other(tree: Tree, options: tuple[str, ...]) -> None:
    done = tree.run(*options, stdin=subprocess.PIPE)
    assert done.stderr == f"peft_engine: --runtime-detach and {OPTION} exclude each other\n"
    assert done.returncode == 76


def test_runtime_info_knows_of_it(tree: Tree) -> None:
    seen = tree.report(OPTION, "--runtime-info")
    assert (seen["guarded"], seen["exit_on_stdin_eof"]) == (True, True)


def test_it_counts_only_before_the_apps_arguments(tree: Tree) -> None:
    with open(os.devnull) as null:
        seen = tree.report("x", OPTION, stdin=null)
    assert seen["arguments"] == ["x", OPTION]


def test_it_goes_with_the_interpreter_alone(tree: Tree) -> None:
    code = "import sys, json; print(json.dumps(sys.argv))"
    words = [tree.launcher, OPTION, "--runtime-python", "-c", code, OPTION]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert json.load(process.stdout) == ["-c", OPTION]
