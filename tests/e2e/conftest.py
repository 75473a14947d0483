"""One real assembly of PEFT Studio for all end-to-end tests, through the project's own config."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runtime_packager.platforms import host_target

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Cli:
    """The command line in a child process, on a copy of the project's configuration."""

    project: Path
    output: Path

    def __call__(self, *words: object, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, env=self.environment(**env)
        )

    def command(self, *words: object) -> list[str]:
        return [sys.executable, "-m", "runtime_packager", *map(str, words)]

    def environment(self, **env: str) -> dict[str, str]:
        cache = os.environ.get("RUNTIME_PACKAGER_CACHE", str(ROOT / "cache"))
        return {**os.environ, "RUNTIME_PACKAGER_CACHE": cache, "NO_COLOR": "1", **env}

    def assemble(self, *words: object, **env: str) -> dict:
        options = ("--project", self.project, "--output", self.output)
        done = self("assemble", *options, "--json", *words, **env)
        assert done.returncode == 0, done.stdout + done.stderr
        (runtime,) = json.loads(done.stdout)["runtimes"]
        return runtime

    def verify(self, directory: Path, *words: object) -> subprocess.CompletedProcess[str]:
        return self("verify", directory, "--project", self.project, *words)


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A directory every user may walk into, as an installed program's is."""
    path = Path(tempfile.mkdtemp(prefix="runtime-packager-e2e-"))
    path.chmod(0o755)
    yield path
    for directory, _, _ in os.walk(path):
        os.chmod(directory, 0o755)
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def studio(scratch: Path) -> Cli:
    """A copy of the project that tests may edit, with its first assembly done."""
    project = scratch / "project"
    ignored = shutil.ignore_patterns("dist", "__pycache__")
    shutil.copytree(ROOT / "backend", project / "backend", ignore=ignored)
    shutil.copytree(ROOT / "manifests", project / "manifests")
    shutil.copy(ROOT / "pyproject.toml", project)
    cli = Cli(project, scratch / "dist")
    cli.assemble("--locked")
    return cli


@pytest.fixture
def runtime(studio: Cli, tmp_path_factory: pytest.TempPathFactory, scratch: Path) -> Path:
    """A copy of the assembled runtime that the test may harm."""
    source = studio.output / host_target().name
    copy = Path(tempfile.mkdtemp(dir=scratch)) / "runtime"
    shutil.copytree(source, copy, symlinks=True)
    return copy
