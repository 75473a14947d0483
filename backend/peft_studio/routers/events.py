"""``WS /api/runs/{id}/events``: a run as it goes on."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from peft_studio.errors import ProblemError
from peft_studio.runs.events import Listener, RunEvent
from peft_studio.runs.states import OVER
from peft_studio.studio import Studio

NO_SUCH_RUN = 4404
"""The close code for an unknown run: 4000 to 4999 are ours to give out (RFC 6455, 7.4.2)."""
BUSY = 1013
"""The close code when :data:`MOST` are watching: try again later (IANA's registry)."""
MOST = 100
"""Websockets that may be open at once. The process has some 1000 files to give away, and without
one it cannot say that it is healthy."""
FAILED = 1011
"""The close code when the run cannot be looked up; RFC 6455's for a fault of the server."""


def create_router(studio: Studio) -> APIRouter:
    """The endpoint."""
    router = APIRouter()
    watching = asyncio.Semaphore(MOST)

    @router.websocket("/api/runs/{run_id}/events")
    async def events(websocket: WebSocket, run_id: str) -> None:
        """First the run as it is, then every change; ends with the run."""
        # Accepted first: a browser's page cannot see why a handshake was refused.
        await websocket.accept()
        if watching.locked():
            await websocket.close(BUSY, "busy")
            return
        async with watching:
            try:
                await _watch(websocket, studio, run_id)
            except ProblemError as error:
                code = NO_SUCH_RUN if error.problem.status == 404 else FAILED
                await websocket.close(code, error.problem.id)

    return router


async def _watch(websocket: WebSocket, studio: Studio, run_id: str) -> None:
    manager = await run_in_threadpool(lambda: studio.runs)
    with manager.listeners.listening(run_id) as listener:
        run = await run_in_threadpool(manager.get, run_id)
        await _until_gone(websocket, RunEvent(type="snapshot", run=run), listener)


async def _until_gone(websocket: WebSocket, first: RunEvent, listener: Listener) -> None:
    """Tell the client until the run is over or the client leaves, whichever is first."""
    telling = asyncio.create_task(_tell(websocket, first, listener))
    hearing = asyncio.create_task(_hear(websocket))
    try:
        await asyncio.wait({telling, hearing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (telling, hearing):
            task.cancel()
        await asyncio.gather(telling, hearing, return_exceptions=True)


async def _tell(websocket: WebSocket, event: RunEvent, listener: Listener) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        await websocket.send_text(event.model_dump_json())
        while event.type != "deleted" and event.run.status not in OVER:
            event = await listener.next()
            await websocket.send_text(event.model_dump_json())
        await websocket.close(1000)


async def _hear(websocket: WebSocket) -> None:
    """Return when the client leaves; what it says is nothing to us."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
