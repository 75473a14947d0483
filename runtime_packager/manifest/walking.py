"""Every name of a tree on disk, compared with what is listed: types, sizes, modes, targets, extras.

Rules 1 and 3 to 5 of :mod:`runtime_packager.manifest.tree`. No file is opened.
"""

from __future__ import annotations

import os
import stat
import sys
import unicodedata
from collections.abc import Iterator, Sequence

from runtime_packager.entries import directories_of
from runtime_packager.manifest.comparing import differs, is_reparse_point
from runtime_packager.manifest.files import MODES, UNLISTED, FileRecord
from runtime_packager.manifest.problems import ErrorId, Problem

_WINDOWS = os.name == "nt"
_DECOMPOSING = sys.platform == "darwin"
"""HFS+ decomposes the names it is given; the list holds them composed."""
_WHOLE_MODES = {} if _WINDOWS else {text: stat.S_IFREG | int(text, 8) for text in MODES}
_OTHERS_MAY_WRITE = 0 if _WINDOWS else stat.S_IWOTH


def parent_problems(base: str, paths: Sequence[str]) -> Iterator[Problem]:
    """The directories above ``paths``, the root among them, that are links, none, or everyone's."""
    for directory in ("", *sorted(directories_of(paths))):
        try:
            status = os.lstat(f"{base}/{directory}")
        except OSError:
            continue  # the files below it are reported missing
        if _is_directory(status):
            yield from _compare_mode(directory, status)
        else:
            yield Problem(directory, ErrorId.FILE_TYPE, "not a directory")


def walk(base: str, records: Sequence[FileRecord]) -> Iterator[Problem]:
    """Everything that is on disk and should not be, or the other way round."""
    missing = {record.path: record for record in records}
    needed = directories_of([*missing, *UNLISTED])
    pending = [""]
    while pending:
        directory = pending.pop()
        prefix = f"{directory}/" if directory else ""
        try:
            if not _WINDOWS:
                yield from _compare_mode(directory, os.lstat(f"{base}/{directory}"))
            with os.scandir(f"{base}/{directory}") as found:
                for item in found:
                    path = f"{prefix}{_name(item)}" if _DECOMPOSING else prefix + item.name
                    record = missing.pop(path, None)
                    if record is not None and _is_as_listed(item, record):
                        continue
                    if record is None and path in needed and _is_real_directory(item):
                        pending.append(path)
                    elif path not in UNLISTED:
                        yield from _compare(item, path, record, needed)
        except OSError as error:
            yield Problem(directory, ErrorId.FILE_UNREADABLE, f"{error.strerror}")
    yield from (Problem(path, ErrorId.FILE_MISSING, "missing") for path in missing)


def _is_as_listed(item: os.DirEntry[str], record: FileRecord) -> bool:
    """Whether a file is plainly what it should be: true of nearly all, so it is asked first."""
    try:
        status = item.stat(follow_symlinks=False)
    except OSError:
        return False
    return status.st_mode == _WHOLE_MODES.get(record.mode) and status.st_size == record.size


def _compare(
    item: os.DirEntry[str], path: str, record: FileRecord | None, needed: frozenset[str]
) -> Iterator[Problem]:
    if record is None:
        yield _extra(item, path, needed)
        return
    try:
        status = item.stat(follow_symlinks=False)
    except OSError as error:
        yield Problem(path, ErrorId.FILE_UNREADABLE, f"{error.strerror}")
        return
    if record.type == "link":
        yield from _compare_link(item, status, record)
    elif not stat.S_ISREG(status.st_mode) or is_reparse_point(status):
        yield Problem(path, ErrorId.FILE_TYPE, differs("type", "file", _kind(status)))
    else:
        if not _WINDOWS and (mode := f"{stat.S_IMODE(status.st_mode):04o}") != record.mode:
            yield Problem(path, ErrorId.FILE_MODE, differs("mode", record.mode, mode))
        if status.st_size != record.size:
            reason = differs("size", record.size, status.st_size)
            yield Problem(path, ErrorId.FILE_SIZE, reason)


def _compare_link(
    item: os.DirEntry[str], status: os.stat_result, record: FileRecord
) -> Iterator[Problem]:
    if not stat.S_ISLNK(status.st_mode):
        yield Problem(record.path, ErrorId.FILE_TYPE, differs("type", "link", _kind(status)))
        return
    target = os.readlink(item.path)
    if _WINDOWS:
        target = target.replace("\\", "/")
    if target != record.target:
        reason = differs("target", ascii(record.target), ascii(target))
        yield Problem(record.path, ErrorId.LINK_TARGET, reason)


def _compare_mode(directory: str, status: os.stat_result) -> Iterator[Problem]:
    if status.st_mode & _OTHERS_MAY_WRITE:
        reason = f"everyone may write to it: mode {stat.S_IMODE(status.st_mode):04o}, expected 0755"
        yield Problem(directory or ".", ErrorId.FILE_MODE, reason)


def _extra(item: os.DirEntry[str], path: str, needed: frozenset[str]) -> Problem:
    shown = path.encode("utf-8", "backslashreplace").decode()
    try:
        item.stat(follow_symlinks=False)
    except OSError as error:
        return Problem(shown, ErrorId.FILE_UNREADABLE, f"{error.strerror}")
    if path in needed:
        return Problem(shown, ErrorId.FILE_TYPE, "not a directory, but files should be in it")
    if _is_real_directory(item):
        return Problem(shown, ErrorId.DIRECTORY_EXTRA, "no file of the runtime is in it")
    return Problem(shown, ErrorId.FILE_EXTRA, "not part of the runtime")


def _name(item: os.DirEntry[str]) -> str:
    return item.name if item.name.isascii() else unicodedata.normalize("NFC", item.name)


def _is_real_directory(item: os.DirEntry[str]) -> bool:
    if not item.is_dir(follow_symlinks=False):
        return False
    return not _WINDOWS or not is_reparse_point(item.stat(follow_symlinks=False))


def _is_directory(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and not is_reparse_point(status)


def _kind(status: os.stat_result) -> str:
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        return "link"
    return "directory" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "special file"
