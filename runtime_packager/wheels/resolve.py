"""From requirement files to a lock: pip decides, as the target."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from runtime_packager.errors import BuildError, InputError, PackagerError
from runtime_packager.io.progress import Progress, Silent
from runtime_packager.platforms import Target
from runtime_packager.wheels.asking import ask_all
from runtime_packager.wheels.explain import Asked, trouble
from runtime_packager.wheels.lock import Lock, LockedPackage
from runtime_packager.wheels.requirements import requirements_digest
from runtime_packager.wheels.trouble import Trouble, together

_LOCKABLE_HINT = (
    "name a released version, or build a wheel of it and put that into a --find-links directory"
)


def resolve_all(
    files: Sequence[Path],
    targets: Sequence[Target],
    python: Version,
    progress: Progress | None = None,
) -> dict[str, Lock]:
    """The closure of the requirement files on every target, as pip would choose it there, by name.

    Wheels, except for projects of which no wheel fits: those by their source archive. The
    user's pip configuration, indexes, proxies and constraints count.

    What cannot be had is said for all targets at once.

    :raises InputError: for requirements that contradict each other, are unknown or name no file.
    :raises BuildError: when a requirement exists but not for all these targets.
    :raises NetworkError: when an index cannot be read.
    :raises IntegrityError: when a file is not what a ``--hash`` says.
    """
    digest = requirements_digest(files)
    if not files or not targets:
        return {t.name: Lock(t.name, t.floor, python, digest, ()) for t in targets}
    options = [word for file in files for word in ("-r", str(file))]
    report = ["--dry-run", "--ignore-installed", "--report", os.devnull]
    names = ", ".join(target.name for target in targets)
    with (progress or Silent()).task(f"resolving for {names}"):
        answers = ask_all("resolve", targets, python, [*report, *options])
    troubles, locks = list[Trouble](), dict[str, Lock]()
    for target, answer in zip(targets, answers, strict=True):
        if answer.problem:
            troubles.append(trouble(answer.problem, Asked(target, python, answer.lines)))
            continue
        try:
            packages = _packages(answer.found["packages"])
        except PackagerError as error:
            troubles.append(Trouble.of(error, target))
        else:
            locks[target.name] = Lock(target.name, target.floor, python, digest, packages)
    if troubles:
        raise together(troubles, len(targets), python)
    return locks


def resolve(
    files: Sequence[Path], target: Target, python: Version, progress: Progress | None = None
) -> Lock:
    """:func:`resolve_all` for one target."""
    return resolve_all(files, [target], python, progress)[target.name]


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
    except ValueError:  # InvalidSpecifier, or a number of thousands of digits
        return None


def _kind_of(filename: str) -> str | None:
    try:
        if filename.endswith(".whl"):
            parse_wheel_filename(filename)
            return "wheel"
        parse_sdist_filename(filename)
    except ValueError:  # what packaging calls invalid, or a number of thousands of digits
        return None
    return "sdist"
