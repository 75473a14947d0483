"""Reading what a system says of itself: small files, and tools that may be slow or not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_PATIENCE = 5
"""Seconds a tool has to answer; nvidia-smi takes up to two when the driver sleeps."""

_NO_WINDOW = 0x0800_0000 if sys.platform == "win32" else 0
"""CREATE_NO_WINDOW of CreateProcess: a console would flash."""


def text_of(path: Path) -> str:
    """The file's text; empty when it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def said(*command: str) -> str:
    """What a tool prints; empty when it is not there, fails, or does not end in time."""
    try:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=True,
            env=os.environ | {"LC_ALL": "C"},
            creationflags=_NO_WINDOW,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
