"""The backend as its users meet it: an app that is asked in-process, and a process that is run."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from backend_harness import BACKEND, Ask, Launch, Running, environment
from engine import Engine, Program, find_program, running

sys.path.insert(0, str(BACKEND))

from peft_studio.app import create_app
from peft_studio.settings import Settings


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Starts ``backend/main.py`` (or ``command``) on a port of its own choice, until ready."""
    started: list[subprocess.Popen[str]] = []

    def start(
        *args: str, env: Mapping[str, str] | None = None, command: list[str] | None = None
    ) -> Running:
        stderr = tmp_path / f"stderr-{len(started)}"
        if "--data-dir" not in args:
            args = ("--data-dir", str(tmp_path / f"data-{len(started)}"), *args)
        with stderr.open("w") as sink:
            process = subprocess.Popen(
                [sys.executable, *(command or [str(BACKEND / "main.py")]), "--port", "0", *args],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                text=True,
                env=environment(**(env or {})),
            )
        started.append(process)
        assert process.stdout
        line = process.stdout.readline()
        assert line, stderr.read_text()
        return Running(process, json.loads(line), stderr)

    yield start
    for process in started:
        with process:
            process.kill()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(host="127.0.0.1", port=8123, data_dir=tmp_path / "data")


@pytest.fixture
def ask(settings: Settings) -> Ask:
    """Sends one request to the app that ``settings`` (or ``app``) make, without a network."""

    def send(path: str, method: str = "GET", *, app: Any = None, **kwargs: Any) -> httpx.Response:
        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(app or create_app(settings))
            base = f"http://127.0.0.1:{settings.port}"
            async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                return await client.request(method, path, **kwargs)

        return asyncio.run(request())

    return send


@pytest.fixture(scope="session")
def program() -> Program:
    """The backend with its ML libraries; without one, tests that need it are skipped."""
    found = find_program()
    if isinstance(found, str):
        pytest.skip(found)
    return found


@pytest.fixture
def engine(program: Program, tmp_path: Path) -> Iterator[Engine]:
    """A running service with the ML libraries. It must leave no process and no file behind."""
    with running(program, tmp_path) as service:
        yield service
