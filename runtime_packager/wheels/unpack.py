"""Writing a wheel's files: ``installer`` moves them, each is hashed once, while it is written."""

from __future__ import annotations

import hashlib
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812 - a class, whatever its name

import installer
from installer.destinations import WheelDestination
from installer.records import Hash, RecordEntry
from installer.sources import WheelContentElement, WheelSource
from installer.utils import Scheme

from runtime_packager.entries import FileEntry
from runtime_packager.errors import IntegrityError
from runtime_packager.io.files import CHUNK
from runtime_packager.io.policy import Refused
from runtime_packager.io.store import seal
from runtime_packager.io.ziplayout import layout_problems, require_index
from runtime_packager.wheels.contents import (
    LIMITS,
    SITE_SCHEMES,
    Contents,
    Unfit,
    WheelMember,
    read_contents,
)
from runtime_packager.wheels.naming import top_level

INSTALLER = b"runtime-packager\n"
_GENERATOR = re.compile(rb"(?mi)^Generator:.*?(?=\r?$)")
_PREFIXES = {
    "": {"scripts": "../../../bin/", "data": "../../../"},
    "windows": {"scripts": "../../Scripts/", "data": "../../"},
}
"""Per variant of RECORD the way from ``site-packages`` to the other schemes' places; the same for
every Python version: ``lib/python3.X/site-packages`` and ``Lib/site-packages`` below ``python``."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was written: entries with paths ``scheme/...`` below the destination."""

    entries: tuple[FileEntry, ...]
    dist_info: str
    top_level: tuple[str, ...]
    left_out: tuple[str, ...]


def unpack(wheel: Path, filename: str, folder: Path, *, built: bool = False) -> Unpacked:
    """Unpack ``wheel`` into the empty directory ``folder``, one folder per scheme.

    :param filename: the wheel's name.
    :param built: whether we built it, so that its Generator line, which names the version of the
        build backend, must not make two machines' trees differ.
    :raises IntegrityError: when it is damaged, breaks a rule or differs from its RECORD.
    """
    try:
        require_index(wheel, LIMITS)
        with ZipFile(wheel) as archive:
            if problems := layout_problems(archive, wheel):
                raise Unfit(*problems)
            contents = read_contents(archive, filename)
            rewritten = f"{contents.dist_info}/WHEEL" if built else None
            destination = _Folder(folder, contents, rewritten)
            source = _Source(archive, contents, rewritten)
            installer.install(source, destination, {"INSTALLER": INSTALLER})
            if destination.problems:
                raise Unfit(*destination.problems)
    except Unfit as unfit:
        raise IntegrityError(
            f"{filename} is not a wheel that can be trusted",
            "report it to its authors; pin another version meanwhile",
            details=unfit.problems,
        ) from unfit
    except (
        Refused,
        BadZipFile,
        ZlibError,
        EOFError,
        NotImplementedError,
        ValueError,
        KeyError,
    ) as error:
        raise IntegrityError(f"{filename} cannot be read as a wheel: {error}") from error
    return Unpacked(
        tuple(destination.entries),
        contents.dist_info,
        top_level(member.path for member in contents.members if member.scheme in SITE_SCHEMES),
        contents.left_out,
    )


class _Source(WheelSource):
    """A judged wheel, as ``installer`` reads one."""

    def __init__(self, archive: ZipFile, contents: Contents, rewritten: str | None) -> None:
        super().__init__(contents.name, contents.version)
        self.archive, self.contents, self.rewritten = archive, contents, rewritten

    @property
    def dist_info_dir(self) -> str:
        """As it is called in the archive."""
        return self.contents.dist_info

    @property
    def data_dir(self) -> str:
        """As it is called in the archive."""
        return self.contents.dist_info.removesuffix(".dist-info") + ".data"

    @property
    def dist_info_filenames(self) -> list[str]:
        """None: from ``entry_points.txt`` scripts with this machine's shebang would be made."""
        return []

    def read_dist_info(self, filename: str) -> str:
        """The text of a file in ``.dist-info``."""
        return self.archive.read(f"{self.dist_info_dir}/{filename}").decode()

    def get_contents(self) -> Iterator[WheelContentElement]:
        """All members that get installed."""
        for member in self.contents.members:
            path = self._path(member)
            with self._open(member, path) as stream:
                yield (path, "", ""), stream, member.executable

    def _path(self, member: WheelMember) -> str:
        if member.scheme == self.contents.root:
            return member.path
        return f"{self.data_dir}/{member.scheme}/{member.path}"

    @contextmanager
    def _open(self, member: WheelMember, path: str) -> Iterator[BinaryIO]:
        with self.archive.open(member.info) as stream:
            if path == self.rewritten:
                yield BytesIO(_GENERATOR.sub(b"Generator: runtime-packager", stream.read()))
            else:
                yield cast("BinaryIO", stream)


