"""A project of a few files, for tests that assemble it for several platforms at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from foreign.project import ROOT
from wheels.wheel_making import make_wheel


@dataclass(frozen=True)
class Small:
    """A project of a few files whose interpreters come from the mirror of all platforms."""

    path: Path

    def write(self, files: Mapping[str, str]) -> None:
        """Put files into the app."""
        for name, text in files.items():
            place = self.path / "backend" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)

    def wheel(self, name: str, tag: str, files: Mapping[str, bytes | str]) -> None:
        """Put a wheel where the project finds it, and require it."""
        made = make_wheel(name, "1.0", tag, files=files)
        (self.path / "found" / made.filename).write_bytes(made.data)
        file = self.path / "backend/requirements.txt"
        lines = dict.fromkeys([*file.read_text().splitlines(), f"{name}==1.0"])
        file.write_text("\n".join(lines) + "\n")

    def configure(self, text: str) -> None:
        """Add to the configuration."""
        file = self.path / "pyproject.toml"
        file.write_text(file.read_text() + text)

    def run(self, *words: str) -> tuple[int, dict]:
        """The command line's exit code and what it says in JSON."""
        cache = os.environ.get("RUNTIME_PACKAGER_CACHE", str(ROOT / "cache"))
        done = subprocess.run(
            [sys.executable, "-m", "runtime_packager", *words, "--json"],
            capture_output=True,
            text=True,
            cwd=self.path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "RUNTIME_PACKAGER_CACHE": cache},
        )
        return done.returncode, json.loads(done.stdout)

    def assemble(self, *platforms: str, words: tuple[str, ...] = ()) -> tuple[int, dict]:
        """Assemble for these."""
        chosen = [word for name in platforms for word in ("--platform", name)]
        return self.run("assemble", *chosen, *words)

    def refused(self, *platforms: str, words: tuple[str, ...] = ()) -> dict:
        """The error, after making sure that nothing was written."""
        code, answer = self.assemble(*platforms, words=words)
        assert code != 0, answer
        output = self.path / "backend/dist"
        assert not output.exists() or not list(output.glob("[!.]*"))
        error = answer["error"]
        assert isinstance(error, dict)
        return error
