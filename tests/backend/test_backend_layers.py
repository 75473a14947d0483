"""Imports of the backend run downward only, as layers.ini says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from backend_harness import BACKEND


def test_imports_run_downward_only(tmp_path: Path) -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache", "--config", Path(__file__).with_name("layers.ini")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(BACKEND), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
