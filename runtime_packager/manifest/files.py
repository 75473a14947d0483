"""``manifest/files.json``: what every path of a tree is.

Rules (paths and link targets: see :mod:`runtime_packager.manifest.paths`):

1. Strict JSON of at most 64 MiB, ``{"schema": 1, "files": [...]}`` and nothing else.
2. A file is exactly ``path``, ``type`` (``"file"``), ``size``, ``sha256`` (lower-case hex) and
   ``mode`` (``"0644"`` or ``"0755"``); a program of Windows or macOS that may be signed afterwards
   also ``unsigned`` (:mod:`runtime_packager.manifest.codesign`), also lower-case hex. A link is
   exactly ``path``, ``type`` (``"link"``), ``target``.
3. Every file of the tree stands in it, except the two that describe it: :data:`FILES` itself
   and :data:`RELEASE`.

The tree root is a digest of the same facts that does not depend on JSON: each field is framed by
its length, so no two lists of records have one encoding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from runtime_packager.entries import Entry, LinkEntry
from runtime_packager.errors import BuildError
from runtime_packager.manifest import shape, strict_json
from runtime_packager.manifest.paths import (
    collision_problems,
    order_problems,
    path_problem,
    target_problem,
)
from runtime_packager.manifest.problems import ErrorId, IntegrityFailure, Problem, rejection

FILES = "manifest/files.json"
RELEASE = "manifest/release.dsse.json"
UNLISTED = frozenset({FILES, RELEASE})
"""The files of a tree that its list cannot hold."""

SCHEMA = 1
MAX_SIZE = 64 * 1024 * 1024
"""Bytes of files.json: 300,000 files with long names, ten times a tree with torch."""

TREE_DOMAIN = b"runtime-packager/tree/v2\n"
"""What stands in front of the encoding, so that its digest can mean nothing else."""

_DOCUMENT_KEYS = frozenset({"schema", "files"})
_FILE_KEYS = frozenset({"path", "type", "size", "sha256", "mode"})
_OPTIONAL_KEYS = frozenset({"unsigned"})
_SIGNABLE_KEYS = _FILE_KEYS | _OPTIONAL_KEYS
_LINK_KEYS = frozenset({"path", "type", "target"})
_EMPTY = "0:,"
"""The netstring of nothing, which most records have for their last field."""

MODES = ("0644", "0755")
_MODES = {mode: mode for mode in MODES}
"""One text for every record that has it."""


class FileRecord(NamedTuple):
    """One path of the tree. (A tuple, because a tree has 30,000 and they are made on every start.)

    :param path: relative to the root, ``/``-separated, NFC.
    :param size: bytes; 0 for a link.
    :param sha256: lower-case hex; empty for a link.
    :param mode: ``"0644"`` or ``"0755"``; empty for a link.
    :param target: where a link points, relative to its own directory; empty for a file.
    :param unsigned: SHA-256 of a program without its code signature, lower-case hex; empty for
        whatever has to keep its exact bytes.
    """

    path: str
    type: Literal["file", "link"]
    size: int = 0
    sha256: str = ""
    mode: str = ""
    target: str = ""
    unsigned: str = ""


def records(
    entries: Iterable[Entry], *, platform: str, unsigned: Mapping[str, str] | None = None
) -> tuple[FileRecord, ...]:
    """The entries as records, sorted by the UTF-8 bytes of their paths.

    :param unsigned: the digest without code signature of the files that have one, by the digest
        of their bytes.
    :raises BuildError: naming every path that a tree for ``platform`` cannot hold.
    """
    bare = unsigned or {}
    made = (_record_of(entry, bare) for entry in entries)
    found = tuple(sorted(made, key=lambda record: record.path))
    if problems := _problems(found, platform):
        raise BuildError(
            f"{len(problems)} paths cannot stand in a tree for {platform}",
            "trim or rename the files named above",
            details=[str(problem) for problem in problems],
        )
    return found


def render(files: Sequence[FileRecord]) -> bytes:
    """The records as the bytes of files.json, canonical."""
    return strict_json.dumps({"schema": SCHEMA, "files": [_row(record) for record in files]})


def parse(data: bytes, *, platform: str) -> tuple[FileRecord, ...]:
    """The records that ``data`` lists.

    :param platform: whose path rules hold; it comes from the signed release.
    :raises IntegrityFailure: with every path that is wrong, or the first fault in the shape.
    """
    document = strict_json.loads(data, max_size=MAX_SIZE, what=FILES, convert=_record_or_row)
    shape.require_schema(shape.require(document, dict, FILES).get("schema"), SCHEMA, FILES)
    shape.require_keys(document, _DOCUMENT_KEYS, FILES)
    rows = shape.require(document["files"], list, f"{FILES}: files")
    found = tuple(map(_parse_row, rows))
    if problems := _problems(found, platform):
        raise IntegrityFailure(f"{FILES} lists paths a tree cannot hold", problems)
    return found


def tree_root(files: Iterable[FileRecord]) -> str:
    """SHA-256 over :data:`TREE_DOMAIN` and :func:`frame`, hex."""
    digest = hashlib.sha256(TREE_DOMAIN)
    digest.update(frame(files))
    return digest.hexdigest()


def frame(files: Iterable[FileRecord]) -> bytes:
    """An injective encoding of a list of records.

    Per record the fields path, type, size (decimal), sha256, mode, target and unsigned, each as a
    netstring: its length in bytes of UTF-8 (decimal), ``:``, the field, ``,``. The number of
    fields is fixed, so the lengths alone say where everything ends.
    """
    return "".join(map(_frame_record, files)).encode()


def _frame_record(record: FileRecord) -> str:
    path, kind, size, sha256, mode, target, unsigned = record
    digits = str(size)
    return (
        f"{_width(path)}:{path},{len(kind)}:{kind},{len(digits)}:{digits},"
        f"{_width(sha256)}:{sha256},{len(mode)}:{mode},{_width(target)}:{target},"
        f"{_netstring(unsigned) if unsigned else _EMPTY}"
    )


def _netstring(text: str) -> str:
    return f"{_width(text)}:{text},"


def _width(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _record_of(entry: Entry, unsigned: Mapping[str, str]) -> FileRecord:
    if isinstance(entry, LinkEntry):
        return FileRecord(entry.path, "link", target=entry.target)
    mode = "0755" if entry.executable else "0644"
    bare = unsigned.get(entry.sha256, "")
    return FileRecord(entry.path, "file", entry.size, entry.sha256, mode, unsigned=bare)


def _row(record: FileRecord) -> dict[str, Any]:
    if record.type == "link":
        return {"path": record.path, "target": record.target, "type": "link"}
    row = {
        "mode": record.mode,
        "path": record.path,
        "sha256": record.sha256,
        "size": record.size,
        "type": "file",
    }
    return row | {"unsigned": record.unsigned} if record.unsigned else row


def _record_or_row(row: dict[str, Any]) -> Any:
    """The record a row is, or the row as it stands when it is none: what is wrong is said later.

    A syntax error further down comes first, whoever reads the text.
    """
    if row.keys() == _FILE_KEYS or row.keys() == _SIGNABLE_KEYS:
        path, size, sha256, mode = row["path"], row["size"], row["sha256"], row["mode"]
        unsigned = row.get("unsigned", "")
        if (
            type(path) is str
            and row["type"] == "file"
            and type(size) is int
            and size >= 0
            and type(mode) is str
            and mode in _MODES
            and type(sha256) is str
            and shape.is_digest(sha256)
            and (len(row) == len(_FILE_KEYS) or _is_digest(unsigned))
        ):
            return FileRecord(path, "file", size, sha256, _MODES[mode], "", unsigned)
    elif row.keys() == _LINK_KEYS:
        path, target = row["path"], row["target"]
        if type(path) is str and row["type"] == "link" and type(target) is str:
            return FileRecord(path, "link", target=target)
    return row


def _is_digest(value: Any) -> bool:
    return type(value) is str and shape.is_digest(value)


def _parse_row(row: Any) -> FileRecord:
    if type(row) is FileRecord:
        return row
    raise _row_rejection(row)


def _row_rejection(row: Any) -> IntegrityFailure:
    """What is wrong with a row that is neither a file nor a link."""
    what = f"{FILES}: a file"
    found = shape.require(row, dict, what)
    kind = shape.require(found.get("type"), str, f"{what}: type")
    if kind not in ("file", "link"):
        return rejection(ErrorId.SCHEMA, "file or link expected", f"{what}: type")
    if kind == "file":
        shape.require_keys(found, _FILE_KEYS, what, optional=_OPTIONAL_KEYS)
    else:
        shape.require_keys(found, _LINK_KEYS, what)
    path = shape.require(found["path"], str, f"{what}: path")
    if kind == "link":
        shape.require(found["target"], str, path)
    else:
        for name in found.keys() & {"sha256", "unsigned"}:
            shape.require_digest(found[name], f"{path}: {name}")
        if type(found["size"]) is not int or found["size"] < 0:
            return rejection(ErrorId.SCHEMA, f"{FILES}: size must be 0 or more", path)
    modes = ", ".join(MODES)
    return rejection(ErrorId.SCHEMA, f"{FILES}: mode must be one of {modes}", path)


def _problems(files: Sequence[FileRecord], platform: str) -> list[Problem]:
    paths = [record.path for record in files]
    return [
        *_name_problems(files, platform),
        *order_problems(paths),
        *collision_problems(paths, platform),
    ]


def _name_problems(files: Sequence[FileRecord], platform: str) -> Iterator[Problem]:
    for record in files:
        if record.path in UNLISTED:
            yield Problem(record.path, ErrorId.PATH, "cannot list itself")
        elif reason := path_problem(record.path, platform):
            yield Problem(record.path, ErrorId.PATH, reason)
        elif record.type == "link" and (reason := target_problem(record.path, record.target)):
            yield Problem(record.path, ErrorId.LINK_TARGET, f"{reason}: {record.target!a}")
