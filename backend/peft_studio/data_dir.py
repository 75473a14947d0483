"""The user's data directory: what lies where, and that one service at a time has it.

::

    datasets/<id>/       a data set: data.jsonl and meta.json
    models/<name>/       models the user put there: config.json, *.safetensors, tokenizer
    runs/<id>/           a run: spec.json, checkpoints/, adapter/
    hub/                 what was fetched from a model hub (its libraries' own layout)
    tmp/                 uploads that are not finished; emptied at start
    studio.sqlite3       runs, their history, data sets
    lock                 held by the running service
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from peft_studio.file_lock import FileLock, HeldError
from peft_studio.start_error import DataDirectoryError


@dataclass(frozen=True, slots=True)
class DataDir:
    """The places in a data directory; :func:`claim` makes them.

    :param root: absolute.
    """

    root: Path

    @property
    def datasets(self) -> Path:
        """One directory per data set."""
        return self.root / "datasets"

    @property
    def models(self) -> Path:
        """One directory per local model."""
        return self.root / "models"

    @property
    def runs(self) -> Path:
        """One directory per run."""
        return self.root / "runs"

    @property
    def hub(self) -> Path:
        """``HF_HOME`` of our children."""
        return self.root / "hub"

    @property
    def tmp(self) -> Path:
        """For what is moved to its place once it is whole; on the same file system."""
        return self.root / "tmp"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "studio.sqlite3"

    def create(self) -> None:
        """Make the directories that are not there, for this user alone."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.datasets, self.models, self.runs, self.hub, self.tmp):
            folder.mkdir(mode=0o700, exist_ok=True)


def claim(root: Path) -> FileLock:
    """Take the data directory for this process, and clear what an earlier one left unfinished.

    The lock ends with the process, however that ends.

    :returns: the lock; who drops it lets the next one in.
    :raises DataDirectoryError: when another process has it, or it cannot be written.
    """
    data = DataDir(root)
    try:
        data.create()
        lock = FileLock(root / "lock")
    except HeldError:
        raise DataDirectoryError(
            f"another PEFT Studio uses the data directory {root}: close it, or choose another "
            "with --data-dir"
        ) from None
    except OSError as error:
        raise _unusable(root, error) from error
    try:
        shutil.rmtree(data.tmp)
        data.tmp.mkdir(mode=0o700)
    except OSError as error:
        lock.release()
        raise _unusable(root, error) from error
    return lock


def _unusable(root: Path, error: OSError) -> DataDirectoryError:
    return DataDirectoryError(
        f"the data directory {root} cannot be used: {error.strerror or error}"
    )


def sync(path: Path) -> None:
    """Have a file's bytes, or the names in a directory, on disk."""
    if os.name == "nt" and path.is_dir():
        return  # directories cannot be synced there
    descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
