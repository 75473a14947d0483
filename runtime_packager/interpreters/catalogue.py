"""The pins: which interpreter archive, with which digest, stands for a version on a target.

A catalogue is a small JSON file kept under version control. It is made from the index that the
``pbs-installer`` package carries, so making one needs no network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from packaging.version import Version

from runtime_packager.errors import InputError
from runtime_packager.io.files import write_atomic
from runtime_packager.platforms import SINGLE_TARGETS, Target

SCHEMA = 1
"""Version of the file's format."""

RELEASES = "https://github.com/astral-sh/python-build-standalone/releases/download"
"""Where python-build-standalone publishes; a mirror keeps the path below it."""

_UPDATE_HINT = "run `runtime-packager interpreters update`"
_PIN_HINT = f"{_UPDATE_HINT}, or set python to a version that is pinned"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ASSET = re.compile(r"[A-Za-z0-9._+-]+\.tar\.gz")
_RELEASE = re.compile(r"\d{8}")
_FIELDS = ("python", "target", "release", "asset", "sha256")


@dataclass(frozen=True, slots=True)
class Pin:
    """One archive of python-build-standalone.

    :param target: a target's canonical name.
    :param release: the release's date, ``YYYYMMDD``.
    :param asset: the archive's file name in that release.
    :param sha256: lower-case hex digest of the archive.
    """

    python: Version
    target: str
    release: str
    asset: str
    sha256: str

    def url(self, base: str = RELEASES) -> str:
        """Where the archive lies below ``base``; the ``+`` in its name is escaped."""
        return f"{base.rstrip('/')}/{self.release}/{quote(self.asset)}"

    @property
    def title(self) -> str:
        """What to call it in messages."""
        return f"CPython {self.python} for {self.target}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Pins, sorted by version and target, at most one for each pair."""

    pins: tuple[Pin, ...]

    @classmethod
    def of(cls, pins: Iterable[Pin]) -> Catalogue:
        """A catalogue of these pins.

        :raises InputError: when two stand for the same version and target.
        """
        ordered = sorted(pins, key=_order)
        twice = [
            f"{one.python} for {one.target}"
            for one, next_one in pairwise(ordered)
            if _order(one) == _order(next_one)
        ]
        if twice:
            raise InputError("the interpreter catalogue pins some versions twice", details=twice)
        return cls(tuple(ordered))

    def pin(self, python: Version, target: Target) -> Pin:
        """The pin for ``python`` on ``target``.

        :raises InputError: when there is none; says what is pinned for the target.
        """
        for pin in self.pins:
            if pin.python == python and pin.target == target.name:
                return pin
        pinned = [str(pin.python) for pin in self.pins if pin.target == target.name]
        known = ", ".join(pinned) or "none"
        raise InputError(
            f"CPython {python} for {target.name} is not pinned; pinned for it: {known}",
            _PIN_HINT if pinned else _UPDATE_HINT,
        )

    def has_digest(self, sha256: str) -> Pin | None:
        """The pin of the archive with this digest, if there is one."""
        return next((pin for pin in self.pins if pin.sha256 == sha256), None)


def _order(pin: Pin) -> tuple[Version, str]:
    return pin.python, pin.target


def write_catalogue(path: Path, catalogue: Catalogue) -> None:
    """Write the catalogue as JSON, one field a line, so that changes are read line by line."""
    rows = [{name: str(getattr(pin, name)) for name in _FIELDS} for pin in catalogue.pins]
    text = json.dumps({"schema": SCHEMA, "pins": rows}, indent=2)
    write_atomic(path, f"{text}\n".encode())


