"""PEFT Studio's project, copied and set up for one foreign target, and its command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fakes.mirror import Mirror
from foreign import pbs

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Project:
    """A project whose interpreters come from a mirror on this machine."""

    path: Path

    @property
    def output(self) -> Path:
        """Where its runtimes appear."""
        return self.path / "backend/dist"

    def run(self, *words: object) -> dict:
        """The command line, which must succeed; what it says in JSON."""
        code, answer = self.called(*words)
        assert code == 0, answer
        return answer

    def called(self, *words: object) -> tuple[int, dict]:
        """The command line: its exit code and what it says in JSON."""
        cache = os.environ.get("RUNTIME_PACKAGER_CACHE", str(ROOT / "cache"))
        done = subprocess.run(
            [sys.executable, "-m", "runtime_packager", *map(str, words), "--json"],
            capture_output=True,
            text=True,
            cwd=self.path,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "RUNTIME_PACKAGER_CACHE": cache,
                "no_proxy": "127.0.0.1",
            },
        )
        assert done.stdout, done.stderr
        answer = json.loads(done.stdout)
        assert isinstance(answer, dict)
        return done.returncode, answer

    def assembled(self, *platforms: str) -> Project:
        """Itself, locked and assembled for these."""
        chosen = [word for name in platforms for word in ("--platform", name)]
        self.run("lock", *chosen)
        self.run("assemble", *chosen)
        return self

    def verify(self, tree: Path) -> None:
        """The whole tree, every byte; fails when anything is not as it was sealed."""
        self.run("verify", tree)


def make(
    path: Path, mirror: Mirror, archives: list[pbs.Archive], python: str, *, settings: str = ""
) -> Project:
    """Copy the project to ``path``: this Python version, these archives, locks not yet made.

    The project's own sources stay behind the mirror: the host's interpreter, which compiles the
    bytecode, may come from them.

    :param settings: more of the configuration, as TOML tables.
    """
    ignored = shutil.ignore_patterns("dist", "__pycache__")
    shutil.copytree(ROOT / "backend", path / "backend", ignore=ignored)
    text = (ROOT / "pyproject.toml").read_text()
    text = re.sub(r'^python = "[^"]*"', f'python = "{python}"', text, count=1, flags=re.MULTILINE)
    text = re.sub(r"^platforms = .*\n", "", text, count=1, flags=re.MULTILINE)
    github = '[[tool.runtime-packager.sources]]\nkind = "github"\n'
    assert text.count(github) == 1
    names = ", ".join(f'"{archive.target.name}"' for archive in archives)
    mirrored = f'kind = "mirror"\nurl = "{mirror.base}"\nplatforms = [{names}]\n'
    text = text.replace(github, github.replace('kind = "github"\n', mirrored))
    (path / "pyproject.toml").write_text(f"{text}\n{settings}\n")
    pbs.write_pins(path, pbs.serve(mirror, archives))
    return Project(path)
