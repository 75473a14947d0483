"""Running the backend as a process, and what the fixtures hand out."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

BACKEND = Path(__file__).parents[2] / "backend"
PATIENCE = 30
"""Seconds after which a process counts as hung; none comes near."""


@dataclass
class Running:
    """A backend process. ``ready`` is what it said on stdout."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]
    stderr: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ready['port']}"

    def log(self) -> str:
        return self.stderr.read_text()


def environment(**changes: str) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PEFT_STUDIO_", "PYTHON"))}
    return clean | {"PYTHONDONTWRITEBYTECODE": "1"} | changes


Launch = Callable[..., Running]
"""Starts ``backend/main.py``, or ``command=``, with arguments and ``env=``."""

Ask = Callable[..., httpx.Response]
"""Sends a request to the app in-process: path, method, ``app=`` and what httpx takes."""


def await_end(pid: int) -> None:
    """Wait until the process is gone; it may be already."""
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            assert select.select([descriptor], [], [], PATIENCE)[0]
        finally:
            os.close(descriptor)
