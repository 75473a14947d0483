"""When the backend ends, however it ends, nothing that it started is left; when its parent ends,
neither is a backend that does not listen."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from launcher_family import (
    STARTS,
    Family,
    family,
    processes_with,
    relatives_of,
    wait_for_end_of,
    wait_until,
    watcher_of,
)
from launcher_tree import Tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

WORKERS = """
import multiprocessing, os, signal, sys
def say(word):
    os.write(1, b"%s %d\\n" % (word, os.getpid()))
def work(*_):
    say(b"worker")
    while True: signal.pause()
if __name__ == "__main__":
    method, kind = sys.argv[1:]
    context = multiprocessing.get_context(method)
    say(b"ready")
    if kind == "pool":
        pool = context.Pool(2)
        results = [pool.apply_async(work, (number,)) for number in range(2)]
    else:
        started = [context.Process(target=work, daemon=daemon) for daemon in (True, False)]
        for each in started: each.start()
    while True: signal.pause()
"""

DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def backend_of(relatives: Family) -> int:
    """Its number, once it runs; it is one of those whom its marker finds."""
    (backend,) = relatives.wait_for("ready", 1)
    assert backend in relatives_of(backend)
    return backend


@pytest.mark.parametrize("kind", ["pool", "process"])
@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_a_killed_backend_takes_its_workers_along(
    guarded_tree: Tree, method: str, kind: str
) -> None:
    with family(guarded_tree, method, kind, app=WORKERS) as relatives:
        backend = backend_of(relatives)
        workers = relatives.wait_for("worker", 2)
        assert set(workers) < set(relatives_of(backend))
        os.kill(backend, signal.SIGKILL)
        wait_for_end_of(backend)
        assert relatives.read() == b""


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_a_parent_takes_along_a_backend_that_does_not_listen(
    guarded_tree: Tree, method: str
) -> None:
    app = WORKERS.replace("    context =", f"    {DEAF}    context =")
    with family(guarded_tree, method, "pool", app=app) as relatives:
        backend = backend_of(relatives)
        relatives.wait_for("worker", 2)
        relatives.lose_parent()
        wait_for_end_of(backend)
        assert relatives.read() == b""


def test_a_stopped_backend_ends_with_its_parent(guarded_tree: Tree) -> None:
    with family(guarded_tree, app=STARTS + "while True: signal.pause()") as relatives:
        backend = backend_of(relatives)
        os.kill(backend, signal.SIGSTOP)
        relatives.lose_parent()
        wait_for_end_of(backend)


def test_a_backend_that_ends_in_order_leaves_nobody(guarded_tree: Tree) -> None:
    app = f"{STARTS}start(b'child', WAIT)\nif os.fork() == 0: signal.pause()\nos._exit(3)"
    guarded_tree.write_app(app)
    with subprocess.Popen([guarded_tree.launcher], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.read().startswith(b"ready ")
        assert process.wait() == 3
    wait_for_end_of(process.pid)


def test_a_child_may_end_in_order(guarded_tree: Tree) -> None:
    orderly = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b'bye 1\\n'), os._exit(0)))\n"
        "os.write(1, b'heard 1\\n')\n"
        "while True: signal.pause()"
    )
    app = f"{STARTS}start(b'child', {orderly!r})\nwhile True: signal.pause()"
    with family(guarded_tree, app=app) as relatives:
        backend = backend_of(relatives)
        relatives.wait_for("heard", 1)
        os.kill(backend, signal.SIGKILL)
        relatives.wait_for("bye", 1)
        wait_for_end_of(backend)


def test_who_made_a_session_of_its_own_is_left_alone(guarded_tree: Tree) -> None:
    app = f"{STARTS}start(b'gone', WAIT, start_new_session=True)\nstart(b'here', WAIT)\nos._exit(0)"
    with family(guarded_tree, app=app) as relatives:
        backend = int(relatives.wait_for("ready", 1)[0])
        (gone,), (here,) = relatives.wait_for("gone", 1), relatives.wait_for("here", 1)
        try:
            wait_until(lambda: relatives_of(backend) == [gone])
            wait_until(lambda: not processes_with(b"guard of process %d\0" % backend, "cmdline"))
            assert relatives_of(backend) == [gone]
            assert here != gone
        finally:
            os.kill(gone, signal.SIGKILL)


@pytest.mark.parametrize("makes_one", [True, False])
def test_in_its_parents_session_or_in_one_that_it_makes(
    guarded_tree: Tree, makes_one: bool
) -> None:
    own = "os.setsid()\n" if makes_one else ""
    app = f"{STARTS}{own}start(b'child', WAIT)\nwhile True: signal.pause()"
    with family(guarded_tree, app=app, own_session=False) as relatives:
        backend = backend_of(relatives)
        (child,) = relatives.wait_for("child", 1)
        assert (os.getsid(child) == os.getsid(0)) != makes_one
        os.kill(backend, signal.SIGKILL)
        wait_for_end_of(backend)


def test_a_runtime_that_was_detached_from_the_backend_is_left_alone(guarded_tree: Tree) -> None:
    """It could be an update's helper. It is in the same session, and not of the family."""
    inner = "import os, signal; os.write(1, b'inner %d' % os.getpid()); signal.pause()"
    words = [str(guarded_tree.launcher), "--runtime-detach", "--runtime-python", "-c", inner]
    app = f"{STARTS}subprocess.Popen({words!r})\nwhile True: signal.pause()"
    with family(guarded_tree, app=app) as relatives:
        backend = backend_of(relatives)
        (inner_pid,) = relatives.wait_for("inner", 1)
        inner_end = os.pidfd_open(inner_pid)
        os.kill(backend, signal.SIGKILL)
        wait_for_end_of(backend)
        assert select.select([inner_end], [], [], 0)[0] == [], "it has ended"
        os.kill(inner_pid, signal.SIGKILL)
        os.close(inner_end)


