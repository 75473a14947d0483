"""Archives with python-build-standalone's names and layout, and the mirror that serves them.

What is inside comes from the modules beside this one; here it is packed and pinned.
"""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fakes.mirror import Mirror
from packaging.version import Version

from runtime_packager.interpreters.catalogue import Catalogue, Pin, write_catalogue
from runtime_packager.io.files import sha256_file
from runtime_packager.platforms import Target

RELEASE = "20240101"
"""The release all our archives pretend to be from."""


@dataclass(frozen=True)
class Archive:
    """One archive on disk, named as python-build-standalone would name it."""

    python: Version
    target: Target
    path: Path

    @property
    def pin(self) -> Pin:
        """What a catalogue says about it."""
        digest = sha256_file(self.path)
        return Pin(self.python, self.target.name, RELEASE, self.path.name, digest)


def asset(python: Version, target: Target) -> str:
    """The archive's file name."""
    return f"cpython-{python}+{RELEASE}-{target.triple}-install_only_stripped.tar.gz"


def pack(prefix: Path, folder: Path, python: Version, target: Target) -> None:
    """Pack ``prefix`` (what holds ``bin`` or ``python.exe``) into ``folder``.

    The same files give the same bytes.
    """
    with (
        (folder / asset(python, target)).open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(prefix.rglob("*")):
            name = f"python/{path.relative_to(prefix).as_posix()}"
            info = archive.gettarinfo(path, name)
            if info.islnk():  # hardlinks of the file system are no business of the archive
                info.type, info.size = tarfile.REGTYPE, path.stat().st_size
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            info.mtime = 0
            info.mode = 0o755 if info.mode & 0o111 else 0o644
            archive.addfile(info, io.BytesIO(path.read_bytes()) if info.isreg() else None)


def found(folder: Path, python: Version, target: Target) -> Archive:
    """What :func:`pack` left in ``folder``."""
    path = folder / asset(python, target)
    assert path.is_file(), path
    return Archive(python, target, path)


def serve(mirror: Mirror, archives: Iterable[Archive]) -> Catalogue:
    """Put the archives and their ``SHA256SUMS`` where the real mirror keeps them; their pins."""
    pins = []
    for archive in archives:
        pins.append(archive.pin)
        mirror.put(f"/{RELEASE}/{archive.path.name}", archive.path.read_bytes())
    lines = (f"{pin.sha256}  {pin.asset}\n" for pin in sorted(pins, key=lambda pin: pin.asset))
    mirror.put(f"/{RELEASE}/SHA256SUMS", "".join(lines).encode())
    return Catalogue.of(pins)


def write_pins(project: Path, catalogue: Catalogue) -> None:
    """Make the catalogue the test project's own."""
    write_catalogue(project / "manifests/interpreters.json", catalogue)


def drop(prefix: Path, *patterns: str) -> None:
    """Remove files and directories below ``prefix`` that match a glob."""
    for pattern in patterns:
        for path in list(prefix.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.is_symlink() or path.exists():
                path.unlink()
