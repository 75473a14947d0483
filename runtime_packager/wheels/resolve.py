"""From requirement files to a lock: pip decides, as the target."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from runtime_packager.errors import BuildError, InputError
from runtime_packager.io.progress import Progress, Silent
from runtime_packager.platforms import Target
from runtime_packager.wheels.asking import ask
from runtime_packager.wheels.explain import Asked, failure
from runtime_packager.wheels.lock import Lock, LockedPackage
from runtime_packager.wheels.requirements import requirements_digest

_LOCKABLE_HINT = (
    "name a released version, or build a wheel of it and put that into a --find-links directory"
)


def resolve(
    files: Sequence[Path], target: Target, python: Version, progress: Progress | None = None
) -> Lock:
    """The closure of the requirement files on ``target``, as pip would choose it there.

    Wheels, except for projects of which no wheel fits: those by their source archive. The
    user's pip configuration, indexes, proxies and constraints count.

    :raises InputError: for requirements that contradict each other, are unknown or name no file.
    :raises BuildError: when a requirement exists but not for this target.
    :raises NetworkError: when an index cannot be read.
    :raises IntegrityError: when a file is not what a ``--hash`` says.
    """
    digest = requirements_digest(files)
    if not files:
        return Lock(target.name, python, digest, ())
    options = [word for file in files for word in ("-r", str(file))]
    report = ["--dry-run", "--ignore-installed", "--report", os.devnull]
    progress = progress or Silent()
    with progress.task(f"resolving for {target.name}"):
        answer, lines = ask("resolve", target, python, [*report, *options])
    if problem := answer.get("problem"):
        raise failure(problem, Asked(target, python, lines))
    packages = _packages(answer["packages"])
    if sources := [str(package) for package in packages if package.kind == "sdist"]:
        progress.warn(
            f"no wheel fits {target.name} for {', '.join(sources)}: built from source, which works "
            "only for what needs no compiler"
        )
    return Lock(target.name, python, digest, packages)


def _packages(found: Iterable[Mapping[str, Any]]) -> tuple[LockedPackage, ...]:
    found = list(found)
    _refuse_unlockable(found)
    packages = [_package(item) for item in found]
    return tuple(sorted(packages, key=lambda package: package.name))


def _refuse_unlockable(found: Iterable[Mapping[str, Any]]) -> None:
    loose = [item for item in found if not item["archive"] or _kind_of(item["filename"]) is None]
    if loose:
        raise InputError(
            "some requirements name no released file, so they cannot be locked",
            _LOCKABLE_HINT,
            details=[f"{item['name']} {item['version']} from {item['url']}" for item in loose],
        )
    unhashed = [item for item in found if not item["sha256"]]
    if unhashed:
        raise BuildError(
            "an index gives no sha256 for some files, so they cannot be locked",
            "use an index that gives sha256 digests",
            details=[f"{item['filename']} from {item['url']}" for item in unhashed],
        )


def _package(item: Mapping[str, Any]) -> LockedPackage:
    return LockedPackage(
        name=canonicalize_name(item["name"]),
        version=str(Version(item["version"])),
        filename=item["filename"],
        sha256=item["sha256"],
        size=item["size"],
        url=item["url"],
        kind="wheel" if _kind_of(item["filename"]) == "wheel" else "sdist",
        requires_python=_specifier(item["requires_python"]),
    )


def _specifier(text: str | None) -> str | None:
    """In one spelling; what is no specifier (old metadata) limits nothing, as for pip."""
    try:
        return str(SpecifierSet(text)) or None if text else None
    except InvalidSpecifier:
        return None


def _kind_of(filename: str) -> str | None:
    try:
        if filename.endswith(".whl"):
            parse_wheel_filename(filename)
            return "wheel"
        parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return "sdist"
