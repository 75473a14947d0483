"""Talking to a started backend, whatever it runs on."""

from __future__ import annotations

import json
import select
import socket
import subprocess
from contextlib import ExitStack

import httpx

PATIENCE = 60
"""Seconds after which a test stops waiting for what does not come."""


def ready(child: subprocess.Popen[str]) -> dict:
    """The line in which the backend says that it listens."""
    assert child.stdout
    readable, _, _ = select.select([child.stdout], [], [], PATIENCE)
    assert readable, "the backend neither wrote nor ended"
    line = child.stdout.readline()
    assert line, f"it ended with {child.wait(PATIENCE)}"
    answer = json.loads(line)
    assert isinstance(answer, dict)
    return answer


def healthy(port: int) -> bool:
    """Whether ``/api/health`` says so."""
    answer = httpx.get(f"http://127.0.0.1:{port}/api/health", trust_env=False)
    return answer.status_code == 200 and answer.json()["status"] == "healthy"


def free_ports(count: int) -> int:
    """The first of ``count`` ports in a row that are free just now."""
    while True:
        with ExitStack() as taken, socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                for other in range(port + 1, port + count):
                    taken.enter_context(socket.socket()).bind(("127.0.0.1", other))
            except (OSError, OverflowError):
                continue
            return port


COMPILED_HERE = """
import importlib.util, os, sys
import fastapi, uvicorn, pydantic_core, ssl, sqlite3, ctypes, peft_studio.app, peft_studio.server
for module in list(sys.modules.values()):
    spec = getattr(module, "__spec__", None)
    if spec and spec.origin and spec.origin.endswith(".py") and spec.cached:
        head = open(spec.cached, "rb").read(4) if os.path.exists(spec.cached) else b""
        if head != importlib.util.MAGIC_NUMBER:
            print(spec.name)
"""
"""A script that names every module of the app that starts from no bytecode of its interpreter."""
