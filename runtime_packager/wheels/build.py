"""Wheels from source archives: only such as run anywhere, since we cannot compile for others."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import parse_wheel_filename

from runtime_packager.errors import BuildError, NetworkError
from runtime_packager.io.files import FILE_TIME
from runtime_packager.io.process import Completed, run, tail
from runtime_packager.wheels.asking import QUIET
from runtime_packager.wheels.job import Job
from runtime_packager.wheels.lock import Lock, LockedPackage

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
                _build(package, job, cache.blob(package.sha256), staging)
    (wheel,) = folder.glob("*.whl")
    if parse_wheel_filename(wheel.name)[3].isdisjoint(job.target.tags(job.python)):
        raise BuildError(
            f"{package} builds {wheel.name}, which does not fit {job.name}",
            _hint([job.target.name]),
        )
    return wheel


def _build(package: LockedPackage, job: Job, sdist: Path, output: Path) -> None:
    hint = _hint([job.target.name])
    with tempfile.TemporaryDirectory(prefix="runtime-packager-") as place:
        archive = Path(place) / package.filename
        shutil.copyfile(sdist, archive)
        done = _pip_wheel(archive, output)
    if done.returncode != 0:
        raise BuildError(
            f"{package} has only a source archive, and that cannot be built here",
            hint,
            details=tail(done),
        )
    wheels = [path.name for path in output.iterdir()]
    if len(wheels) != 1 or not _is_portable(wheels[0]):
        raise BuildError(
            f"{package} has only a source archive that compiles (it made {', '.join(wheels)})",
            hint,
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


def _hint(platforms: Sequence[str]) -> str:
    names = ", ".join(platforms)
    return (
        f"pin a version that has wheels for {names}, leave it out there with a marker (as in "
        'uvloop; sys_platform != "win32"), or build a wheel on such a system and put it into a '
        "--find-links directory"
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """A source archive, and the work for all platforms whose locks have it."""

    package: LockedPackage
    jobs: tuple[Job, ...]

    @property
    def platforms(self) -> list[str]:
        return [job.target.name for job in self.jobs]


def build_all(locks: Iterable[tuple[Lock, Job]]) -> None:
    """Have the wheel of every source archive in any of the locks, each built once for all.

    That is how a lock that cannot be installed is noticed before it is written. Without source
    archives it does nothing.

    :raises BuildError: when some compile or cannot be built; names them all.
    :raises NetworkError: when one cannot be fetched.
    """
    from runtime_packager.wheels.fetch import fetch

    failed: list[tuple[_Source, BuildError]] = []
    for source in _sources(locks):
        fetch([source.package], source.jobs[0])
        try:
            build(source.package, source.jobs[0])
        except BuildError as error:
            failed.append((source, error))
    if failed:
        raise _unbuilt(failed)


def _sources(locks: Iterable[tuple[Lock, Job]]) -> list[_Source]:
    found: dict[str, _Source] = {}
    for lock, job in locks:
        for package in lock.packages:
            if package.kind == "sdist":
                known = found.get(package.sha256, _Source(package, ()))
                found[package.sha256] = _Source(package, (*known.jobs, job))
    return list(found.values())


def _unbuilt(failed: Sequence[tuple[_Source, BuildError]]) -> BuildError:
    hint = _hint(list(dict.fromkeys(name for source, _ in failed for name in source.platforms)))
    if len(failed) == 1:
        ((source, error),) = failed
        lines = [f"it is needed for {', '.join(source.platforms)}", *error.details]
        return BuildError(error.message, hint, details=lines)
    details = []
    for source, error in failed:
        details += [f"{', '.join(source.platforms)}: {error.message}"]
        details += [f"  {line}" for line in error.details]
    return BuildError(f"{len(failed)} source archives make no wheels", hint, details=details)
