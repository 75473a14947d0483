"""From a source to a stored tree: fetch what is missing, unpack it, put it right, check it.

A :class:`Route` is a source made ready for one version and target. Its key names the stored
result and is known without the network, so that what is stored is found before anything is asked.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from packaging.version import Version

from runtime_packager.entries import Entry, dump_table
from runtime_packager.errors import BuildError, InputError, IntegrityError, NetworkError
from runtime_packager.interpreters.catalogue import RELEASES, Catalogue, Pin
from runtime_packager.interpreters.layout import restored, selector, without_dead_links
from runtime_packager.interpreters.local import copied, scan
from runtime_packager.interpreters.sources import (
    ArchiveSource,
    DirectorySource,
    GithubSource,
    MirrorSource,
    NpmSource,
    Source,
)
from runtime_packager.io.archive import extract
from runtime_packager.io.cache import Cache
from runtime_packager.io.download import PATIENCE, Patience, fetch, open_client
from runtime_packager.io.files import sha256_file
from runtime_packager.io.process import run
from runtime_packager.io.progress import Progress
from runtime_packager.io.store import admit_blob
from runtime_packager.platforms import Target

UNPACK_FORMAT = 1
"""Raised whenever the same archive is to become another tree; old results are then left alone."""

MIRROR_VARIABLE = "UV_PYTHON_INSTALL_MIRROR"
_TOKEN_VARIABLE = "GITHUB_TOKEN"  # noqa: S105 - the variable's name
_TOKEN_HOST = "github.com"  # noqa: S105 - a host
_MAX_ARCHIVE = 1024**3
_NPM_TIMEOUT = 1800.0


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an interpreter's bytes come from; equal on two machines that use the same bytes.

    :param source: ``python-build-standalone``, ``archive``, ``directory`` or ``npm``.
    :param origin: the archive's published address whatever mirror it came by, else the package
        or the name of the file or directory: never a path of this machine.
    :param release: python-build-standalone's release, empty for anything else.
    :param asset: the archive's name, empty for a directory.
    :param sha256: of the archive; for a directory of the table of its files.
    :param official: whether these are the very bytes of a pinned release.
    """

    source: str
    origin: str
    python: str
    release: str
    asset: str
    sha256: str
    official: bool


@dataclass(frozen=True, slots=True)
class Errand:
    """What is wanted, and what to work with."""

    python: Version
    target: Target
    cache: Cache
    progress: Progress
    offline: bool = False
    patience: Patience = PATIENCE

    @property
    def title(self) -> str:
        """What to call the interpreter in messages."""
        return f"CPython {self.python} for {self.target.name}"


@dataclass(frozen=True, slots=True)
class Route:
    """A source made ready.

    :param key: names the stored result: the same for the same bytes treated the same way.
    :param fill: puts the files into a new directory and says what they are.
    """

    key: str
    provenance: Provenance
    fill: Callable[[Path], tuple[Entry, ...]]


def route(source: Source, errand: Errand, catalogue: Catalogue) -> Route:
    """The way ``source`` goes for this errand; touches no network.

    :raises PackagerError: when it cannot work: no pin, no such file.
    """
    match source:
        case GithubSource() | MirrorSource():
            pin = catalogue.pin(errand.python, errand.target)
            return _pinned(base_of(source), errand, pin)
        case ArchiveSource():
            return _archive(source, errand, catalogue)
        case NpmSource():
            return _npm(source, errand)
        case DirectorySource():
            return _directory(source, errand)


def base_of(source: GithubSource | MirrorSource) -> str:
    """Below which address the source keeps ``<release>/<asset>``."""
    if isinstance(source, MirrorSource):
        return source.url
    return os.environ.get(MIRROR_VARIABLE) or RELEASES


def pinned_url(source: GithubSource | MirrorSource, pin: Pin) -> str:
    """Where the source has the pinned archive."""
    return pin.url(base_of(source))


def _key(kind: str, errand: Errand, *facts: str) -> str:
    words = [str(UNPACK_FORMAT), kind, str(errand.python), errand.target.name, *facts]
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def _official(pin: Pin) -> Provenance:
    return Provenance(
        source="python-build-standalone",
        origin=pin.url(),
        python=str(pin.python),
        release=pin.release,
        asset=pin.asset,
        sha256=pin.sha256,
        official=True,
    )


def _pinned(base: str, errand: Errand, pin: Pin) -> Route:
    def fill(tree: Path) -> tuple[Entry, ...]:
        return _unpack(_pinned_blob(base, errand, pin), tree, pin.asset)

    return Route(_key("archive", errand, pin.sha256), _official(pin), fill)


