"""Who is in the family is told rightly also of processes that are just being started."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

import pytest
from launcher_family import STARTS, family, processes_with, wait_until
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
