"""Which files are the app's: its directory less what is excluded, and data files from elsewhere."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime_packager.entries import FileEntry
from runtime_packager.errors import InputError
from runtime_packager.io.files import survey

ALWAYS_EXCLUDED = ("__pycache__", "*.pyc", ".*")
"""Never part of an app: bytecode (made anew) and hidden files (editors', version control's)."""


_MACH_O = {b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe"}
"""Mach-O's magic numbers as they stand in a file: 64 bit, 32 bit, universal (mach-o/loader.h)."""


@dataclass(frozen=True, slots=True)
class Data:
    """A file or directory from outside the app directory, packed at ``to`` inside ``app/``."""

    source: Path
    to: str


def collect(
    directory: Path,
    exclude: Sequence[str],
    data: Sequence[Data],
    *,
    apart_from: Sequence[Path] = (),
) -> list[FileEntry]:
    """The app's files with their digests, sorted by path, paths relative to ``app/``.

    :param exclude: shell patterns, matched against each file's and folder's name and its path
        relative to ``directory``.
    :param apart_from: directories that are never part of an app, such as its own output.
    :raises InputError: for a link that leads out of the directory or nowhere, something that is
        no regular file, a name that is no text, a path that is taken twice, or a directory
        without any file.
    """
    chosen = _Choice((*ALWAYS_EXCLUDED, *exclude), apart_from)
    found = dict(_walk(directory, chosen))
    if not found:
        raise InputError(f"the app directory {directory} holds no file to pack")
    for item in data:
        for path, source in _data_files(item):
            if path in found:
                raise InputError(f"data file {source} would replace app file {path}")
            found[path] = source
    return [_entry(path, found[path]) for path in sorted(found)]


class _Choice:
    """What is left out: names and paths by pattern, directories by their real place."""

    def __init__(self, patterns: Sequence[str], directories: Iterable[Path] = ()) -> None:
        self._excluded = re.compile("|".join(map(fnmatch.translate, patterns)))
        self._directories = frozenset(directory.resolve() for directory in directories)

    def excludes(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        return bool(self._excluded.match(name) or self._excluded.match(path))

    def enters(self, directory: Path) -> bool:
        return not self._directories or directory.resolve() not in self._directories


def _data_files(item: Data) -> Iterator[tuple[str, Path]]:
    if item.source.is_file():
        yield item.to, item.source
        return
    for path, source in _walk(item.source, _Choice(ALWAYS_EXCLUDED)):
        yield f"{item.to}/{path}", source


def _walk(directory: Path, chosen: _Choice) -> Iterator[tuple[str, Path]]:
    home = directory.resolve()
    for base, folders, files in os.walk(directory):
        relative = Path(base).relative_to(directory).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        folders[:] = sorted(
            name
            for name in folders
            if not chosen.excludes(prefix + name) and chosen.enters(Path(base) / name)
        )
        for name in folders:
            if (Path(base) / name).is_symlink():
                raise InputError(
                    f"{Path(base) / name} is a link to a directory; apps are packed without",
                    "exclude it, or list what it points to under data",
                )
        for name in sorted(files):
            if not chosen.excludes(prefix + name):
                source = Path(base) / name
                _require_packable(source, home)
                yield prefix + name, source


def _require_packable(source: Path, home: Path) -> None:
    hint = "exclude it, or list the file itself under data"
    try:
        str(source).encode()
        regular = stat.S_ISREG(source.stat().st_mode)
    except UnicodeEncodeError as error:
        raise InputError(f"{os.fsencode(source)!r} has a name that is no UTF-8", hint) from error
    except OSError as error:
        raise InputError(f"{source} cannot be packed: {error.strerror}", hint) from error
    if not regular:
        raise InputError(f"{source} is no regular file", hint)
    if source.is_symlink() and not source.resolve().is_relative_to(home):
        raise InputError(f"{source} links to {source.resolve()}, outside the app directory", hint)


def _entry(path: str, source: Path) -> FileEntry:
    digest, size, head = survey(source)
    return FileEntry(path, size, digest, _runs(head), source)


def _runs(head: bytes) -> bool:
    """Whether a file is a program, by its first bytes: the same answer on every host."""
    return head[:2] == b"#!" or head[:4] == b"\x7fELF" or head[:4] in _MACH_O
