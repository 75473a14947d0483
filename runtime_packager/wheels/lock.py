"""Locks: which files make up the requirements on one platform, as PEP 751 ``pylock`` files.

One file per platform, ``pylock.<platform>.toml``, since every other tool that reads such files
may then take it as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit, urlunsplit

import tomli_w
from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock, PylockValidationError
from packaging.version import Version

from runtime_packager.errors import InputError, PackagerError
from runtime_packager.io import toml
from runtime_packager.platforms import Target, find_target
from runtime_packager.wheels.requirements import requirements_digest

TOOL = "runtime-packager"
WHEELHOUSE = "wheels"
"""The directory beside a lock in which files are looked for before any index is asked."""

_HEX64 = re.compile(r"[0-9a-f]{64}")
_FLOOR = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}")
_SYSTEMS = {"linux": "glibc", "mac": "macOS", "win": "Windows"}
_REGENERATE = "make it anew with: runtime-packager lock"


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """One package of a lock: a single file.

    :param name: canonical (PEP 503).
    :param sha256: lower-case hex digest of the file.
    :param size: bytes, where the index said so.
    :param url: where the file was; ``None`` when the lock leaves that to pip's configuration.
    """

    name: str
    version: str
    filename: str
    sha256: str
    size: int | None
    url: str | None
    kind: Literal["wheel", "sdist"]
    requires_python: str | None = None

    def __str__(self) -> str:
        """For messages."""
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Lock:
    """The files that make up the requirements on one platform.

    :param target: the platform's canonical name.
    :param floor: (major, minor) of the oldest system its wheels may need.
    :param python: the exact interpreter version that markers were evaluated for.
    :param requirements_digest: of the files it was made from.
    :param packages: sorted by name, one per name.
    """

    target: str
    floor: tuple[int, int]
    python: Version
    requirements_digest: str
    packages: tuple[LockedPackage, ...]


def lock_name(target: Target) -> str:
    """The file name of the target's lock."""
    return f"pylock.{target.name}.toml"


def up_to_date(lock: Lock, target: Target, python: Version, files: Sequence[Path]) -> str | None:
    """Why the lock does not stand for these inputs, or ``None`` when it does."""
    if lock.target != target.name:
        return f"it is for {lock.target}, not {target.name}"
    if lock.floor != target.floor:
        system = _SYSTEMS[target.os] if not target.musl else "musl"
        return f"it is for {system} {_dotted(lock.floor)} and newer, not {_dotted(target.floor)}"
    if lock.python != python:
        return f"it is for Python {lock.python}, not {python}"
    if lock.requirements_digest != requirements_digest(files):
        return "the requirements have changed since it was made"
    return None


def _dotted(floor: tuple[int, int]) -> str:
    return f"{floor[0]}.{floor[1]}"


def _floor(text: str) -> tuple[int, int]:
    major, minor = map(int, text.split("."))
    return major, minor


def render(lock: Lock, *, write_urls: bool = True) -> str:
    """The lock as the text of a ``pylock`` file; the same lock, the same text.

    :param write_urls: say where each file was found. Without, and always for local files, a
        path below :data:`WHEELHOUSE` is written, and files that do not lie there are looked up
        by name and digest in the indexes pip is configured for.
    """
    target, python = find_target(lock.target), lock.python
    document: dict[str, Any] = {
        "lock-version": "1.0",
        "environments": [_environment(target, python)],
        "requires-python": f"=={python.major}.{python.minor}.*",
        "created-by": TOOL,
        "packages": [
            _package_table(package, write_urls)
            for package in sorted(lock.packages, key=lambda package: package.name)
        ],
        "tool": {
            TOOL: {
                "platform": lock.target,
                "floor": _dotted(lock.floor),
                "python": str(python),
                "requirements-digest": lock.requirements_digest,
            }
        },
    }
    Pylock.from_dict(document)
    return tomli_w.dumps(document)


def _environment(target: Target, python: Version) -> str:
    markers = target.markers(python)
    names = ("implementation_name", "platform_machine", "python_full_version", "sys_platform")
    return " and ".join(f'{name} == "{markers[name]}"' for name in names)


def _package_table(package: LockedPackage, write_urls: bool) -> dict[str, Any]:
    table: dict[str, Any] = {"name": package.name, "version": package.version}
    if package.requires_python:
        table["requires-python"] = package.requires_python
    file = _file_table(package, write_urls)
    return table | ({"wheels": [file]} if package.kind == "wheel" else {"sdist": file})


