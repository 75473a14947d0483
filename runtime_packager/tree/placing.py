"""Entries become files: by reflink, hard link or copy, whichever is the first that works."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from typing import Literal, get_args

from runtime_packager.entries import Entry, FileEntry, LinkEntry, directories_of
from runtime_packager.errors import BuildError
from runtime_packager.io.files import FILE_TIME
from runtime_packager.io.progress import Progress

LinkMode = Literal["auto", "reflink", "hardlink", "copy"]
LINK_MODES: tuple[LinkMode, ...] = get_args(LinkMode)

WORKERS = 4
"""Threads that place files: the work is system calls, which overlap even on two cores."""

BATCH = 256
"""Files a thread takes at a time."""

_FICLONE = 0x40049409
"""Linux' ioctl that clones a file's extents (ioctl_ficlone(2))."""

_CANNOT_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}

Method = Callable[[str, str], None]


def place(
    entries: Sequence[Entry], root: Path, shared: Path, mode: LinkMode, progress: Progress
) -> str:
    """Write ``entries`` below the new directory ``root``; return the method used for shared files.

    Only files whose source lies below ``shared`` (the cache) are linked; anything else is
    copied. Every file ends with its entry's mode and the time :data:`~.FILE_TIME`.

    :raises BuildError: when a source has gone, the disk is full, or a link is asked for that
        the file system refuses.
    """
    try:
        _make_directories(entries, root)
        files = [entry for entry in entries if isinstance(entry, FileEntry)]
        method = _choose(files, root, shared, mode)
        with progress.task("writing the tree", total=len(files), unit="files") as task:
            batches = [files[i : i + BATCH] for i in range(0, len(files), BATCH)]
            stop = Event()
            try:
                with ThreadPoolExecutor(WORKERS) as pool:
                    work = partial(_place, root=root, shared=shared, method=method, stop=stop)
                    for count in pool.map(work, batches):
                        task.advance(count)
            except BaseException:
                # Ctrl-C while a thread starts leaves one that the pool does not know of.
                stop.set()
                raise
        _make_links([entry for entry in entries if isinstance(entry, LinkEntry)], root)
    except FileNotFoundError as error:
        raise BuildError(
            f"{error.filename} vanished from the cache while it was used", "run it again"
        ) from error
    except OSError as error:
        # A copy's error names the source first; what cannot be written is on our side.
        raise BuildError(
            f"{error.filename2 or root} cannot be written: {error.strerror}",
            "free some room, or choose another output" if error.errno == errno.ENOSPC else None,
        ) from error
    return method.__name__.strip("_")


def _make_directories(entries: Sequence[Entry], root: Path) -> None:
    root.mkdir(mode=0o755, exist_ok=True)
    root.chmod(0o755)
    for directory in sorted(directories_of(entry.path for entry in entries)):
        path = f"{root}/{directory}"
        os.mkdir(path)
        os.chmod(path, 0o755)  # noqa: S103 - readable by all, as installed programs are


def _place(
    files: Sequence[FileEntry], root: Path, shared: Path, method: Method, stop: Event
) -> int:
    inside = f"{shared}{os.sep}"
    for entry in files:
        if stop.is_set():
            break
        source, to = str(entry.source), f"{root}/{entry.path}"
        if source.startswith(inside):
            method(source, to)
        else:
            _copy(source, to)
        if method is not _hardlink or not source.startswith(inside):
            os.chmod(to, 0o755 if entry.executable else 0o644)
            os.utime(to, (FILE_TIME, FILE_TIME))
    return len(files)


def _make_links(links: Sequence[LinkEntry], root: Path) -> None:
    for link in links:
        os.symlink(link.target, f"{root}/{link.path}")


def _choose(files: Sequence[FileEntry], root: Path, shared: Path, mode: LinkMode) -> Method:
    sample = next((f for f in files if f.source.is_relative_to(shared)), None)
    if mode == "copy" or sample is None:
        return _copy
    wanted: dict[LinkMode, list[Method]] = {
        "auto": [_reflink, _hardlink],
        "reflink": [_reflink],
        "hardlink": [_hardlink],
    }
    probe = f"{root}/.probe"
    for method in wanted[mode]:
        try:
            method(str(sample.source), probe)
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise
            continue
        finally:
            Path(probe).unlink(missing_ok=True)
        return method
    if mode != "auto":
        raise BuildError(
            f"{root} cannot be filled by {mode} from the cache {shared}",
            "put cache and output on one file system that can, or use --link-mode copy",
        )
    return _copy


def _hardlink(source: str, to: str) -> None:
    try:
        os.link(source, to)
    except OSError as error:
        if error.errno not in _CANNOT_LINK or to.endswith("/.probe"):
            raise
        _copy(source, to)
        os.chmod(to, os.stat(source).st_mode & 0o777)
        os.utime(to, (FILE_TIME, FILE_TIME))


def _reflink(source: str, to: str) -> None:
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, "no reflinks here", to)
    import fcntl

    with open(source, "rb") as old, open(to, "wb") as new:
        fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())


def _copy(source: str, to: str) -> None:
    shutil.copyfile(source, to)
