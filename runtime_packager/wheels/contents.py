"""What is in a wheel and where it goes: judged from the archive's index alone, before any write.

The rules: names as in :mod:`runtime_packager.io.policy`; files only, stored or deflated; exactly
one ``.dist-info``, of this name and version; every file in RECORD, with a digest no weaker than
SHA-256; what differs between systems or would change later is left out (console scripts, bytecode
beside its source, headers, an earlier installer's notes).
"""

from __future__ import annotations

import csv
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from installer.records import InvalidRecordEntry, RecordEntry, parse_record_file
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from runtime_packager.io.policy import Kind, Limits, Member, Plan, Refused, clean_name

SITE_SCHEMES = ("purelib", "platlib")
SCHEMES = (*SITE_SCHEMES, "scripts", "data", "headers")
LIMITS = Limits(total=16 * 1024**3)
"""The largest wheels unpack to about 6 GB."""

_MAX_TEXT = 64 * 1024**2
"""Bytes of a file of ``.dist-info`` that we read as a whole; RECORDs of 30,000 files have 4 MB."""

_STRONG = frozenset({"sha256", "sha384", "sha512"})
_ENCRYPTED = 0x1
_NOT_OURS = frozenset({"INSTALLER", "REQUESTED", "direct_url.json", "RECORD.jws", "RECORD.p7s"})
"""In ``.dist-info``: another installer's notes, and signatures of the RECORD we rewrite."""
_UNRECORDED = frozenset({"RECORD", "RECORD.jws", "RECORD.p7s"})
_PYTHON_SHEBANG = re.compile(rb"#![^\n]*python")


@dataclass(frozen=True, slots=True)
class WheelMember:
    """One file of a wheel that gets installed.

    :param scheme: one of :data:`SCHEMES`; ``path`` is relative to it.
    :param record: what RECORD says of it.
    """

    info: ZipInfo
    scheme: str
    path: str
    executable: bool
    record: RecordEntry


@dataclass(frozen=True, slots=True)
class Contents:
    """A judged wheel.

    :param left_out: paths, ``scheme/...``, of what is not installed though it is no bytecode.
    """

    name: str
    version: str
    dist_info: str
    root: str
    members: tuple[WheelMember, ...]
    left_out: tuple[str, ...]


class Unfit(Exception):  # noqa: N818 - becomes an IntegrityError that names the wheel
    """The wheel breaks rules; ``problems`` says which, all of them."""

    @property
    def problems(self) -> list[str]:
        """One sentence each."""
        return list(self.args)


def read_contents(archive: ZipFile, filename: str) -> Contents:
    """Judge the wheel called ``filename`` that ``archive`` holds.

    :raises Unfit: when it breaks a rule.
    """
    _, version, _, _ = parse_wheel_filename(filename)
    files = _safe_files(archive)
    dist_info = _dist_info(files, filename.partition("-")[0], version)
    root = _root_scheme(archive, dist_info)
    records = _records(archive, dist_info, files)
    members, left_out = list[WheelMember](), list[str]()
    for path, info in files.items():
        scheme, inner = _place(path, dist_info.removesuffix(".dist-info") + ".data", root)
        if _is_stale(path, dist_info, files):
            continue
        if scheme == "headers" or (scheme == "scripts" and _is_python_script(archive, info)):
            left_out.append(f"{scheme}/{inner}")
        else:
            member = WheelMember(info, scheme, inner, _executable(info, scheme), records[path])
            members.append(member)
    _check_places(members)
    name = dist_info.removesuffix(".dist-info").rpartition("-")[0]
    return Contents(name, str(version), dist_info, root, tuple(members), tuple(sorted(left_out)))


def _collect(problems: list[str]) -> None:
    if problems:
        raise Unfit(*problems)


def _safe_files(archive: ZipFile) -> dict[str, ZipInfo]:
    """Clean path -> member, for all files."""
    packed = sum(info.compress_size for info in archive.infolist())
    plan, problems, files = Plan(LIMITS.of_archive(packed)), list[str](), dict[str, ZipInfo]()
    for info in archive.infolist():
        try:
            plan.count()
            path = clean_name(info.orig_filename)
            if info.orig_filename.startswith("./"):
                raise Refused("its name has an empty, '.' or '..' part ('.')")
            plan.admit(Member(path, _kind(info), info.file_size), path)
        except Refused as refused:
            problems.append(f"{info.orig_filename!r}: {refused}")
        else:
            if not info.is_dir():
                files[path] = info
    _collect(problems)
    return files


def _kind(info: ZipInfo) -> Kind:
    mode = info.external_attr >> 16
    if info.flag_bits & _ENCRYPTED:
        raise Refused("it is encrypted")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Refused("it is neither file nor directory")
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise Refused(f"it is packed by method {info.compress_type}, expected stored or deflated")
    if info.is_dir() and info.file_size:
        raise Refused("it is a directory with content")
    return "directory" if info.is_dir() else "file"


