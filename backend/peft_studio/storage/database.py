"""Opening the SQLite file: migrated, in WAL mode; moved aside when it is damaged."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from peft_studio.errors import Problem, ProblemError, disk_full
from peft_studio.storage.migrations import MIGRATIONS

_log = logging.getLogger(__name__)

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SIDECARS = ("", "-wal", "-shm")


class NewerDatabaseError(Exception):
    """The file was written by a newer PEFT Studio; it was left as it is."""


class Database:
    """The open file. Methods may be called from any thread; one transaction runs at a time.

    :param path: created when it is not there.
    :raises NewerDatabaseError: see there.
    :raises OSError: when the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self.moved_aside: Path | None = None
        """Where a damaged file was moved to when this one was opened."""
        try:
            self._connection = _open(path)
        except sqlite3.DatabaseError as error:
            if (getattr(error, "sqlite_errorcode", 0) & 0xFF) not in _DAMAGED:
                raise OSError(f"{path}: {error}") from error
            self.moved_aside = _move_aside(path)
            _log.error("%s is damaged (%s); moved to %s", path, error, self.moved_aside)
            self._connection = _open(path)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed at the end, undone when the body raises.

        :raises ProblemError: ``disk_full``, or ``storage_failed`` when SQLite cannot go on.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                with self._connection:
                    yield self._connection
            except sqlite3.OperationalError as error:
                raise ProblemError(_problem(error)) from error

    def close(self) -> None:
        """Fold the log into the file and close it."""
        with self._lock:
            self._connection.close()


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        # In WAL mode this may lose the last seconds in a power cut, and never damages the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            damage = sqlite3.DatabaseError(str(verdict))
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise NewerDatabaseError(f"its format is {version}, this program knows {len(MIGRATIONS)}")
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT"
        )


def _move_aside(path: Path) -> Path:
    """Rename the file and what belongs to it; nothing is deleted."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in _SIDECARS:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def _problem(error: sqlite3.OperationalError) -> Problem:
    if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
        return disk_full("the change")
    _log.error("the database failed: %s", error)
    return Problem(
        503, "storage_failed", "PEFT Studio cannot use its database", "the log has the details"
    )
