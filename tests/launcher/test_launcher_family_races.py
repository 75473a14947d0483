"""Who is in the family is told rightly also of processes that are just being started."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from launcher_family import PATIENCE, STARTS, family, processes_with, wait_until
from launcher_tree import Tree, make_tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_a_runtime_that_is_about_to_detach_is_left_alone(
    guarded_tree: Tree, tmp_path: Path
) -> None:
    """Who starts an update's helper ends at once. This one is still reading its cfg then."""
    inner = make_tree(tmp_path / "inner", guarded_tree.launcher)
    inner.cfg.unlink()
    os.mkfifo(inner.cfg)  # opening it waits for a writer
    words = [str(inner.launcher), "--runtime-detach"]
    app = f"{STARTS}inner = subprocess.Popen({words!r})\nos.write(1, b'inner %d ' % inner.pid)"
    with family(guarded_tree, app=f"{app}\nos._exit(0)") as relatives:
        backend = int(relatives.wait_for("ready", 1)[0])
        (inner_pid,) = relatives.wait_for("inner", 1)
        inner_end = os.pidfd_open(inner_pid)
        wait_until(lambda: not processes_with(b"guard of process %d\0" % backend, "cmdline"))
        assert select.select([inner_end], [], [], 0)[0] == [], "it has ended"
        os.kill(inner_pid, signal.SIGKILL)
        os.close(inner_end)


RESTARTS = """
#include <unistd.h>
extern char **environ;
int main(int count, char **words)
{
    (void)count;
    return execve("/proc/self/exe", words, environ);
}
"""


def test_a_child_that_starts_itself_anew_all_the_time_is_caught(tree: Tree, tmp_path: Path) -> None:
    """In the middle of exec a process has no environment by which it could be found."""
    source, program = tmp_path / "restarts.c", tmp_path / "restarts"
    source.write_text(RESTARTS, encoding="utf-8")
    compiler = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-musl"]
    subprocess.run([*compiler, source, "-o", program], check=True)
    child = f"child = subprocess.Popen([{str(program)!r}])\nos.write(1, b'child %d ' % child.pid)"
    for _ in range(8):  # one may be found by luck
        with family(tree, app=f"{STARTS}{child}\nwhile True: signal.pause()") as relatives:
            (backend,) = relatives.wait_for("ready", 1)
            child_end = os.pidfd_open(relatives.wait_for("child", 1)[0])
            os.kill(backend, signal.SIGKILL)
            try:
                assert select.select([child_end], [], [], PATIENCE)[0], "it lives"
            finally:
                signal.pidfd_send_signal(child_end, signal.SIGKILL)
                os.close(child_end)
