"""Unpacking archives that nobody vouches for: read here, judged by :mod:`.policy`.

Files are hashed while they are written and get their final mode and time at once. Links are made
last, after all of them were judged together, so no byte is ever written through one.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from runtime_packager.entries import Entry, FileEntry, LinkEntry
from runtime_packager.errors import BuildError, IntegrityError
from runtime_packager.io.files import CHUNK
from runtime_packager.io.policy import Escapes, Kind, Limits, Member, Plan, Refused, clean_name
from runtime_packager.io.store import place_link, seal

Rename = Callable[[str], str | None]
"""From a member's clean name to its path below the destination, or ``None`` to leave it out."""

_GZIP = b"\x1f\x8b"
_OTHERS = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
}
_BLOCK = 512
_MAX_HEADER = 1024 * 1024
"""Bytes tarfile may ask for at once: a longer extended header is an attack on our memory."""
_MAX_READS = 64
"""Times tarfile may ask for bytes of one member: it follows extended headers by recursion."""
_MAX_GLOBALS = 64
"""Settings an archive may make for all its members; tarfile keeps them."""


def strip(prefix: str) -> Rename:
    """Select what lies below ``prefix`` and take the prefix away; an empty one selects all."""
    if not prefix:
        return lambda name: name
    start = f"{prefix}/"
    return lambda name: name[len(start) :] if name.startswith(start) else None


def extract(
    archive: Path,
    destination: Path,
    *,
    rename: Rename = lambda name: name,
    limits: Limits | None = None,
    title: str | None = None,
) -> tuple[Entry, ...]:
    """Unpack a ``.tar.gz`` into the empty directory ``destination``.

    :param title: what to call the archive in messages; its file name by default.
    :returns: files and links, sorted, with paths relative to ``destination``. Directories are
        made as files need them; empty ones are left out. Where Windows forbids links they are
        in the result alone.
    :raises IntegrityError: for a member that breaks a rule, naming it, and for damage.
    :raises BuildError: when it is another kind of archive or cannot be written.
    """
    title = title or archive.name
    limits = (limits or Limits()).of_archive(archive.stat().st_size)
    with archive.open("rb") as raw:
        _require_gzip(raw, title)
        with gzip.GzipFile(fileobj=raw) as unzipped:
            stream = _Forward(unzipped, title, limits)
            extraction = _Extraction(destination, rename, limits, title)
            with _damage(title):
                for info in _members(stream, title):
                    extraction.take(info, stream)
            return extraction.finish()


def _require_gzip(raw: BinaryIO, title: str) -> None:
    magic = raw.read(8)
    raw.seek(0)
    if magic.startswith(_GZIP):
        return
    kind = next((kind for start, kind in _OTHERS.items() if magic.startswith(start)), None)
    what = f"is a {kind} archive" if kind else "is no archive we know"
    raise BuildError(f"{title} {what}; only .tar.gz can be unpacked")


@contextmanager
def _damage(title: str) -> Iterator[None]:
    """What the readers raise on damaged input, as one kind of error."""
    try:
        yield
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, UnicodeError) as error:
        raise IntegrityError(f"{title} is damaged: {error}", "fetch it again") from error


class _Forward:
    """A decompressed stream for tarfile: read and skip forward only, in bounded pieces."""

    def __init__(self, stream: gzip.GzipFile, title: str, limits: Limits) -> None:
        self.stream, self.title = stream, title
        self.position = self.reads = 0
        self.last = b""
        # headers cost at most a few blocks a member beside the data
        self.bound = limits.total + limits.members * 8 * _BLOCK

    def read(self, size: int) -> bytes:
        """For tarfile: ``size`` bytes of a header, unless the stream ends."""
        self.reads += 1
        if not 0 <= size <= _MAX_HEADER:  # a negative one would read all there is
            raise IntegrityError(f"{self.title} has a header of {size} bytes")
        if self.reads > _MAX_READS:
            raise IntegrityError(f"{self.title} has a member with more than {_MAX_READS} headers")
        return self.data(size)

    def data(self, size: int) -> bytes:
        """Exactly ``size`` bytes unless the stream ends."""
        self.last = data = self.stream.read(size)
        self.position += len(data)
        if self.position > self.bound:
            raise IntegrityError(f"{self.title} unpacks to more than {self.bound} bytes")
        return data

    def tell(self) -> int:
        """Bytes read so far."""
        return self.position

    def seek(self, position: int) -> None:
        """Skip forward to ``position``."""
        if position < self.position:
            raise tarfile.ReadError("its members overlap")
        while self.position < position:
            if not self.data(min(CHUNK, position - self.position)):
                raise tarfile.ReadError("it ends early")

    def drain(self) -> None:
        """Read to the end, so that the checksum at the end is checked.

        :raises tarfile.ReadError: when there is more than the zeros that end a tar.
        """
        while data := self.data(CHUNK):
            if data.strip(b"\0"):
                raise tarfile.ReadError("something follows its end")


def _members(stream: _Forward, title: str) -> Iterator[tarfile.TarInfo]:
    """The members in order, each with ``stream`` at its first byte."""
    with _opened(stream) as tar:
        while (info := _next(tar, stream)) is not None:
            yield info
            tar.members.clear()  # type: ignore[attr-defined]
    # tarfile takes a broken header for the end; the true end is a block of zeros
    if stream.last != bytes(_BLOCK):
        raise IntegrityError(f"{title} is damaged at byte {stream.position}", "fetch it again")
    stream.drain()


