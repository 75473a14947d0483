"""Opening the SQLite file: migrated, in WAL mode; moved aside when it is damaged."""

from __future__ import annotations

import contextlib
import itertools
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from peft_studio.errors import Problem, ProblemError, disk_full
from peft_studio.start_error import DataDirectoryError
from peft_studio.storage.migrations import MIGRATIONS

_log = logging.getLogger(__name__)

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNUSABLE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR})
_SIDECARS = ("", "-wal", "-shm")


class NewerDatabaseError(DataDirectoryError):
    """The file was written by a newer PEFT Studio; it was left as it is."""

    def __init__(self, path: Path, version: int) -> None:
        super().__init__(
            f"{path} was written by a newer PEFT Studio (its format is {version}, this one knows "
            f"{len(MIGRATIONS)}): update PEFT Studio, or choose another directory with --data-dir"
        )


def refuse_newer(path: Path) -> None:
    """Look at the file, if there is one, before the service starts on it.

    A damaged one passes: :class:`Database` moves it aside.

    :raises NewerDatabaseError: see there.
    :raises DataDirectoryError: when it cannot be opened.
    """
    if not path.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as file:
            (version,) = file.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        if _code(error) in _UNUSABLE:
            raise DataDirectoryError(f"{path} cannot be used: {error}") from error
        return
    if version > len(MIGRATIONS):
        raise NewerDatabaseError(path, version)


class Database:
    """The open file. Methods may be called from any thread; one transaction runs at a time.

    :param path: created when it is not there.
    :raises NewerDatabaseError: see there.
    :raises ProblemError: ``disk_full``, or ``storage_failed`` when the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._closed = False
        self.moved_aside: Path | None = None
        """Where a damaged file was moved to when this one was opened."""
        try:
            self._connection = _open(path)
        except sqlite3.DatabaseError as error:
            if _code(error) not in _DAMAGED:
                raise ProblemError(_problem(error)) from error
            self.moved_aside = _move_aside(path)
            _log.error("%s is damaged (%s); moved to %s", path, error, self.moved_aside)
            self._connection = _open(path)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed at the end, undone when the body raises.

        :raises ProblemError: ``disk_full``, or ``storage_failed`` when SQLite cannot go on.
        """
        with self._lock:
            if self._closed:
                raise ProblemError(_STOPPING)
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                with self._connection:
                    yield self._connection
            except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
                raise  # a bug of ours
            except sqlite3.DatabaseError as error:
                raise ProblemError(_problem(error)) from error

    def close(self) -> None:
        """Fold the log into the file and close it."""
        with self._lock:
            self._closed = True
            self._connection.close()


_STOPPING = Problem(503, "storage_failed", "PEFT Studio is stopping", "start it again")


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
        _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise NewerDatabaseError(path, version)
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT"
        )


def _move_aside(path: Path) -> Path:
    """Rename the file and what belongs to it; nothing is deleted or replaced."""
    stamp = f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    names = (
        path.with_name(stamp + more)
        for more in itertools.chain([""], map("-{}".format, itertools.count(2)))
    )
    aside = next(name for name in names if not name.exists())
    for suffix in _SIDECARS:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _problem(error: sqlite3.DatabaseError) -> Problem:
    if _code(error) == sqlite3.SQLITE_FULL:
        return disk_full("the change")
    _log.error("the database failed: %s", error)
    hint = "start PEFT Studio again" if _code(error) in _DAMAGED else "the log has the details"
    return Problem(503, "storage_failed", f"PEFT Studio cannot use its database: {error}", hint)
