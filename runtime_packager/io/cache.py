"""The cache: content-addressed, shared by processes, disposable at any time.

``blobs/<aa>/<sha256>`` holds downloaded files under their digest; every other folder holds
directories made from them, each complete or absent. Nothing in it is needed to run a tree.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime_packager.errors import BuildError, InputError, PackagerError
from runtime_packager.io.files import building_directory, remove_tree, sha256_file, write_atomic
from runtime_packager.io.locks import exclusive
from runtime_packager.io.progress import Progress

ENVIRONMENT_VARIABLE = "RUNTIME_PACKAGER_CACHE"


@dataclass(frozen=True, slots=True)
class Usage:
    """What one folder of the cache holds: ``entries`` things of ``size`` bytes together."""

    folder: str
    entries: int
    size: int


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache below ``root``, which is created on first use."""

    root: Path

    def blob(self, sha256: str) -> Path:
        """Where the file with this hex digest lies, or would lie."""
        return self.root / "blobs" / sha256[:2] / sha256

    def verified_blob(self, sha256: str) -> Path | None:
        """The file with this digest, if it is there and still has it; a damaged one is removed.

        It is read whole, so ask only when its bytes are about to be used.
        """
        path = self.blob(sha256)
        try:
            actual = sha256_file(path)
        except FileNotFoundError:
            return None
        if actual == sha256:
            return path
        path.unlink(missing_ok=True)
        return None

    def require_usable(self) -> None:
        """See that we, and not everybody, may write into the cache.

        :raises InputError: when it cannot be created or written to, or anybody may.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise InputError(
                f"the cache {self.root} cannot be written to: {error.strerror}",
                f"choose another with --cache-dir or {ENVIRONMENT_VARIABLE}",
            ) from error
        mode = stat.S_IMODE(self.root.stat().st_mode)
        if os.name != "nt" and mode & stat.S_IWOTH:
            raise InputError(
                f"anybody may write into the cache {self.root} (mode {mode:04o}), and so into "
                "what is made from it",
                f"chmod o-w, or choose another with --cache-dir or {ENVIRONMENT_VARIABLE}",
            )

    def directory(self, folder: str, key: str) -> Path:
        """Where the directory ``key`` of ``folder`` lies, or would lie."""
        return self.root / folder / key

    @contextmanager
    def building(self, folder: str, key: str) -> Iterator[Path]:
        """A new directory that becomes ``directory(folder, key)`` when the block ends well.

        Call it with a lock held that stands for ``key``: what a killed process left under that
        key is removed first.
        """
        for remains in (self.root / folder).glob(f".{key[:24]}.*"):
            remove_tree(remains)
        with building_directory(self.directory(folder, key)) as staging:
            yield staging

    @contextmanager
    def locked(self, name: str, progress: Progress | None = None) -> Iterator[None]:
        """Hold the lock ``name``, so that one process does the work and others find it done."""
        with exclusive(self.root / "locks" / f"{name}.lock", name, progress):
            yield

    def usage(self) -> list[Usage]:
        """How much each of our folders holds; anything else there is not ours to look at."""
        folders = (self.root / name for name in FOLDERS)
        return [_usage(folder) for folder in folders if folder.is_dir()]

    def clean(self, folders: list[str] | None = None) -> list[Usage]:
        """Remove the named folders, or all but the keys; return what they held.

        Each is renamed away before it is removed, so nothing half-removed is ever found. A build
        that was using it fails and can be run again.
        """
        if self.root.is_dir():
            write_atomic(self._cleaned, os.urandom(16))
        for remains in self.root.glob(".removing-*"):
            remove_tree(remains)
        removed = []
        for usage in self.usage():
            wanted = usage.folder in folders if folders else usage.folder != KEYS
            if wanted:
                doomed = self.root / f".removing-{os.getpid()}-{usage.folder}"
                try:
                    (self.root / usage.folder).rename(doomed)
                except FileNotFoundError:
                    continue  # another process cleans too
                remove_tree(doomed)
                removed.append(usage)
        return removed

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Say what happened when something vanishes from the cache under our hands.

        :raises BuildError: for whatever fails, a child without its modules say, when the cache was
            cleaned meanwhile, and for a file of the cache that was there a moment ago.
        """
        before = self._last_cleaning()
        try:
            with self._complete():
                yield
        except (PackagerError, OSError) as error:
            if self._last_cleaning() == before:
                raise
            raise BuildError(
                f"the cache {self.root} was cleaned while it was used", "run it again"
            ) from error

    @property
    def _cleaned(self) -> Path:
        return self.root / "locks" / "cleaned"

    def _last_cleaning(self) -> bytes:
        try:
            return self._cleaned.read_bytes()
        except FileNotFoundError:
            return b""

    @contextmanager
    def _complete(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            names = [str(name) for name in (error.filename, error.filename2) if name]
            ours = [name for name in names if Path(name).is_relative_to(self.root)]
            if not ours:
                raise
            raise BuildError(
                f"{ours[0]} vanished from the cache while it was used", "run it again"
            ) from error


KEYS = "keys"
"""The one folder that is not disposable without a thought: development keys."""

FOLDERS = (
    *("apps", "binaries", "blobs", "built", "bytecode", "interpreters", KEYS),
    *("smoke", "stripped", "texts", "universal", "unsigned", "wheels"),
)
"""All the folders we make, but for the locks. Whatever else lies there is somebody else's."""


def _usage(folder: Path) -> Usage:
    entries = size = 0
    inodes: set[int] = set()
    for base, directories, files in os.walk(folder):
        if Path(base) == folder or (Path(base).parent == folder and folder.name == "blobs"):
            entries += len(files) + (len(directories) if folder.name != "blobs" else 0)
        for name in files:
            try:
                status = os.lstat(os.path.join(base, name))
            except FileNotFoundError:
                continue  # it is in use
            if status.st_ino not in inodes:
                inodes.add(status.st_ino)
                size += status.st_size
    return Usage(folder.name, entries, size)
