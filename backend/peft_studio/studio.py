"""What the service consists of behind its endpoints, put together in one place.

Nothing is made before it is asked for: a service that only says that it is healthy touches no file.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from peft_studio.data_dir import DataDir
from peft_studio.datasets.library import Datasets
from peft_studio.generating.generator import Generator
from peft_studio.generating.job import Source
from peft_studio.hardware.machine import Hardware
from peft_studio.models.library import Models
from peft_studio.notices import Notice, Notices
from peft_studio.runs.job import Rules
from peft_studio.runs.manager import Runs
from peft_studio.runs.preparing import prepared
from peft_studio.runs.spec import RunRequest
from peft_studio.runs.store import RunStore
from peft_studio.settings import Settings
from peft_studio.storage.database import Database
from peft_studio.training import child as training

if TYPE_CHECKING:
    part = cached_property
else:

    class part(cached_property):  # noqa: N801 - reads as what it is, a kind of property
        """A part that is made once, whichever threads ask for it at the same time."""

        def __get__(self, studio, owner=None):
            if studio is None:
                return self
            with studio.lock:
                return super().__get__(studio, owner)


class Studio:
    """The parts of one service, each made when it is first used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lock = threading.RLock()

    @part
    def data(self) -> DataDir:
        """The data directory, which is there."""
        data = DataDir(self.settings.data_dir)
        data.create()
        return data

    @part
    def notices(self) -> Notices:
        """What the user should hear of."""
        return Notices()

    @part
    def database(self) -> Database:
        """The open database; a notice says so when a damaged one was moved aside for it."""
        database = Database(self.data.database)
        if database.moved_aside:
            self.notices.add(_damaged(database.moved_aside))
        return database

    @part
    def generator(self) -> Generator:
        """What writes texts."""
        return Generator(self.data, self.settings.model_idle, self.hardware.learned)

    def source(self, model: str | None, run: str | None) -> Source:
        """Where what writes a text comes from.

        :param model: a model's id, or ``None`` when ``run``, a completed run's, is given.
        :raises ProblemError: what :meth:`Runs.adapter` and :meth:`Models.resolve` raise.
        """
        adapter = None if run is None else self.runs.adapter(run)
        found = self.models.resolve(model or "" if adapter is None else adapter.model)
        path = None if adapter is None else str(adapter.path)
        return Source(found.source, found.revision, found.local, path)

    @part
    def datasets(self) -> Datasets:
        """What there is to train on."""
        return Datasets(self.data, self.database, self.runs.uses_dataset)

    @part
    def runs(self) -> Runs:
        """The trainings."""
        store = RunStore(self.database, self.data.runs)
        rules = Rules(self._prepared, self._make_room, self.hardware.learned)
        return Runs(store, rules, training.main)

    def _prepared(self, request: RunRequest) -> Mapping[str, Any]:
        return prepared(request, self.models, self.datasets, self.data.hub)

    def _make_room(self) -> None:
        if "generator" in self.__dict__:
            self.generator.make_room()

    @part
    def models(self) -> Models:
        """What there is to be fine-tuned."""
        return Models(self.data)

    @part
    def hardware(self) -> Hardware:
        """What there is to compute with."""
        return Hardware()

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        """From the service's start to its end."""
        yield
        self.close()

    def close(self) -> None:
        """End what runs and close what is open."""
        if "runs" in self.__dict__:
            self.runs.close()
        if "generator" in self.__dict__:
            self.generator.close()
        if "database" in self.__dict__:
            self.database.close()


def _damaged(moved_aside: Path) -> Notice:
    return Notice(
        "database_damaged",
        f"the database was damaged: it was moved to {moved_aside.name} and a new one begun",
        "models, data sets and runs are still there; the history of earlier runs is not",
    )
