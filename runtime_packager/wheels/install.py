"""From a lock to layers: what is stored is used, what is missing is fetched, built and unpacked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from packaging.utils import parse_wheel_filename
from packaging.version import Version

from runtime_packager.errors import BuildError, PackagerError
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Progress, Silent
from runtime_packager.platforms import Target
from runtime_packager.wheels import store
from runtime_packager.wheels.job import Job
from runtime_packager.wheels.lock import Lock, LockedPackage
from runtime_packager.wheels.store import InstalledWheel, StoredWheel


def install(
    lock: Lock,
    target: Target,
    python: Version,
    cache: Cache,
    progress: Progress | None = None,
    wheelhouse: Path | None = None,
    requirements: Sequence[Path] = (),
    offline: bool = False,
) -> list[InstalledWheel]:
    """The lock's packages as layers of a tree, in the lock's order.

    Asks nobody and imports little when the store has them all.

    :param wheelhouse: a directory that may hold the locked files, by name.
    :param requirements: requirement files whose ``--index-url``, ``--find-links`` and the like
        count when files are looked up; what they require does not matter here.
    :param offline: fail rather than use the network.
    :raises BuildError: for a package that does not fit the target or can be had nowhere.
    :raises NetworkError: when files cannot be downloaded.
    :raises IntegrityError: when a file is not the locked one, or a wheel is not sound.
    """
    refuse_unfit(lock.packages, target, python)
    stored = {p.sha256: store.load(p, cache) for p in lock.packages}
    missing = [package for package in lock.packages if stored[package.sha256] is None]
    if missing:
        job = Job(target, python, cache, progress or Silent(), wheelhouse, requirements, offline)
        _obtain(missing, job)
        stored |= {p.sha256: store.load(p, cache) for p in missing}
    fresh = {package.sha256 for package in missing}
    return [
        _installed(package, stored[package.sha256], package.sha256 in fresh, target, python)
        for package in lock.packages
    ]


def _installed(
    package: LockedPackage, found: StoredWheel | None, fresh: bool, target: Target, python: Version
) -> InstalledWheel:
    if found is None:
        raise BuildError(
            f"{package} was unpacked into the cache but is not intact there",
            "is something else changing the cache? Clean it and try again",
        )
    return store.install(package, found, target, python, cached=not fresh)


def refuse_unfit(packages: Iterable[LockedPackage], target: Target, python: Version) -> None:
    """:raises BuildError: when wheels do not fit the target; names them all."""
    fitting = frozenset(target.tags(python))
    unfit = [
        package.filename
        for package in packages
        if package.kind == "wheel" and parse_wheel_filename(package.filename)[3].isdisjoint(fitting)
    ]
    if unfit:
        raise BuildError(
            f"locked wheels do not fit {target.name}, Python {python}", "lock again", details=unfit
        )


def _obtain(missing: Sequence[LockedPackage], job: Job) -> None:
    from runtime_packager.wheels.build import build
    from runtime_packager.wheels.fetch import fetch

    fetch(missing, job)
    wheels = [
        build(package, job) if package.kind == "sdist" else job.cache.blob(package.sha256)
        for package in missing
    ]
    _unpack_all([*zip(missing, wheels, strict=True)], job)


def _unpack_all(wheels: Sequence[tuple[LockedPackage, Path]], job: Job) -> None:
    """Unpack side by side, largest first; inflating and hashing leave the interpreter's lock."""
    from concurrent.futures import ThreadPoolExecutor

    errors: list[PackagerError] = []

    def one(item: tuple[LockedPackage, Path]) -> None:
        package, wheel = item
        filename = wheel.name if package.kind == "sdist" else package.filename
        try:
            store.add(package, wheel, filename, job)
        except PackagerError as error:
            errors.append(error)
        task.advance(1)

    largest_first = sorted(wheels, key=lambda item: item[1].stat().st_size, reverse=True)
    with (
        job.progress.task("unpacking wheels", total=len(wheels), unit="files") as task,
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,
    ):
        for _ in pool.map(one, largest_first):
            pass
    _raise_together(errors)


def _raise_together(errors: Sequence[PackagerError]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        first = errors[0]
        details = [line for error in errors for line in str(error).splitlines()]
        raise type(first)(f"{len(errors)} wheels cannot be unpacked", first.hint, details=details)


def console_script(wheels: Iterable[InstalledWheel], name: str) -> str | None:
    """What the console script ``name`` calls, as ``module:function``; ``None`` if nobody has it."""
    for wheel in wheels:
        for script, value in wheel.console_scripts:
            if script == name:
                return value
    return None
