"""Wheels from source archives: only such as run anywhere, since we cannot compile for others."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from packaging.utils import parse_wheel_filename

from runtime_packager.errors import BuildError, NetworkError
from runtime_packager.io.files import FILE_TIME
from runtime_packager.io.process import Completed, run, tail
from runtime_packager.platforms import Target
from runtime_packager.wheels.asking import QUIET
from runtime_packager.wheels.job import Job
from runtime_packager.wheels.lock import LockedPackage

FOLDER = "built"
FORMAT = "1"


def build(package: LockedPackage, job: Job) -> Path:
    """The wheel made of the locked source archive, which lies in the cache; made once.

    pip builds it on this machine, isolated, with the build requirements it asks for.

    :raises BuildError: when it cannot be built or its wheel is for one platform only.
    """
    key = f"{FORMAT}-{package.sha256}"
    folder, cache = job.cache.directory(FOLDER, key), job.cache
    with cache.locked(f"{FOLDER}-{key}", job.progress):
        if not folder.is_dir():
            if job.offline:
                raise NetworkError(
                    f"{package} has to be built, which --offline forbids: build tools are fetched",
                    "run once without --offline",
                )
            with job.progress.task(f"building {package}"), cache.building(FOLDER, key) as staging:
                _build(package, job.target, cache.blob(package.sha256), staging)
    (wheel,) = folder.glob("*.whl")
    if parse_wheel_filename(wheel.name)[3].isdisjoint(job.target.tags(job.python)):
        raise BuildError(
            f"{package} builds {wheel.name}, which does not fit {job.name}", _hint(job.target)
        )
    return wheel


def _build(package: LockedPackage, target: Target, sdist: Path, output: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="runtime-packager-") as place:
        archive = Path(place) / package.filename
        shutil.copyfile(sdist, archive)
        done = _pip_wheel(archive, output)
    if done.returncode != 0:
        raise BuildError(
            f"{package} has only a source archive, and that cannot be built here",
            _hint(target),
            details=tail(done),
        )
    wheels = [path.name for path in output.iterdir()]
    if len(wheels) != 1 or not _is_portable(wheels[0]):
        raise BuildError(
            f"{package} has only a source archive that compiles (it made {', '.join(wheels)})",
            _hint(target),
        )


def _pip_wheel(archive: Path, output: Path) -> Completed:
    command = [sys.executable, "-P", "-m", "pip", "wheel", "--no-deps", "--no-color", "--quiet"]
    return run(
        [*command, "--progress-bar=off", "--wheel-dir", output, archive],
        cwd=archive.parent,
        env={**QUIET, "SOURCE_DATE_EPOCH": str(FILE_TIME)},
        check=False,
    )


def _is_portable(wheel: str) -> bool:
    tags = parse_wheel_filename(wheel)[3]
    return all(tag.abi == "none" and tag.platform == "any" for tag in tags)


def _hint(target: Target) -> str:
    return (
        f"pin a version that has wheels for {target.name}, or build one on such a system and put "
        "it into a --find-links directory"
    )