def test_a_runtime_within_a_runtime_ends_too(guarded_tree: Tree) -> None:
    inner = "import os, signal; os.write(1, b'inner %d' % os.getpid()); signal.pause()"
    words = [str(guarded_tree.launcher), "--runtime-python", "-c", inner]
    app = f"{STARTS}subprocess.Popen({words!r})\nwhile True: signal.pause()"
    with family(guarded_tree, app=app) as relatives:
        backend = backend_of(relatives)
        (inner_pid,) = relatives.wait_for("inner", 1)
        assert inner_pid not in relatives_of(backend)
        os.kill(backend, signal.SIGKILL)
        wait_for_end_of(backend)
        wait_for_end_of(inner_pid)


SHARED = """
from multiprocessing import Process, get_context, shared_memory
import os, signal, sys
def work(name):
    block = shared_memory.SharedMemory(name)
    if sys.argv[1] == "deaf": signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(1, b"worker %d\\n" % os.getpid())
    while True: signal.pause()
if __name__ == "__main__":
    block = shared_memory.SharedMemory(create=True, size=100_000, name=sys.argv[2])
    get_context("spawn").Process(target=work, args=(block.name,)).start()
    os.write(1, b"ready %d\\n" % os.getpid())
    while True: signal.pause()
"""


@pytest.mark.parametrize("hearing", ["hearing", "deaf"])
def test_shared_memory_is_not_left(guarded_tree: Tree, hearing: str) -> None:
    """multiprocessing's tracker removes it, if it is given the time."""
    name = f"launcher-test-{os.getpid()}-{hearing}"
    with family(guarded_tree, hearing, name, app=SHARED) as relatives:
        backend = backend_of(relatives)
        relatives.wait_for("worker", 1)
        assert (Path("/dev/shm") / name).exists()
        os.kill(backend, signal.SIGKILL)
        wait_for_end_of(backend)
        assert not (Path("/dev/shm") / name).exists()


