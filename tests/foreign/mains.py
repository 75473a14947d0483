"""The desktop app's main process under wine, without its window: a window hangs there."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL

from foreign import backend, desktop
from foreign.wine import Wine, windows_path

ELECTRON = "electron.exe"
"""Electron as it comes: the packed one, its fuses set, runs no main script but the app's own."""

SCRIPT = desktop.ELECTRON / "test/e2e/foreign/without-window.js"

NO_DISPLAY = ("reg", "add", r"HKCU\Software\Wine\Drivers", "/v", "Graphics", "/d", "null", "/f")
"""Without a display wine refuses even the hidden windows that Electron's main process has."""


@dataclass(frozen=True)
class Mains:
    """Electron, a packed app's resources and a main script that opens no window."""

    system: Wine
    path: Path

    @contextmanager
    def started(self, then: str) -> Iterator[Callable[[], list[dict]]]:
        """The main process, started; gives what it has told so far.

        :param then: ``quit`` once all is well, or ``stay``.
        """
        data = self.path / then
        data.mkdir()
        script, resources = (windows_path(self.path / name) for name in ("main.js", "resources"))
        words = (self.path / "electron" / ELECTRON, script, resources, windows_path(data), then)
        first_port = str(backend.free_ports(11))
        command = self.system.command(*words, PEFT_STUDIO_FIRST_PORT=first_port)

        def events() -> list[dict]:
            told = data / "events.jsonl"
            lines = told.read_text().splitlines(keepends=True) if told.exists() else []
            return [json.loads(line) for line in lines if line.endswith("\n")]

        def ours(line: list[str]) -> bool:
            return str(self.path) in line[0].replace("\\", "/")

        # No pipes: Node opens its standard output to verify, and under wine cannot open Unix's.
        nothing = {"stdin": DEVNULL, "stdout": DEVNULL, "stderr": DEVNULL}
        with self.system.namespace.started(command, ours, **nothing):
            yield events

    def pid(self) -> int:
        """The main process's id, as this machine counts; not those of Electron's helpers."""
        processes = self.system.namespace.processes()
        (main,) = (
            pid
            for pid in self.system.running(ELECTRON)
            if not any(word.startswith("--type=") for word in processes[pid])
        )
        return main


def make(system: Wine, resources: Path, place: Path) -> Mains:
    """Put together in ``place``, which ``system`` sees."""
    electron = Path(desktop.electron())
    shutil.copytree(electron, place / "electron", copy_function=desktop.linked)
    shutil.copytree(resources, place / "resources", copy_function=desktop.linked)
    shutil.copy(SCRIPT, place / "main.js")
    assert system.run(*NO_DISPLAY).returncode == 0
    return Mains(system, place)


def until(condition: Callable[[], object], found: Callable[[], object]) -> None:
    """Wait for it; ``found`` tells what there was instead."""
    deadline = time.monotonic() + backend.PATIENCE
    while not condition():
        assert time.monotonic() < deadline, found()
        time.sleep(0.1)
