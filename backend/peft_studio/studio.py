"""What the service consists of behind its endpoints, put together in one place.

Nothing is made before it is asked for: a service that only says that it is healthy touches no file.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from functools import cached_property
from pathlib import Path

from fastapi import FastAPI

from peft_studio.data_dir import DataDir
from peft_studio.notices import Notice, Notices
from peft_studio.settings import Settings
from peft_studio.storage.database import Database


class Studio:
    """The parts of one service, each made when it is first used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def data(self) -> DataDir:
        """The data directory, which is there."""
        data = DataDir(self.settings.data_dir)
        data.create()
        return data

    @cached_property
    def notices(self) -> Notices:
        """What the user should hear of."""
        return Notices()

    @cached_property
    def database(self) -> Database:
        """The open database; a notice says so when a damaged one was moved aside for it."""
        database = Database(self.data.database)
        if database.moved_aside:
            self.notices.add(_damaged(database.moved_aside))
        return database

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        """From the service's start to its end."""
        yield
        self.close()

    def close(self) -> None:
        """End what runs and close what is open."""
        if "database" in self.__dict__:
            self.database.close()


def _damaged(moved_aside: Path) -> Notice:
    return Notice(
        "database_damaged",
        f"the database was damaged: it was moved to {moved_aside.name} and a new one begun",
        "models and data sets are still there; the list of runs begins anew",
    )
