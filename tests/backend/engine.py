"""The backend with its ML libraries, as a service that tests drive over HTTP.

The libraries are 6 GB, so the tests' own interpreter lacks them: the service runs either on the
interpreter that ``PEFT_STUDIO_TEST_PYTHON`` names or as the assembled full runtime.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from backend_harness import BACKEND, environment
from websockets.sync.client import ClientConnection, connect

VARIABLE = "PEFT_STUDIO_TEST_PYTHON"
ACTIVE = frozenset({"queued", "starting", "running", "pausing"})
"""The statuses a run does not stay in."""
_MARK = "PEFT_STUDIO_TEST_FAMILY"
_PATIENCE = 120
"""Seconds after which something counts as hung; none comes near."""


@dataclass(frozen=True)
class Program:
    """How the service is started, and the interpreter it runs on."""

    command: tuple[str, ...]
    python: str

    @classmethod
    def development(cls, python: str) -> Program:
        """The sources, on an interpreter that has the libraries."""
        return cls((python, "-B", str(BACKEND / "main.py")), python)

    @classmethod
    def assembled(cls, tree: Path) -> Program:
        """A full runtime."""
        return cls((str(tree / "peft_engine"),), str(tree / "python/bin/python3"))


@dataclass
class Engine:
    """A service, its directories and a client that may ask it.

    :param root: a directory of the test's own; data in ``data``, and ``outside`` is where the
        service would write whatever it must not.
    """

    program: Program
    root: Path
    arguments: tuple[str, ...] = ()
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    family: str = field(default_factory=lambda: secrets.token_hex(8))
    process: subprocess.Popen[str] | None = None
    client: httpx.Client = field(default_factory=httpx.Client)
    ready: dict[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def outside(self) -> Path:
        return self.root / "outside"

    def start(self, **env: str) -> None:
        """Start the service (again) on the same data directory and wait until it is ready."""
        command = [*self.program.command, "--port", "0", "--data-dir", str(self.data)]
        with (self.root / "log").open("a") as log:
            self.process = subprocess.Popen(
                [*command, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self.environment() | env,
            )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.log()
        self.ready = json.loads(line)
        self.client.close()
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.ready['port']}/api",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=_PATIENCE,
            trust_env=False,
        )

    def environment(self) -> dict[str, str]:
        """What the service is started with: everything points to ``outside``."""
        return self._away(self.outside)

    def _away(self, folder: Path) -> dict[str, str]:
        folder.mkdir(exist_ok=True)
        away = {"HOME": folder, "TMPDIR": folder}
        away |= {name: folder / name.lower() for name in _CACHES}
        return environment(
            **{name: str(path) for name, path in away.items()},
            PEFT_STUDIO_TOKEN=self.token,
            **{_MARK: self.family},
        )

    def log(self) -> str:
        """What was written to standard error so far."""
        return (self.root / "log").read_text()

    def stop(self) -> None:
        """End the service as the desktop app does; what it started must end with it."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the service as a power cut would, and wait for its children to notice."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        if self.process is None:
            return
        with self.process as process:
            process.send_signal(number)
        self.process = None
        for pid in self.processes():
            _wait_for_end(pid)

    def processes(self) -> list[int]:
        """Every process that was started by the service or by one of its children."""
        return [pid for pid in _pids() if self._is_ours(pid)]

    def children(self) -> list[int]:
        """The children that work, and theirs; neither the service nor what watches over it."""
        return [
            pid
            for pid in self.processes()
            if pid != self.ready["pid"] and not any(name in _command(pid) for name in _WATCHERS)
        ]

    def wait_for_children(self) -> None:
        """Wait until no child works any more."""
        for pid in self.children():
            _wait_for_end(pid)

    def _is_ours(self, pid: int) -> bool:
        try:
            text = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False
        return f"{_MARK}={self.family}".encode() in text.split(b"\0")

    def written_outside(self) -> list[str]:
        """Files that are where the service has no business."""
        return sorted(str(path.relative_to(self.outside)) for path in self.outside.rglob("*"))

    def script(self, code: str, *args: str | Path) -> str:
        """Run ``code`` on the service's interpreter, which has the libraries.

        :returns: what it printed.
        """
        done = subprocess.run(
            [self.program.python, "-B", "-c", code, *map(str, args)],
            capture_output=True,
            text=True,
            env=self._away(self.root / "script") | {"PYTHONPATH": str(BACKEND)},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def events(self, run: str, **headers: str) -> ClientConnection:
        """The websocket of a run."""
        return connect(
            f"ws://127.0.0.1:{self.ready['port']}/api/runs/{run}/events",
            additional_headers={"Authorization": f"Bearer {self.token}"} | headers,
            open_timeout=_PATIENCE,
            proxy=None,
        )

    def until(self, run: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Follow a run until an event is ``wanted``, or the run is over.

        :returns: that event, or the last one.
        """
        event: dict[str, Any] = {}
        with self.events(run) as socket:
            for text in socket:
                event = json.loads(text)
                if wanted(event):
                    break
        return event

    def settled(self, run: str) -> dict[str, Any]:
        """The run, once it stays as it is."""
        self.until(run, lambda event: event["run"]["status"] not in ACTIVE)
        answer: dict[str, Any] = self.client.get(f"/runs/{run}").json()
        return answer


_CACHES = (
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_DATASETS_CACHE",
    "TORCH_HOME",
    "TRITON_CACHE_DIR",
    "TORCHINDUCTOR_CACHE_DIR",
    "CUDA_CACHE_PATH",
    "MPLCONFIGDIR",
)


def find_program() -> Program | str:
    """The program under test, or what to do to have one."""
    if python := os.environ.get(VARIABLE):
        return Program.development(python)
    from runtime_packager.platforms import host_target

    tree = BACKEND / "dist" / "full" / host_target().name
    if not tree.is_dir():
        return (
            f"run runtime-packager assemble --profile full, or set {VARIABLE} to a Python with it"
        )
    # The sources may have changed since; where nothing has, this does nothing.
    packager = [sys.executable, "-m", "runtime_packager", "assemble", "--profile", "full"]
    done = subprocess.run(packager, cwd=BACKEND.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Program.assembled(tree)


@contextlib.contextmanager
def running(program: Program, root: Path, *args: str, **env: str) -> Iterator[Engine]:
    """A started service, which must leave nothing behind."""
    engine = Engine(program, root, args)
    try:
        engine.start(**env)
        yield engine
        engine.stop()
        stray = engine.written_outside()
        assert not stray, f"written outside the data directory: {stray}"
    finally:
        engine.client.close()
        for pid in engine.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if engine.process is not None:
            with engine.process as process:
                process.kill()


def _wait_for_end(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([descriptor], [], [], _LAST_BREATH)
    finally:
        os.close(descriptor)
    if not ended:
        name = _command(pid).replace(b"\0", b" ").decode()
        raise AssertionError(f"still there, and should have ended: {pid} {name}")


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


_WATCHERS = (b"resource_tracker", b"guard of process")
"""Names of Python's and of the launcher's own processes."""
_LAST_BREATH = 30
"""Seconds after which a child counts as staying; a busy machine is slow to end a large one."""


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
