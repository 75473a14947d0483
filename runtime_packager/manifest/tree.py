"""Comparing a tree on disk with a release that is already trusted.

Rules, per level; every difference is reported, sorted by path:

``exe``    1. Every executable of the release has its size and digest (``file-missing``,
              ``file-size``, ``file-hash``), is a regular file and not reached through a link
              (``file-type``), and no directory above it is one that everyone may write to
              (``file-mode``; the root is ``.``).
``quick``  2. ``manifest/files.json`` has the size and digest that are signed (``manifest-missing``,
              ``manifest-hash``), and as many files and the executables that the release
              states (``manifest-mismatch``).
           3. Every path it lists exists (``file-missing``) as what it should be (``file-type``),
              with its size, its mode (``file-mode``; on Windows there are none to compare) or
              its target (``link-target``).
           4. Nothing else exists: no file (``file-extra``), no directory that no file needs
              (``directory-extra``; what is in it is not listed).
           5. No directory, the root included, is one that everyone may write to (``file-mode``).
              A sticky bit does not help, for anybody may still add a module. A group may write:
              umask 002 and macOS' installer make such directories. On Windows modes say nothing.
           6. The executables, as in 1.
``full``   7. The list has the tree root of the release (``manifest-mismatch``); the digest of
              rule 2 says as much, this says that the signer computed both of one list.
           8. Every file has its digest.

A file of the wrong type or size is not hashed. What cannot be read is ``file-unreadable``. With
code signing allowed, :mod:`runtime_packager.manifest.aftersigning` has the last word on sizes and
digests of programs.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from runtime_packager.errors import InputError
from runtime_packager.io.progress import Progress, Silent
from runtime_packager.manifest import files as listing
from runtime_packager.manifest.aftersigning import SignedAfter, look_again
from runtime_packager.manifest.comparing import (
    NotRegularError,
    differs,
    open_regular,
)
from runtime_packager.manifest.files import FILES, FileRecord
from runtime_packager.manifest.hashing import Expected, check_files
from runtime_packager.manifest.problems import ErrorId, IntegrityFailure, Problem, rejection
from runtime_packager.manifest.release import Release
from runtime_packager.manifest.walking import parent_problems, walk

_HINT = "the runtime was changed or damaged after it was signed: install it again"
_HINT_SIGNED = "; if programs got their code signatures after that, allow it: --allow-code-signing"


class Level(StrEnum):
    """How much is looked at; see the rules of this module."""

    FULL = "full"
    QUICK = "quick"
    EXE = "exe"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check looked at: files, the bytes hashed, the bytes of all the files.

    :param signed_after: programs whose code signature is another than when they were sealed.
    """

    files: int
    bytes_hashed: int
    total_size: int
    signed_after: tuple[SignedAfter, ...] = ()