@dataclass
class _Folder(WheelDestination):
    """A directory with one folder per scheme; remembers every file's digest and judges it."""

    folder: Path
    contents: Contents
    rewritten: str | None
    entries: list[FileEntry] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    expected: dict[tuple[str, str], RecordEntry] = field(init=False)
    made: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.expected = {(m.scheme, m.path): m.record for m in self.contents.members}
        if self.rewritten:
            del self.expected[self.contents.root, self.rewritten]

    def write_file(
        self, scheme: Scheme, path: str | os.PathLike[str], stream: BinaryIO, is_executable: bool
    ) -> RecordEntry:
        """Write one file and compare it with RECORD."""
        inner = os.fspath(path)
        record = self.expected.get((scheme, inner))
        written = self._write(f"{scheme}/{inner}", stream, is_executable, record)
        return RecordEntry(inner, Hash("sha256", _base64(written.sha256)), written.size)

    def _write(
        self, path: str, stream: BinaryIO, executable: bool, record: RecordEntry | None = None
    ) -> FileEntry:
        final = f"{self.folder}/{path}"
        self._make_parent(final)
        claimed = record.hash_.name if record and record.hash_ else "sha256"
        digest, other, size = hashlib.sha256(), hashlib.new(claimed), 0
        with open(final, "xb") as out:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                if claimed != "sha256":
                    other.update(chunk)
                out.write(chunk)
                size += len(chunk)
        seal(Path(final), executable)
        entry = FileEntry(path, size, digest.hexdigest(), executable, Path(final))
        self.entries.append(entry)
        if record is not None:
            found = entry.sha256 if claimed == "sha256" else other.hexdigest()
            self._judge(record, path, found, size)
        return entry

    def _make_parent(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if parent not in self.made:
            Path(parent).mkdir(parents=True, exist_ok=True)
            self.made.add(parent)

    def _judge(self, record: RecordEntry, path: str, hexdigest: str, size: int) -> None:
        if record.size is not None and record.size != size:
            self.problems.append(f"{path}: RECORD says {record.size} bytes, it has {size}")
        if record.hash_ is not None and record.hash_.value.rstrip("=") != _base64(hexdigest):
            self.problems.append(f"{path}: its {record.hash_.name} is not what RECORD says")

    def finalize_installation(
        self, scheme: Scheme, record_file_path: str, records: Iterable[tuple[Scheme, RecordEntry]]
    ) -> None:
        """Write RECORD for what was installed; twice where Windows has other places."""
        rows = list(records)
        common = _record(scheme, rows, "")
        self._write(f"{scheme}/{record_file_path}", BytesIO(common), False)
        windows = _record(scheme, rows, "windows")
        if windows != common:
            self._write(f"windows/{record_file_path}", BytesIO(windows), False)


def _record(root: str, records: Iterable[tuple[Scheme, RecordEntry]], variant: str) -> bytes:
    rows = sorted(entry.to_row(_PREFIXES[variant].get(scheme)) for scheme, entry in records)
    return "".join(f"{_csv(path)},{hash_},{size}\n" for path, hash_, size in rows).encode()


def _csv(path: str) -> str:
    return '"{}"'.format(path.replace('"', '""')) if "," in path or '"' in path else path


def _base64(hexdigest: str) -> str:
    return urlsafe_b64encode(bytes.fromhex(hexdigest)).decode().rstrip("=")
