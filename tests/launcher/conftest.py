"""A small tree around the host's own Python, and a launcher built for the host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runtime_packager.launcher import configuration
from runtime_packager.launcher.build import COMMON_FLAGS, SOURCES, build
from runtime_packager.platforms import host_target

HERE = Path(__file__).parent

APP = """
import json, os, sys
print(json.dumps({
    "arguments": sys.argv[1:], "original": sys.orig_argv, "pid": os.getpid(),
    "environment": dict(os.environ), "executable": sys.executable, "flags": sys.flags.isolated,
}))
"""


def pytest_ignore_collect() -> bool | None:
    """These tests start the Unix launcher; Windows has its own way to be tested."""
    return True if sys.platform == "win32" else None


@dataclass
class Tree:
    """An assembled tree in miniature."""

    root: Path
    name: str = "peft_engine"

    @property
    def launcher(self) -> Path:
        return self.root / self.name

    @property
    def cfg(self) -> Path:
        return self.root / f"{self.name}.cfg"

    def write_app(self, text: str) -> None:
        (self.root / "app.py").write_text(text, encoding="utf-8")

    def run(self, *arguments: str | bytes, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [str(self.launcher), *arguments]
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="surrogateescape", **options
        )

    def report(self, *arguments: str | bytes, **options: Any) -> dict[str, Any]:
        """What the app saw of itself."""
        done = self.run(*arguments, **options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def host_launcher() -> Path:
    return build([host_target().name])[0]


@pytest.fixture(scope="session")
def watcher_launcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The macOS branch of unix.c, on Linux, with stand-ins for the headers only macOS has."""
    output = tmp_path_factory.mktemp("darwin") / "launcher"
    sources = ["common.c", "unix.c", f"-I{HERE / 'darwin'}", "-D__APPLE__"]
    compiler = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-musl"]
    subprocess.run([*compiler, *COMMON_FLAGS, *sources, "-o", output], cwd=SOURCES, check=True)
    return output


def make_tree(root: Path, binary: Path) -> Tree:
    (root / "python" / "bin").mkdir(parents=True)
    (root / "python" / "bin" / "python3").symlink_to(os.path.realpath(sys.executable))
    tree = Tree(root)
    tree.launcher.write_bytes(binary.read_bytes())
    tree.launcher.chmod(0o755)
    tree.cfg.write_bytes(configuration("python/bin/python3", ["-I", "-B"], "app.py", {}))
    tree.write_app(APP)
    return tree


@pytest.fixture
def tree(tmp_path: Path, host_launcher: Path) -> Tree:
    return make_tree(tmp_path / "tree", host_launcher)


@pytest.fixture(params=["host_launcher", "watcher_launcher"])
def guarded_tree(tmp_path: Path, request: pytest.FixtureRequest) -> Tree:
    """The tree with each of the two guards Unix has: the kernel's wish and the watcher."""
    if request.param == "watcher_launcher" and sys.platform != "linux":
        pytest.skip("the stand-ins are for Linux")
    return make_tree(tmp_path / "tree", request.getfixturevalue(request.param))