def check_tree(
    root: Path,
    release: Release,
    level: Level,
    *,
    allow_code_signing: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Checked:
    """Compare the tree at ``root`` with ``release``.

    :param allow_code_signing: accept programs that differ in their code signature alone.
    :raises IntegrityFailure: with every difference.
    """
    base = os.path.realpath(root)
    records = load_records(root, release) if level is Level.FULL else ()
    wanted = _to_hash(records) if records else [Expected(*file) for file in release.executables]
    with _hashing(root, base, wanted, workers, progress) as hashed:
        match level:
            case Level.FULL:
                _require_tree_root(records, release)
                problems = list(walk(base, records))
            case Level.QUICK:
                # The release names the executables: hashing them need not wait for the list.
                records = load_records(root, release)
                problems = list(walk(base, records))
            case Level.EXE:
                records = tuple(FileRecord(file.path, "file", file.size) for file in wanted)
                problems = list(parent_problems(base, [file.path for file in wanted]))
        spoiled = _spoiled(problems)
        problems += [problem for problem in hashed() if problem.path not in spoiled]
    signed_after: tuple[SignedAfter, ...] = ()
    if problems and allow_code_signing:
        listed = records if level is not Level.EXE else load_records(root, release)
        problems, signed_after = look_again(base, problems, listed, workers)
    if problems:
        raise _failure(root, problems, None if allow_code_signing else records)
    return Checked(
        files=len(records),
        bytes_hashed=sum(file.size for file in wanted),
        total_size=sum(record.size for record in records),
        signed_after=signed_after,
    )


def _to_hash(records: Iterable[FileRecord]) -> list[Expected]:
    return [Expected(r.path, r.sha256, r.size) for r in records if r.type == "file"]


def _spoiled(problems: Iterable[Problem]) -> frozenset[str]:
    """The paths of which is known already that they are not what they should be."""
    return frozenset(problem.path for problem in problems if problem.id is not ErrorId.FILE_MODE)


@contextmanager
def _hashing(
    root: Path,
    base: str,
    files: Sequence[Expected],
    workers: int | None,
    progress: Progress | None,
) -> Iterator[Callable[[], list[Problem]]]:
    """Hash ``files`` beside what is done meanwhile; what is yielded waits for the problems."""
    from concurrent.futures import ThreadPoolExecutor

    size = sum(file.size for file in files)
    with (
        (progress or Silent()).task(f"verifying {root}", total=size, unit="bytes") as task,
        ThreadPoolExecutor(1) as beside,
    ):
        yield beside.submit(check_files, base, files, task, workers).result


def load_records(root: Path, release: Release) -> tuple[FileRecord, ...]:
    """The list of files that ``release`` was signed over.

    :raises IntegrityFailure: when the one on disk is another.
    """
    if release.files_size > listing.MAX_SIZE:
        allowed = f"{release.files_size} bytes, at most {listing.MAX_SIZE} expected"
        raise rejection(ErrorId.JSON_SIZE, allowed, FILES)
    data = read_regular(root, FILES, release.files_size)
    if len(data) != release.files_size or hash_bytes(data) != release.files_sha256:
        raise rejection(ErrorId.MANIFEST_HASH, "is not the list that was signed", FILES)
    records = listing.parse(data, platform=release.platform)
    if reason := _mismatch(records, release):
        raise rejection(ErrorId.MANIFEST_MISMATCH, reason, FILES)
    return records


def read_regular(root: Path, path: str, max_size: int) -> bytes:
    """A file of the manifest, at most ``max_size`` bytes and one (which shows it is too long).

    :raises InputError: when ``root`` is no runtime at all.
    :raises IntegrityFailure: when the file is missing or cannot be read.
    """
    base = os.path.realpath(root)
    _require_runtime(root, base)
    try:
        handle, _ = open_regular(f"{base}/{path}")
        with open(handle, "rb") as stream:
            return stream.read(max_size + 1)
    except FileNotFoundError:
        raise rejection(ErrorId.MANIFEST_MISSING, "missing", path) from None
    except NotRegularError as error:
        raise rejection(ErrorId.FILE_TYPE, f"{error.strerror}", path) from None
    except OSError as error:
        raise rejection(ErrorId.FILE_UNREADABLE, f"{error.strerror}", path) from error


def hash_bytes(data: bytes) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(data).hexdigest()


def _require_runtime(root: Path, base: str) -> None:
    hint = "name the directory that holds manifest/, for example backend/dist/linux-x64"
    if not Path(base).is_dir():
        missing = "does not exist" if not os.path.lexists(base) else "is not a directory"
        raise InputError(f"{root} {missing}", hint)
    try:
        status = os.lstat(f"{base}/manifest")
    except OSError as error:
        raise InputError(f"{root} is not a runtime: it has no manifest/", hint) from error
    if not stat.S_ISDIR(status.st_mode):
        raise rejection(ErrorId.FILE_TYPE, "not a directory", "manifest")


def _mismatch(records: Sequence[FileRecord], release: Release) -> str | None:
    if len(records) != release.file_count:
        return differs("the number of files", release.file_count, len(records))
    listed = {(record.path, record.sha256, record.size) for record in records}
    for executable in release.executables:
        if executable not in listed:
            return f"it does not list the executable {executable.path} as the release does"
    return None


def _require_tree_root(records: Sequence[FileRecord], release: Release) -> None:
    if (root := listing.tree_root(records)) != release.tree_root:
        reason = differs("the tree root", release.tree_root, root)
        raise rejection(ErrorId.MANIFEST_MISMATCH, reason, FILES)


def _failure(
    root: Path, problems: Sequence[Problem], unforgiven: Sequence[FileRecord] | None
) -> IntegrityFailure:
    """:param unforgiven: what is listed, when a code signature was not to be forgiven."""
    count = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
    programs = {record.path for record in unforgiven or () if record.unsigned}
    signable = any(problem.path in programs for problem in problems)
    hint = _HINT + (_HINT_SIGNED if signable else "")
    return IntegrityFailure(f"{root} is not what was signed: {count}", problems, hint)