def _pinned_blob(base: str, errand: Errand, pin: Pin) -> Path:
    url = pin.url(base)
    if blob := errand.cache.verified_blob(pin.sha256):
        return blob
    if urlsplit(url).scheme == "file":
        path = local_path(url)
        require_file(path)
        return admit_blob(errand.cache, path, pin.sha256, title=pin.asset)
    _require_online(errand)
    with open_client() as client:
        return fetch(
            errand.cache,
            url,
            pin.sha256,
            title=pin.title,
            client=client,
            progress=errand.progress,
            max_size=_MAX_ARCHIVE,
            headers=token_headers(url),
            patience=errand.patience,
        )


def token_headers(url: str) -> dict[str, str]:
    """``GITHUB_TOKEN`` as a bearer's, for https URLs of GitHub itself and nobody else."""
    parts, token = urlsplit(url), os.environ.get(_TOKEN_VARIABLE)
    if not token or parts.scheme != "https" or parts.hostname != _TOKEN_HOST:
        return {}
    return {"Authorization": f"Bearer {token}"}


def _require_online(errand: Errand) -> None:
    if errand.offline:
        raise NetworkError("it is not in the cache, and the network is not to be used")


def local_path(url: str) -> Path:
    """The path that a ``file:`` URL names."""
    from urllib.request import url2pathname

    return Path(url2pathname(urlsplit(url).path))


def require_file(path: Path) -> None:
    """:raises InputError: when there is no such file."""
    if not path.is_file():
        raise InputError(f"there is no file {path}")


def _archive(source: ArchiveSource, errand: Errand, catalogue: Catalogue) -> Route:
    def fill(tree: Path) -> tuple[Entry, ...]:
        require_file(source.path)
        actual = sha256_file(source.path)
        if actual != sha256:
            raise IntegrityError(
                f"{source.path} is not what was promised",
                details=[f"expected sha256 {sha256}", f"actual   sha256 {actual}"],
            )
        return _unpack(source.path, tree, source.path.name)

    if source.sha256 is None:
        require_file(source.path)
    sha256 = source.sha256 or sha256_file(source.path)
    pin = catalogue.has_digest(sha256)
    name = source.path.name
    provenance = Provenance("archive", name, str(errand.python), "", name, sha256, False)
    return Route(_key("archive", errand, sha256), _official(pin) if pin else provenance, fill)


def _unpack(archive: Path, tree: Path, title: str) -> tuple[Entry, ...]:
    entries = extract(archive, tree, rename=selector("python"), title=title)
    return without_dead_links(entries, title)


def _npm(source: NpmSource, errand: Errand) -> Route:
    site_packages = errand.target.site_packages(errand.python)

    def fill(tree: Path) -> tuple[Entry, ...]:
        select = selector(source.prefix, without=site_packages)
        found = extract(_npm_blob(source, errand), tree, rename=select, title=source.package)
        entries = restored(found, tree, errand.python, errand.target)
        return without_dead_links(entries, source.package)

    provenance = Provenance(
        "npm", source.package, str(errand.python), "", source.package, source.sha256, False
    )
    return Route(_key("npm", errand, source.sha256, source.prefix), provenance, fill)


def _npm_blob(source: NpmSource, errand: Errand) -> Path:
    if blob := errand.cache.verified_blob(source.sha256):
        return blob
    _require_online(errand)
    errand.cache.root.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=errand.cache.root, prefix=".npm-") as folder,
        errand.progress.task(source.package),
    ):
        packed = npm_pack(source.package, Path(folder))
        return admit_blob(errand.cache, packed, source.sha256, title=source.package)


def npm_pack(package: str, folder: Path) -> Path:
    """Have npm, with the registry it is set up for, put the package's tarball into ``folder``.

    :raises BuildError: when npm is not installed.
    :raises NetworkError: when npm cannot fetch it; npm's last lines are in the details.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise BuildError("npm is not installed or not on PATH", "install Node.js, which brings npm")
    words = [npm, "pack", package, "--json", "--ignore-scripts", "--pack-destination", str(folder)]
    try:
        run(words, timeout=_NPM_TIMEOUT)
    except BuildError as error:
        raise NetworkError(
            f"npm could not fetch {package}",
            "check which registry npm uses: npm config get registry",
            details=error.details or [error.message],
        ) from error
    packed = list(folder.glob("*.tgz"))
    if len(packed) != 1:
        raise BuildError(f"npm pack {package} left {len(packed)} tarballs, expected 1")
    return packed[0]


def _directory(source: DirectorySource, errand: Errand) -> Route:
    if not source.path.is_dir():
        raise InputError(f"there is no directory {source.path}")
    found = without_dead_links(scan(source.path), str(source.path))
    table = hashlib.sha256(dump_table(found)).hexdigest()

    def fill(tree: Path) -> tuple[Entry, ...]:
        return copied(found, tree)

    provenance = Provenance("directory", source.path.name, str(errand.python), "", "", table, False)
    return Route(_key("directory", errand, table), provenance, fill)