def read_catalogue(path: Path) -> Catalogue:
    """What :func:`write_catalogue` wrote.

    :raises InputError: when it is missing or wrong; names every wrong pin.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"the interpreter catalogue {path} cannot be read: {error.strerror}", _UPDATE_HINT
        ) from error
    except ValueError as error:
        raise InputError(
            f"the interpreter catalogue {path} is not JSON: {error}", _UPDATE_HINT
        ) from error
    return Catalogue.of(_pins(path, document))


def _pins(path: Path, document: Any) -> list[Pin]:
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise InputError(
            f"the interpreter catalogue {path} has schema {schema!r}, expected {SCHEMA}",
            "update runtime-packager" if isinstance(schema, int) else _UPDATE_HINT,
        )
    rows = document.get("pins")
    if not isinstance(rows, list):
        raise InputError(f"the interpreter catalogue {path} has no list of pins", _UPDATE_HINT)
    problems = [
        f"pin {number}: {problem}"
        for number, row in enumerate(rows, 1)
        for problem in _problems(row)
    ]
    if problems:
        raise InputError(
            f"the interpreter catalogue {path} is not valid", _UPDATE_HINT, details=problems
        )
    return [Pin(Version(row["python"]), *(row[name] for name in _FIELDS[1:])) for row in rows]


def _problems(row: Any) -> Iterator[str]:
    if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in _FIELDS):
        yield f"needs the texts {', '.join(_FIELDS)}"
        return
    try:
        Version(row["python"])
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        yield f"python {row['python']!r} is not a version"
    if row["target"] not in {target.name for target in SINGLE_TARGETS}:
        yield f"target {row['target']!r} is not known"
    for name, pattern in (("release", _RELEASE), ("asset", _ASSET), ("sha256", _SHA256)):
        if not pattern.fullmatch(row[name]):
            yield f"{name} {row[name]!r} is malformed"


@dataclass(frozen=True, slots=True)
class Indexed:
    """What the index holds of what was asked for.

    :param missing: (version, target name) pairs it does not hold; musl targets always.
    """

    catalogue: Catalogue
    missing: tuple[tuple[Version, str], ...]


def pins_from_index(versions: Sequence[Version], targets: Sequence[Target]) -> Indexed:
    """Pins for every version on every target, from the installed index.

    A version may be short (``3.13``): the newest of its line is taken.

    :raises InputError: when a version is in the index for no target at all, or an archive is
        there without a checksum.
    """
    pins: list[Pin] = []
    missing: list[tuple[Version, str]] = []
    for version in versions:
        found = [(target, _indexed(version, target)) for target in targets]
        pins += [pin for _, pin in found if pin is not None]
        missing += [(version, target.name) for target, pin in found if pin is None]
        if not any(pin for _, pin in found):
            raise _not_indexed(version, targets)
    return Indexed(Catalogue.of(pins), tuple(missing))


def _indexed(version: Version, target: Target) -> Pin | None:
    from pbs_installer import get_download_link

    if target.musl:
        return None
    arch, _, rest = target.triple.partition("-")
    system = {"linux": "linux", "win": "windows", "mac": "macos"}[target.os]
    try:
        found, (url, sha256) = get_download_link(str(version), arch, system)
    except ValueError:
        return None
    release, asset = unquote(url).rsplit("/", 2)[1:]
    if "-install_only" not in asset:
        return None
    if rest not in asset or not _RELEASE.fullmatch(release):
        raise InputError(f"the index names {asset} for {target.name}, which it is not")
    if not sha256:
        raise InputError(
            f"the index has no checksum for {asset}", "choose a newer version of CPython"
        )
    exact = Version(f"{found.major}.{found.minor}.{found.micro}")
    return Pin(exact, target.name, release, asset, sha256)


def _not_indexed(version: Version, targets: Sequence[Target]) -> InputError:
    names = ", ".join(target.name for target in targets)
    line = [known for known in available_versions() if known.release[:2] == version.release[:2]]
    near = ", ".join(map(str, line)) or "none of that line"
    return InputError(
        f"CPython {version} is not in the index for {names}; it has {near}",
        "update the pbs-installer package, or choose one of these",
    )


def available_versions() -> list[Version]:
    """Every CPython version of the installed index, newest first."""
    from pbs_installer._versions import PYTHON_VERSIONS

    return sorted(
        {
            Version(f"{known.major}.{known.minor}.{known.micro}")
            for known, archives in PYTHON_VERSIONS.items()
            if known.implementation == "cpython" and not known.freethreaded
            if any(install_only for _, _, install_only in archives)
        },
        reverse=True,
    )
