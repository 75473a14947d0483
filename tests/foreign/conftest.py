"""PEFT Studio assembled for other systems, and what runs their programs here."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.mirror import Mirror
from foreign import debian, project, qemu, seven, windows, wine
from foreign.project import Project
from foreign.qemu import Qemu
from foreign.small import Small
from foreign.wine import Wine
from packaging.version import Version

from runtime_packager.platforms import TARGETS, host_target

AWKWARD = "mit Leerzeichen und ü"
"""What users call the directory they install into."""


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A directory for the session, outside pytest's own and short of name."""
    path = Path(tempfile.mkdtemp(prefix="runtime-packager-foreign-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def pbs_mirror() -> Iterator[Mirror]:
    """A mirror of python-build-standalone on this machine."""
    with Mirror() as server:
        yield server


@pytest.fixture(scope="session")
def windows_project(scratch: Path, pbs_mirror: Mirror) -> Project:
    """The project, locked and assembled for win-x64."""
    if reason := wine.missing():
        pytest.skip(reason)
    archives = [windows.archive()]
    made = project.make(scratch / "windows", pbs_mirror, archives, str(windows.PYTHON))
    return made.assembled("win-x64")


@pytest.fixture(scope="session")
def windows_tree(scratch: Path, windows_project: Project) -> Path:
    """Its runtime, installed where a user might."""
    tree = scratch / "shared" / AWKWARD
    shutil.copytree(windows_project.output / "win-x64", tree, symlinks=True)
    return tree


@pytest.fixture(scope="session")
def windows_system(scratch: Path, windows_tree: Path) -> Iterator[Wine]:
    """A wine that sees the installed runtime."""
    work = scratch / "wine"
    work.mkdir()
    with wine.session(windows_tree.parent, work) as running:
        yield running


@pytest.fixture(scope="session")
def arm64_project(scratch: Path, pbs_mirror: Mirror) -> Project:
    """The project, locked and assembled for linux-arm64."""
    if reason := qemu.missing():
        pytest.skip(reason)
    archives = [debian.archive("linux-arm64"), debian.archive("linux-x64")]
    floor = f'[tool.runtime-packager.floors]\nglibc = "{debian.FLOOR}"'
    made = project.make(scratch / "arm64", pbs_mirror, archives, str(debian.PYTHON), settings=floor)
    return made.assembled("linux-arm64")


@pytest.fixture(scope="session")
def arm64_tree(scratch: Path, arm64_project: Project) -> Path:
    """Its runtime, installed where a user might."""
    tree = scratch / "arm64-installed" / AWKWARD
    shutil.copytree(arm64_project.output / "linux-arm64", tree, symlinks=True)
    return tree


@pytest.fixture(scope="session")
def arm64_system() -> Iterator[Qemu]:
    """A qemu with nothing but a C library."""
    if reason := qemu.missing():
        pytest.skip(reason)
    with qemu.session(debian.sysroot("linux-arm64")) as running:
        yield running


@pytest.fixture(scope="session")
def every_project(scratch: Path, pbs_mirror: Mirror) -> Project:
    """The project at its own Python version, assembled for every target there is in one run."""
    if host_target().name != "linux-x64":
        pytest.skip("the stand-ins are made from linux-x64's interpreter")
    archives = seven.archives(Version(seven.PYTHON))
    made = project.make(scratch / "every", pbs_mirror, archives, seven.PYTHON)
    return made.assembled(*(target.name for target in TARGETS))


@pytest.fixture
def small(every_project: Project, scratch: Path, request: pytest.FixtureRequest) -> Small:
    """A small project with an interpreter for every target."""
    place = scratch / re.sub(r"\W", "-", request.node.name)[:40]
    (place / "found").mkdir(parents=True)
    (place / "backend").mkdir()
    (place / "manifests").mkdir()
    shutil.copy(every_project.path / "manifests/interpreters.json", place / "manifests")
    shutil.copy(every_project.path / "pyproject.toml", place)
    shutil.copytree(every_project.path / "backend/branding", place / "backend/branding")
    made = Small(place)
    found = (place / "found").as_posix()
    made.write({"main.py": "", "requirements.txt": f"--no-index\n--find-links {found}\n"})
    return made
