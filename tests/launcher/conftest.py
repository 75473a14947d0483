"""A launcher built for the host, and a small tree to start with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from launcher_tree import HERE, Tree, make_tree

from runtime_packager.launcher.build import COMMON_FLAGS, MACOS_SOURCES, SOURCES, build
from runtime_packager.platforms import host_target


def pytest_ignore_collect() -> bool | None:
    """These tests start the Unix launcher; Windows has its own way to be tested."""
    return True if sys.platform == "win32" else None


@pytest.fixture(scope="session")
def host_launcher() -> Path:
    return build([host_target().name])[0]


@pytest.fixture(scope="session")
def watcher_launcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The macOS files, on Linux, with stand-ins for the headers only macOS has."""
    output = tmp_path_factory.mktemp("darwin") / "launcher"
    sources = [*MACOS_SOURCES, f"-I{HERE / 'darwin'}", "-D__APPLE__"]
    compiler = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-musl"]
    subprocess.run([*compiler, *COMMON_FLAGS, *sources, "-o", output], cwd=SOURCES, check=True)
    return output


@pytest.fixture
def tree(tmp_path: Path, host_launcher: Path) -> Tree:
    return make_tree(tmp_path / "tree", host_launcher)


@pytest.fixture(params=["host_launcher", "watcher_launcher"])
def guarded_tree(tmp_path: Path, request: pytest.FixtureRequest) -> Tree:
    """The tree with each of the two guards Unix has: the kernel's wish and the watcher."""
    if request.param == "watcher_launcher" and sys.platform != "linux":
        pytest.skip("the stand-ins are for Linux")
    return make_tree(tmp_path / "tree", request.getfixturevalue(request.param))


@pytest.fixture(scope="session")
def bare() -> SimpleNamespace:
    """The launchers for Windows as they are built, in bytes."""
    x64, arm64 = build(["win-x64", "win-arm64"])
    return SimpleNamespace(x64=x64.read_bytes(), arm64=arm64.read_bytes())