def _dist_info(files: Mapping[str, ZipInfo], name: str, version: Version) -> str:
    found = sorted({path.partition("/")[0] for path in files if ".dist-info/" in path})
    found = [folder for folder in found if folder.endswith(".dist-info")]
    if len(found) != 1:
        raise Unfit(f"it has {len(found)} .dist-info folders at its root instead of one")
    inner_name, _, inner_version = found[0].removesuffix(".dist-info").rpartition("-")
    try:
        same = Version(inner_version) == version
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        same = False
    if not same or canonicalize_name(inner_name) != canonicalize_name(name):
        raise Unfit(f"its file name says {name} {version}, its content {found[0]}")
    needed = [f"{found[0]}/{file}" for file in ("METADATA", "WHEEL", "RECORD")]
    _collect([f"it has no {path}" for path in needed if path not in files])
    return found[0]


def _text(archive: ZipFile, path: str) -> str:
    size = archive.getinfo(path).file_size
    if size > _MAX_TEXT:
        raise Unfit(f"{path} has {size} bytes, at most {_MAX_TEXT} expected")
    try:
        return archive.read(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unfit(f"{path} is not UTF-8") from error


def _root_scheme(archive: ZipFile, dist_info: str) -> str:
    from email.parser import HeaderParser

    headers = HeaderParser().parsestr(_text(archive, f"{dist_info}/WHEEL"))
    version = headers.get("Wheel-Version", "none")
    if not version.startswith("1."):
        raise Unfit(f"its Wheel-Version is {version}, expected 1.x")
    pure = headers.get("Root-Is-Purelib", "").strip().lower() == "true"
    return "purelib" if pure else "platlib"


def _records(
    archive: ZipFile, dist_info: str, files: Mapping[str, ZipInfo]
) -> dict[str, RecordEntry]:
    """Path -> what RECORD says; every file has an entry."""
    rows, problems = _record_rows(archive, dist_info)
    for path in files:
        folder, _, name = path.rpartition("/")
        if folder == dist_info and name in _UNRECORDED:
            rows[path] = RecordEntry(path, None, None)
        elif path not in rows:
            problems.append(f"{path} is not in RECORD")
        elif (known := rows[path].hash_) is None or known.name not in _STRONG:
            problems.append(f"{path} has no sha256 in RECORD")
    _collect(problems)
    return rows


def _record_rows(archive: ZipFile, dist_info: str) -> tuple[dict[str, RecordEntry], list[str]]:
    rows, problems = dict[str, RecordEntry](), list[str]()
    try:
        for row in parse_record_file(_text(archive, f"{dist_info}/RECORD").splitlines()):
            entry = RecordEntry.from_elements(*row)
            path = clean_name(entry.path)
            if path in rows:
                problems.append(f"{path} is in RECORD twice")
            rows[path] = entry
    except (InvalidRecordEntry, Refused, csv.Error) as error:
        problems.append(f"RECORD cannot be read: {error}")
    return rows, problems


def _place(path: str, data: str, root: str) -> tuple[str, str]:
    """(scheme, path in it) of one of the wheel's files."""
    if not path.startswith(f"{data}/"):
        return root, path
    _, scheme, *rest = path.split("/")
    if scheme not in SCHEMES or not rest:
        raise Unfit(f"{path} is in no known folder of .data")
    return scheme, "/".join(rest)


def _is_stale(path: str, dist_info: str, files: Mapping[str, ZipInfo]) -> bool:
    """Whether it is what an installer writes anew: notes, RECORD, bytecode of a source."""
    folder, _, name = path.rpartition("/")
    if folder == dist_info:
        return name in _NOT_OURS or name == "RECORD"
    return path.endswith(".pyc") and ("__pycache__/" in path or path[:-1] in files)


def _is_python_script(archive: ZipFile, info: ZipInfo) -> bool:
    """Whether it starts an interpreter by name: which, and where, only an installation knows."""
    with archive.open(info) as stream:
        return _PYTHON_SHEBANG.match(stream.read(256)) is not None


def _executable(info: ZipInfo, scheme: str) -> bool:
    return scheme == "scripts" or bool((info.external_attr >> 16) & 0o111)


def _check_places(members: list[WheelMember]) -> None:
    """Both site folders become one, so no two files may meet there."""
    plan, problems = Plan(LIMITS), list[str]()
    for member in members:
        folder = "site" if member.scheme in SITE_SCHEMES else member.scheme
        path = f"{folder}/{member.path}"
        try:
            plan.admit(Member(path, "file", member.info.file_size), path)
        except Refused as refused:
            problems.append(f"{member.info.orig_filename!r}: {refused}")
    _collect(problems)
