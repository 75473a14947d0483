"""Answers that need the disk once and are the same ever after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from fastapi.concurrency import run_in_threadpool

T = TypeVar("T")


class OnceFound(Generic[T]):
    """What ``look`` finds, in a worker thread, when it is first asked for."""

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._found: T | None = None

    async def get(self) -> T:
        """What was found. Who asks at the same time for the first time looks as well."""
        if self._found is None:
            self._found = await run_in_threadpool(self._look)
        return self._found
