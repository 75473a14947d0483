"""Who watches a run, and what they hear: threads tell, the event loop listens."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel

from peft_studio.runs.spec import Run

_BACKLOG = 200
"""Events a reader may be behind before it loses the oldest. The newest one says everything."""


class RunEvent(BaseModel):
    """The run as it stands after something happened to it."""

    type: Literal["snapshot", "status", "progress", "deleted"]
    run: Run


class Listener:
    """One reader's events. Made and read on an event loop, filled from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: deque[RunEvent] = deque(maxlen=_BACKLOG)
        self._arrived = asyncio.Event()

    def tell(self, event: RunEvent) -> None:
        """From any thread: something happened."""
        # A loop that is closed has no reader any more.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._take, event)

    def _take(self, event: RunEvent) -> None:
        self._events.append(event)
        self._arrived.set()

    async def next(self) -> RunEvent:
        """The oldest event that was not read yet, when there is one."""
        while not self._events:
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()


class Listeners:
    """Everyone who watches, by run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_run: dict[str, set[Listener]] = {}

    @contextlib.contextmanager
    def listening(self, run_id: str) -> Iterator[Listener]:
        """A listener that hears of ``run_id`` until the end of the block."""
        listener = Listener()
        with self._lock:
            self._by_run.setdefault(run_id, set()).add(listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._by_run[run_id].discard(listener)
                if not self._by_run[run_id]:
                    del self._by_run[run_id]

    def tell(self, event: RunEvent) -> None:
        """Tell those who watch this run."""
        with self._lock:
            listeners = list(self._by_run.get(event.run.id, ()))
        for listener in listeners:
            listener.tell(event)
