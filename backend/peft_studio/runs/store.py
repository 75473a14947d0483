"""Runs and their history in the database, and beside each run's files once more.

``runs/<id>/spec.json`` is what brings a run back when the database was damaged and moved aside.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import sqlite3
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from peft_studio import ids
from peft_studio.runs.places import ADAPTER
from peft_studio.runs.spec import Failure, Metric, Progress, Run, RunRequest
from peft_studio.runs.states import ACTIVE, Status
from peft_studio.storage.database import Database

_log = logging.getLogger(__name__)

_SPEC = "spec.json"
_SPEC_LIMIT = 1 << 20


class RunStore:
    """The rows of runs and metrics. Every method may raise ``ProblemError`` as storage does.

    :param folder: where each run has a directory.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder

    def folder(self, run_id: str) -> Path:
        """Where the run's files are; ``run_id`` is one of ours."""
        return self._folder / run_id

    def add(self, run: Run) -> None:
        """Remember a new run, in the database and in its directory."""
        folder = self.folder(run.id)
        folder.mkdir(mode=0o700)
        text = json.dumps({"created_at": run.created_at, "request": _request(run)})
        try:
            (folder / _SPEC).write_text(text, encoding="utf-8")
            with self._database.transaction() as database:
                _insert(database, run)
        except BaseException:
            # Its files would bring back at the next start what the client was told is not there.
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def get(self, run_id: str) -> Run | None:
        """One run, if there is such."""
        with self._database.transaction() as database:
            row = database.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
        return None if row is None else _run(row)

    def all(self) -> list[Run]:
        """Every run, the newest first."""
        with self._database.transaction() as database:
            rows = database.execute("SELECT * FROM runs ORDER BY created_at DESC, id").fetchall()
        return [_run(row) for row in rows]

    def update(self, run: Run) -> None:
        """Write down where the run stands."""
        with self._database.transaction() as database:
            _update(database, run)

    def progress(self, run: Run) -> None:
        """Write down where the run stands, and its progress as history."""
        assert run.progress is not None  # noqa: S101 - that is why it is called
        at = run.progress
        with self._database.transaction() as database:
            _update(database, run)
            # A step that is done again after a crash replaces what it said before.
            database.execute(
                "INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?, ?, ?)",
                (run.id, at.step, at.epoch, at.loss, at.learning_rate, at.tokens_per_second),
            )

    def metrics(self, run_id: str, after: int, limit: int) -> list[Metric]:
        """What was measured past step ``after``, at most ``limit`` steps."""
        with self._database.transaction() as database:
            rows = database.execute(
                "SELECT step, epoch, loss, learning_rate, tokens_per_second FROM metrics"
                " WHERE run = ? AND step > ? ORDER BY step LIMIT ?",
                (run_id, after, limit),
            ).fetchall()
        return [Metric(**dict(row)) for row in rows]

    def remove(self, run_id: str) -> None:
        """Forget a run and its history."""
        with self._database.transaction() as database:
            database.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def recover(self) -> None:
        """After a start: what was active is interrupted, and lost rows are found again."""
        known = self.all()
        for run in known:
            if run.status in ACTIVE:
                self.update(run.model_copy(update={"status": "interrupted"}))
        for run in _on_disk(self._folder, {run.id for run in known}):
            _log.warning("run %s was found again by its files", run.id)
            with self._database.transaction() as database:
                _insert(database, run)


def _insert(database: sqlite3.Connection, run: Run) -> None:
    database.execute(
        "INSERT INTO runs (id, spec, status, created_at, started_at, ended_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            run.id,
            json.dumps(_request(run)),
            run.status,
            run.created_at,
            run.started_at,
            run.ended_at,
        ),
    )


def _update(database: sqlite3.Connection, run: Run) -> None:
    database.execute(
        "UPDATE runs SET status = ?, started_at = ?, ended_at = ?, progress = ?, error = ?"
        " WHERE id = ?",
        (
            run.status,
            run.started_at,
            run.ended_at,
            run.progress and run.progress.model_dump_json(),
            run.error and run.error.model_dump_json(),
            run.id,
        ),
    )


def _request(run: Run) -> dict[str, Any]:
    return run.model_dump(include=set(RunRequest.model_fields))


def _run(row: sqlite3.Row) -> Run:
    return Run(
        **json.loads(row["spec"]),
        id=row["id"],
        status=row["status"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        progress=row["progress"] and Progress.model_validate_json(row["progress"]),
        error=row["error"] and Failure.model_validate_json(row["error"]),
    )


def _on_disk(folder: Path, known: Collection[str]) -> list[Run]:
    """Runs that have files but no row."""
    found = []
    for path in sorted(folder.iterdir()):
        if re.fullmatch(ids.PATTERN, path.name) and path.name not in known:
            try:
                found.append(_read(path))
            except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
                _log.warning("the run in %s cannot be read: %s", path, error)
    return found


def _read(path: Path) -> Run:
    with (path / _SPEC).open("rb") as file:
        saved = json.loads(file.read(_SPEC_LIMIT))
    finished = (path / ADAPTER).is_dir()
    status: Status = "completed" if finished else "interrupted"
    request = RunRequest.model_validate(saved["request"])
    return Run(
        **request.model_dump(),
        id=path.name,
        status=status,
        created_at=float(saved["created_at"]),
        ended_at=time.time() if finished else None,
    )
