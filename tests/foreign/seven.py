"""python-build-standalone's archives of one CPython version for all seven single targets.

linux-x64 is the real interpreter, obtained as the project's configuration says. win-x64 is a real
CPython too, of another patch release, that says it is this one. The others are
:mod:`foreign.stubs`: right in structure, and nothing of them starts.
"""

from __future__ import annotations

import os
from pathlib import Path

from foreign import pbs, stubs
from foreign.store import made
from packaging.version import Version

from runtime_packager.config import load_config
from runtime_packager.interpreters import obtain, read_catalogue
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Silent
from runtime_packager.platforms import Target, find_target

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "3.12.14"
"""The version the project packs, for which its sources hold a real linux-x64."""

MODULES = ("seven.py", "stubs.py", "windows.py", "pbs.py")


def archives(python: Version) -> list[pbs.Archive]:
    """One for each target; made once, kept in the CI cache.

    :param python: one that the project's sources hold for linux-x64, such as its own.
    """
    return [_archive(target, python) for target in stubs.targets()]


def _archive(target: Target, python: Version) -> pbs.Archive:
    def make(folder: Path) -> None:
        stubs.make(target, python, _real(python), folder)

    folder = made(f"seven-{target.name}", MODULES, str(python), make)
    return pbs.found(folder, python, target)


def _real(python: Version) -> Path:
    config = load_config(ROOT / "pyproject.toml")
    folder = os.environ.get("RUNTIME_PACKAGER_CACHE") or ROOT / "cache"
    found = obtain(
        python,
        find_target("linux-x64"),
        config.sources,
        read_catalogue(config.pins),
        Cache(Path(folder)),
        Silent(),
    )
    return found.root / "python"