def _file_table(package: LockedPackage, write_urls: bool) -> dict[str, Any]:
    url = _public(package.url) if write_urls and package.url else None
    place = {"url": url} if url else {"path": f"{WHEELHOUSE}/{package.filename}"}
    size = {} if package.size is None else {"size": package.size}
    named = unquote(urlsplit(url or "").path or package.filename).rpartition("/")[2]
    name = {} if named == package.filename else {"name": package.filename}
    return {**name, **place, **size, "hashes": {"sha256": package.sha256}}


def _public(url: str) -> str | None:
    """The URL without credentials; ``None`` for one that only means something on this machine."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return None
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def parse(text: str | bytes, source_name: str) -> Lock:
    """Read what :func:`render` wrote.

    :param source_name: the file's name, for messages.
    :raises InputError: when it is not a valid lock of ours; says all that is wrong with it.
    """
    try:
        document = toml.loads(text)
        return _read(Pylock.from_dict(document), document)
    except (PylockValidationError, ValueError) as error:
        raise InputError(f"{source_name} is not a valid lock: {error}", _REGENERATE) from error
    except _Wrong as wrong:
        raise InputError(
            f"{source_name} is not a lock we can use", _REGENERATE, details=wrong.problems
        ) from None


class _Wrong(Exception):  # noqa: N818 - becomes an InputError that names the file
    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(*problems)
        self.problems = problems


def _read(pylock: Pylock, document: Mapping[str, Any]) -> Lock:
    ours = document.get("tool", {}).get(TOOL)
    if not isinstance(ours, dict):
        raise _Wrong([f"it has no [tool.{TOOL}]: another tool made it"])
    problems = _wrong_keys(ours) + _wrong_packages(pylock.packages)
    if problems:
        raise _Wrong(problems)
    packages = [_locked(package) for package in pylock.packages]
    return Lock(
        target=ours["platform"],
        floor=_floor(ours["floor"]),
        python=Version(ours["python"]),
        requirements_digest=ours["requirements-digest"],
        packages=tuple(sorted(packages, key=lambda package: package.name)),
    )


def _wrong_keys(ours: Mapping[str, Any]) -> list[str]:
    expected = {"platform", "floor", "python", "requirements-digest"}
    problems = [f"tool.{TOOL}.{key} is missing" for key in sorted(expected - ours.keys())]
    problems += [f"tool.{TOOL}.{key} is not known" for key in sorted(ours.keys() - expected)]
    problems += [
        f"tool.{TOOL}.{key} is not a string" for key, v in ours.items() if not isinstance(v, str)
    ]
    if problems:
        return problems
    try:
        if find_target(ours["platform"]).name != ours["platform"]:
            problems.append(f"tool.{TOOL}.platform {ours['platform']!r} is not a canonical name")
    except PackagerError as error:
        problems.append(error.message)
    if not _FLOOR.fullmatch(ours["floor"]):
        problems.append(f"tool.{TOOL}.floor {ours['floor']!r} is not like 2.28")
    if not _HEX64.fullmatch(ours["requirements-digest"]):
        problems.append(f"tool.{TOOL}.requirements-digest is not a sha256")
    return problems


def _wrong_packages(packages: Sequence[Package]) -> list[str]:
    names = [package.name for package in packages]
    problems = [
        f"{name} is there twice" for name in sorted({n for n in names if names.count(n) > 1})
    ]
    return problems + [problem for package in packages for problem in _wrong_package(package)]


def _wrong_package(package: Package) -> list[str]:
    files = _files(package)
    if package.version is None or package.marker is not None or len(files) != 1:
        return [f"{package.name} is not exactly one wheel or source archive with a version"]
    return [f"{package.name}: {problem}" for problem in _wrong_file(files[0])]


def _wrong_file(file: PackageWheel | PackageSdist) -> list[str]:
    problems = []
    if not _HEX64.fullmatch(file.hashes.get("sha256", "")):
        problems.append("it has no lower-case hex sha256")
    if file.url is not None and _public(file.url) != file.url:
        problems.append("its url is not plain http or https")
    if file.path is not None and file.path != f"{WHEELHOUSE}/{file.filename}":
        problems.append(f"its path is not {WHEELHOUSE}/{file.filename}")
    if "/" in file.filename or "\\" in file.filename:
        problems.append(f"its file name {file.filename!r} is a path")
    if file.size is not None and file.size < 0:
        problems.append("its size is negative")
    return problems


def _files(package: Package) -> list[PackageWheel | PackageSdist]:
    return [*(package.wheels or ()), *([package.sdist] if package.sdist else ())]


def _locked(package: Package) -> LockedPackage:
    (file,) = _files(package)
    return LockedPackage(
        name=package.name,
        version=str(package.version),
        filename=file.filename,
        sha256=file.hashes["sha256"],
        size=file.size,
        url=file.url,
        kind="wheel" if package.wheels else "sdist",
        requires_python=str(package.requires_python) if package.requires_python else None,
    )
