"""A warmed-up process with the shim preloaded: one fork of it is one run of the command line.

A line of JSON comes in for each run; a line goes out with the wait status and the calls counted.
"""

from __future__ import annotations

import importlib
import json
import mmap
import os
import pkgutil
import signal
import struct
import sys
from contextlib import suppress

STATE = struct.Struct("iiiii lll")
"""``struct state`` of shim.c: mode, error, victim, sticky, reads, nth, count, fired."""

MODES = {"off": 0, "count": 1, "kill": 2, "fail": 3, "short": 4, "log": 5}


def warm() -> None:
    """Import what a run may import, so that no fault meets an import, and forks are quick."""
    import runtime_packager

    for module in pkgutil.walk_packages(runtime_packager.__path__, "runtime_packager."):
        if not module.name.endswith(("__main__", "_worker", "start_app", "always", "hook")):
            importlib.import_module(module.name)
    for name in (
        "rich.table",
        "rich.progress",
        "rich.console",
        "platformdirs.unix",
        "shiv.builder",
    ):
        importlib.import_module(name)
    for name in (
        "shiv.bootstrap",
        "zipapp",
        "encodings.idna",
        "traceback",
        "cryptography.exceptions",
    ):
        importlib.import_module(name)


def run(state: mmap.mmap, order: dict) -> dict:
    if order["mode"] == "quit":
        sys.exit(0)
    child = os.fork()
    if child == 0:
        os.setsid()
        said = os.open(order["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        mode = MODES[order["mode"]]
        state[:] = STATE.pack(
            mode, order["error"], os.getpid(), order["sticky"], order["reads"], order["nth"], 0, 0
        )
        from runtime_packager.cli import _run

        code = 1
        try:
            code = _run(order["words"])
        finally:
            state[:4] = bytes(4)
            os._exit(code)
    _, status = os.waitpid(child, 0)
    *_, count, fired = STATE.unpack(state[:])
    state[:4] = bytes(4)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    return {"status": status, "count": count, "fired": fired}


def main() -> None:
    with open(os.environ["TORTURE_STATE"], "r+b") as file:
        state = mmap.mmap(file.fileno(), STATE.size)
    warm()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(run(state, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