@contextmanager
def _sense() -> Iterator[None]:
    """What tarfile stumbles over becomes damage, whatever it raises."""
    try:
        yield
    except (ValueError, LookupError, OverflowError) as error:
        raise tarfile.ReadError(f"a header makes no sense: {error}") from error


def _opened(stream: _Forward) -> tarfile.TarFile:
    with _sense():  # it reads the first header at once
        return tarfile.open(fileobj=stream, mode="r:", encoding="utf-8", errors="strict")  # type: ignore[call-overload, no-any-return]


def _next(tar: tarfile.TarFile, stream: _Forward) -> tarfile.TarInfo | None:
    """The next member."""
    stream.reads = 0
    with _sense():
        info = tar.next()
    if len(tar.pax_headers) > _MAX_GLOBALS:
        raise tarfile.ReadError(f"it has more than {_MAX_GLOBALS} settings for all members")
    return info


class _Extraction:
    """One archive on its way into one directory."""

    def __init__(self, destination: Path, rename: Rename, limits: Limits, title: str) -> None:
        self.base, self.rename, self.title = str(destination), rename, title
        self.plan = Plan(limits)
        self.files: dict[str, FileEntry] = {}
        self.parents: set[str] = {self.base}

    def take(self, info: tarfile.TarInfo, stream: _Forward) -> None:
        """Judge one member and, if it is wanted, write it."""
        try:
            self._take(_member(info), stream)
        except Refused as refused:
            raise self._error(info.name, str(refused)) from None

    def _take(self, member: Member, stream: _Forward) -> None:
        self.plan.count()
        if member.kind == "directory" and member.name.rstrip("/") in ("", "."):
            return
        path = self._place(clean_name(member.name))
        if path is None:
            return
        target = self._target(member)
        self.plan.admit(member, path, target)
        match member.kind:
            case "file":
                self.files[path] = self._write(path, member, stream)
            case "copy":
                self.files[path] = self._copy(path, self.files[target])

    def _place(self, name: str) -> str | None:
        path = self.rename(name)
        return clean_name(path) if path else None

    def _target(self, member: Member) -> str:
        if member.kind != "copy":
            return member.target
        path = self._place(clean_name(member.target))
        if path is None:
            raise Refused(f"it copies {member.target!r}, which is left out")
        return path

    def _write(self, path: str, member: Member, stream: _Forward) -> FileEntry:
        place, digest, left = self._new(path), hashlib.sha256(), member.size
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with self._place_errors(path), open(os.open(place, flags, 0o600), "wb", 0) as file:
            while left:
                data = stream.data(min(CHUNK, left))
                if not data:
                    raise tarfile.ReadError("it ends early")
                digest.update(data)
                file.write(data)
                left -= len(data)
        seal(place, member.executable)
        return FileEntry(path, member.size, digest.hexdigest(), member.executable, place)

    def _copy(self, path: str, original: FileEntry) -> FileEntry:
        place = self._new(path)
        with self._place_errors(path):
            shutil.copyfile(original.source, place)
        seal(place, original.executable)
        return FileEntry(path, original.size, original.sha256, original.executable, place)

    def _new(self, path: str) -> Path:
        parent = f"{self.base}/{path.rpartition('/')[0]}".rstrip("/")
        if parent not in self.parents:
            Path(parent).mkdir(parents=True, exist_ok=True)
            self.parents.add(parent)
        return Path(f"{self.base}/{path}")

    @contextmanager
    def _place_errors(self, path: str) -> Iterator[None]:
        try:
            yield
        except gzip.BadGzipFile:
            raise
        except OSError as error:
            raise BuildError(f"{path} of {self.title} cannot be written: {error}") from error

    def finish(self) -> tuple[Entry, ...]:
        """Judge all links together, make them, and say what is there now."""
        try:
            self.plan.settle()
        except Escapes as escapes:
            raise self._error(escapes.path, str(escapes)) from None
        links = [LinkEntry(path, target) for path, target in self.plan.links.items()]
        for link in links:
            self._link(link)
        entries: list[Entry] = [*self.files.values(), *links]
        return tuple(sorted(entries, key=lambda entry: entry.path))

    def _link(self, link: LinkEntry) -> None:
        place = self._new(link.path)
        with self._place_errors(link.path):
            place_link(place, link.target)

    def _error(self, name: str, reason: str) -> IntegrityError:
        return IntegrityError(
            f"{self.title} has a member that is refused: {name!r}: {reason}",
            "get the archive from a source you trust",
        )


def _member(info: tarfile.TarInfo) -> Member:
    """A tar member in our words; setuid and all but the owner's execute bit are forgotten."""
    kind = _kind(info)
    size = info.size if kind == "file" else 0
    return Member(info.name, kind, size, bool(info.mode & 0o100), info.linkname)


def _kind(info: tarfile.TarInfo) -> Kind:
    if info.issparse():
        return "other"
    if info.isreg():
        return "file"
    if info.isdir():
        return "directory"
    if info.issym():
        return "link"
    return "copy" if info.islnk() else "other"
