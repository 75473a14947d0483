"""The data sets that are there.

Each is a directory, which is whole or not there at all, and a row of the database, which lists
them. The directories are the truth: rows are mended from them when the service starts.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from peft_studio import ids
from peft_studio.data_dir import DataDir, sync
from peft_studio.datasets.formats import Format
from peft_studio.datasets.intake import convert
from peft_studio.datasets.shapes import Shape
from peft_studio.datasets.statistics import Statistics
from peft_studio.errors import Problem, ProblemError
from peft_studio.storage.database import Database

_log = logging.getLogger(__name__)

_META = "meta.json"
_META_LIMIT = 1 << 16
"""Bytes of a ``meta.json``; ours have a few hundred."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What ``meta.json`` and the database say of a data set.

    :param format: what was uploaded; what is kept is JSONL of ``shape``.
    :param created_at: seconds since the epoch.
    :param size: bytes of what is kept.
    """

    id: str
    name: str
    format: Format
    shape: Shape
    created_at: float
    size: int
    statistics: Statistics


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set that is there.

    :param path: its ``data.jsonl``.
    """

    meta: Meta
    path: Path


class Datasets:
    """The data sets of a data directory. Any thread may ask.

    :param in_use: whether a run that is not over needs the data set with this id.
    """

    def __init__(
        self, data: DataDir, database: Database, in_use: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._data, self._database, self._in_use = data, database, in_use
        self._mend()

    def all(self) -> list[Meta]:
        """Every one, the newest first."""
        with self._database.transaction() as connection:
            found = connection.execute("SELECT meta FROM datasets ORDER BY created_at DESC, id")
            return [_ADAPTER.validate_json(row["meta"]) for row in found]

    def get(self, dataset_id: str) -> Dataset:
        """The one with this id.

        :raises ProblemError: ``dataset_not_found``.
        """
        meta = self._listed(dataset_id)
        path = self._data.datasets / meta.id / "data.jsonl"
        if not path.is_file():
            raise ProblemError(_not_found(dataset_id))
        return Dataset(meta, path)

    def preview(self, dataset_id: str, offset: int, limit: int) -> list[dict[str, Any]]:
        """Rows as they are kept, from the one numbered ``offset`` (from 0), ``limit`` at most.

        :raises ProblemError: ``dataset_not_found``.
        """
        with self.get(dataset_id).path.open("rb") as file:
            return [json.loads(line) for line in islice(file, offset, offset + limit)]

    @contextlib.contextmanager
    def workshop(self) -> Iterator[Path]:
        """A new directory for an upload; whatever is in it at the end is deleted."""
        folder = self._data.tmp / ids.new()
        folder.mkdir(mode=0o700, parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def add(self, source: Path, name: str, form: Format) -> Meta:
        """Check what was uploaded and keep it.

        :param source: the upload, in a :meth:`workshop`.
        :raises ProblemError: ``dataset_invalid``, ``disk_full`` or ``storage_failed``.
        :raises OSError: when it cannot be written.
        """
        made = source.with_name("made")
        made.mkdir(mode=0o700)
        taken = convert(source, made / "data.jsonl", form)
        meta = Meta(
            id=ids.new(),
            name=name,
            format=form,
            shape=taken.shape,
            created_at=time.time(),
            size=taken.size,
            statistics=taken.statistics,
        )
        _write(made / _META, _ADAPTER.dump_json(meta, indent=1))
        self._publish(made, meta)
        return meta

    def delete(self, dataset_id: str) -> None:
        """Delete the one with this id, or what is left of it.

        :raises ProblemError: ``dataset_not_found``, or ``dataset_in_use``.
        """
        folder = self._data.datasets / self._listed(dataset_id).id
        if self._in_use(dataset_id):
            raise ProblemError(_IN_USE)
        with self.workshop() as workshop, self._database.transaction() as connection:
            connection.execute("DELETE FROM datasets WHERE id = ?", (dataset_id,))
            # The user may have removed it, or we did, and the disk was too full to commit.
            with contextlib.suppress(FileNotFoundError):
                folder.rename(workshop / "gone")

    def _listed(self, dataset_id: str) -> Meta:
        with self._database.transaction() as connection:
            query = "SELECT meta FROM datasets WHERE id = ?"
            row = connection.execute(query, (dataset_id,)).fetchone()
        if row is None:
            raise ProblemError(_not_found(dataset_id))
        return _ADAPTER.validate_json(row["meta"])

    def _publish(self, made: Path, meta: Meta) -> None:
        place = self._data.datasets / meta.id
        with self._database.transaction() as connection:
            _insert(connection, meta)
            sync(made)
            made.rename(place)
            sync(place.parent)

    def _mend(self) -> None:
        """Make the rows say what the directories are."""
        there = {meta.id: meta for meta in map(_read, self._data.datasets.iterdir()) if meta}
        with self._database.transaction() as connection:
            listed = {row["id"] for row in connection.execute("SELECT id FROM datasets")}
            for lost in listed - there.keys():
                _log.warning("the data set %s is gone from the data directory", lost)
                connection.execute("DELETE FROM datasets WHERE id = ?", (lost,))
            for found in there.keys() - listed:
                _log.warning("the data set %s was not listed; it is again", found)
                _insert(connection, there[found])


_ADAPTER = TypeAdapter(Meta)

_IN_USE = Problem(
    409,
    "dataset_in_use",
    "a run that is not over uses the data set",
    "cancel the run, or wait for its end",
)


def _not_found(dataset_id: str) -> Problem:
    return Problem(404, "dataset_not_found", f"there is no data set {dataset_id}")


def _insert(connection: sqlite3.Connection, meta: Meta) -> None:
    values = (meta.id, _ADAPTER.dump_json(meta).decode(), meta.created_at)
    connection.execute("INSERT INTO datasets (id, meta, created_at) VALUES (?, ?, ?)", values)


def _read(folder: Path) -> Meta | None:
    """What the directory says of itself; ``None`` for one that is not ours."""
    try:
        with (folder / _META).open("rb") as file:
            meta = _ADAPTER.validate_json(file.read(_META_LIMIT))
    except (OSError, ValidationError) as error:
        _log.warning("%s is no data set: %s", folder, type(error).__name__)
        return None
    whole = (folder / "data.jsonl").is_file()
    return meta if whole and meta.id == folder.name and re.fullmatch(ids.PATTERN, meta.id) else None


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