def test_a_tracker_that_does_not_end_is_ended(guarded_tree: Tree) -> None:
    """It is given more time than others, not for ever."""
    tracker = f"# from multiprocessing.resource_tracker import main\nimport signal\n{DEAF}"
    loop = "while True: signal.pause()"
    child = f"{tracker}import os; os.write(1, b'deaf 1')\n{loop}"
    app = f"{STARTS}start(b'child', {child!r})\n{loop}"
    with family(guarded_tree, app=app) as relatives:
        backend = backend_of(relatives)
        relatives.wait_for("deaf", 1)
        os.kill(backend, signal.SIGKILL)
        wait_for_end_of(backend)


CHAIN = """
import os
for _ in range(3000):
    if os.fork(): os._exit(0)
os.write(1, b"escaped 1")
"""


def test_children_that_run_away_by_forking_are_caught(guarded_tree: Tree) -> None:
    """Each lives for a moment only, and another has taken its place by then."""
    app = f"{STARTS}start(b'child', {CHAIN!r})\nwhile True: signal.pause()"
    with family(guarded_tree, app=app) as relatives:
        backend = backend_of(relatives)
        relatives.wait_for("child", 1)
        os.kill(backend, signal.SIGKILL)
        wait_for_end_of(backend)
        assert relatives.read() == b""


def test_the_watcher_holds_nothing(guarded_tree: Tree) -> None:
    with family(guarded_tree, app=STARTS + "while True: signal.pause()") as relatives:
        backend = backend_of(relatives)
        watcher = Path(f"/proc/{watcher_of(backend)}")
        wait_until(lambda: not (watcher / "fd" / "3").exists())
        assert os.readlink(watcher / "cwd") == "/"
        held = {os.readlink(each).split(":")[0] for each in (watcher / "fd").iterdir()}
        assert held <= {"anon_inode"}
        assert os.getsid(int(watcher.name)) not in {os.getsid(backend), os.getsid(0)}
        assert int(watcher.name) not in relatives_of(backend)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_watcher_is_not_ended_by_what_was_meant_for_others(
    guarded_tree: Tree, number: int
) -> None:
    with family(guarded_tree, "spawn", "pool", app=WORKERS) as relatives:
        backend = backend_of(relatives)
        relatives.wait_for("worker", 2)
        os.kill(watcher_of(backend), number)
        os.kill(backend, signal.SIGKILL)
        wait_for_end_of(backend)


OLD_KERNEL = """
import ctypes, struct
def refuse(*numbers):
    # bpf: load the call's number; for each of ours return ENOSYS (38), else let it pass
    steps = [struct.pack("HBBI", 0x20, 0, 0, 0)]
    for number in numbers:
        steps += [struct.pack("HBBI", 0x15, 0, 1, number), struct.pack("HBBI", 6, 0, 0, 0x50026)]
    steps.append(struct.pack("HBBI", 6, 0, 0, 0x7FFF0000))
    program = ctypes.create_string_buffer(b"".join(steps))
    header = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, header) == 0
refuse(424, 434, 436)  # pidfd_send_signal, pidfd_open, close_range
"""


@pytest.mark.parametrize("lost", ["parent", "backend", "stdin"])
def test_a_kernel_without_process_descriptors(tree: Tree, lost: str) -> None:
    """Before Linux 5.3, and in sandboxes. The test's own seccomp filter answers as they do."""
    app = WORKERS.replace("    context =", f"    {DEAF}    context =")
    words = ("--runtime-exit-on-stdin-eof", "spawn", "pool")
    with family(tree, *words, app=app, before=OLD_KERNEL) as relatives:
        backend = backend_of(relatives)
        relatives.wait_for("worker", 2)
        watcher = Path(f"/proc/{watcher_of(backend)}")
        assert [each.name for each in (watcher / "fd").iterdir()] == ["0"]
        if lost == "parent":
            relatives.lose_parent()
        elif lost == "stdin":
            relatives.end_stdin()
        else:
            os.kill(backend, signal.SIGKILL)
        wait_for_end_of(backend)
