"""Files: hashed while they are copied, finished elsewhere and renamed into place."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from runtime_packager.errors import BuildError
from runtime_packager.io.durable import sync_directory, sync_tree

CHUNK = 1024 * 1024
"""Bytes read at a time: large enough that hashing, not calling, is the cost."""

HEAD = 16
"""Bytes from which a file's kind can be told."""

FILE_TIME = 315532800
"""Modification time, in seconds, of every file we place: 1980-01-01T00:00:00Z, the zip epoch.

A constant keeps trees reproducible and makes an edit in place visible to a look at the inode."""

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def sha256_file(path: Path) -> str:
    """The lower-case hex SHA-256 of a file's bytes."""
    return survey(path)[0]


def survey(path: Path) -> tuple[str, int, bytes]:
    """A file's lower-case hex SHA-256, its size in bytes, and the first of its bytes."""
    digest, size, head = hashlib.sha256(), 0, b""
    with open(path, "rb", buffering=0) as stream:
        # One read for most files, and no large buffer for a small one.
        wanted = min(os.fstat(stream.fileno()).st_size + 1, CHUNK)
        while chunk := stream.read(wanted):
            digest.update(chunk)
            head = head or chunk[:HEAD]
            size += len(chunk)
    return digest.hexdigest(), size, head


def copy_hashing(source: BinaryIO, destination: BinaryIO) -> tuple[str, int]:
    """Copy to the end of ``source``; return (hex SHA-256, size in bytes) of what was copied."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        destination.write(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace ``path`` by ``data`` in one step, durable: written beside it, synced, renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.chmod(name, mode)
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def building_directory(final: Path) -> Iterator[Path]:
    """A new directory beside ``final`` that becomes ``final`` when the block ends well.

    Whoever finishes first wins: when ``final`` exists by then, ours is thrown away, because
    content-addressed directories of one name hold the same bytes. On an error nothing stays.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=final.parent, prefix=f".{final.name[:24]}."))
    try:
        yield staging
        os.chmod(staging, 0o755)  # noqa: S103 - readable by all, as trees are
        # What the cache holds is known by size and time; a power cut could keep those alone.
        sync_tree(staging)
        try:
            os.rename(staging, final)
        except OSError as error:
            if (
                error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES)
                or not final.is_dir()
            ):
                raise
    finally:
        remove_tree(staging)


def remove_tree(path: Path) -> None:
    """Remove a directory tree, write-protected parts included; a missing one is fine.

    A link or a file of that name goes too; what a link points to stays.
    """

    def unprotect(function: Callable[[str], object], name: str, error: BaseException) -> None:
        if isinstance(error, FileNotFoundError):
            return
        if isinstance(error, OSError) and error.errno == errno.ENOTEMPTY:
            # A thread that Ctrl-C overtook may have put one more file into it.
            remove_tree(Path(name))
            return
        if not isinstance(error, PermissionError):
            raise error
        os.chmod(Path(name).parent, stat.S_IRWXU)
        # Never a file's own mode, but on Windows: as a hard link it is another tree's file too.
        if os.name == "nt" or stat.S_ISDIR(os.lstat(name).st_mode):
            os.chmod(name, stat.S_IRWXU)
        if function in (os.scandir, os.open, os.listdir):
            remove_tree(Path(name))
        else:
            function(name)

    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    if sys.version_info >= (3, 12):
        shutil.rmtree(path, onexc=unprotect)
    else:
        shutil.rmtree(path, onerror=lambda call, name, info: unprotect(call, name, info[1]))


def publish_directory(staging: Path, final: Path, retired: Path) -> None:
    """Put ``staging`` at ``final``; what was there before, if anything, ends at ``retired``.

    Where the system can exchange two names in one step (Linux ``renameat2``, macOS
    ``renamex_np``) there is no moment without a complete ``final``; elsewhere it is two renames
    and :func:`recover_directory` mends a crash between them. What is in ``staging`` is durable
    before it has the name, and the name is durable before the one before may be removed.

    :raises OSError: when ``final`` is as it was.
    :raises BuildError: when ``final`` is the new one, but its name may not be on the disk.
    """
    sync_tree(staging)
    if not final.exists():
        os.rename(staging, final)
    elif _exchange(staging, final):
        with suppress(OSError):  # what was exchanged may as well be removed where it is
            os.rename(staging, retired)
    else:
        os.rename(final, retired)
        os.rename(staging, final)
    try:
        sync_directory(final.parent)
    except OSError as error:
        raise BuildError(
            f"{final} is in place, but might not be after a power cut: {error.strerror}",
            "look after the disk, then assemble again with --force",
        ) from error


def recover_directory(final: Path, retired: Path) -> None:
    """Undo a publish that died between its two renames.

    It had moved a directory away: a link in its place is somebody else's.
    """
    if not os.path.lexists(final) and retired.is_dir() and not retired.is_symlink():
        os.rename(retired, final)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names atomically; ``False`` where the system or file system cannot."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "linux":
            failed = libc.renameat2(
                _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE
            )
        elif sys.platform == "darwin":
            failed = libc.renamex_np(os.fsencode(one), os.fsencode(other), _RENAME_EXCHANGE)
        else:
            return False
    except (AttributeError, OSError, TypeError):
        return False
    return not failed


def require_writable_parent(path: Path) -> None:
    """Create the parent of ``path`` now, so that a bad place is reported before the work.

    :raises BuildError: when it cannot be created or written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise BuildError(
            f"{path.parent} cannot be written to: {error.strerror}", "choose another output"
        ) from error
