"""Running the app under uvicorn, on a socket that listens already."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from peft_studio import __version__
from peft_studio.settings import Settings
from peft_studio.shutdown import GRACE, Shutdown

_log = logging.getLogger(__name__)

_KEEP_ALIVE = 75
"""Seconds an idle connection stays open. The desktop app asks for health every 5 s; uvicorn's own
5 s would close its connection just as it is used again."""
_FRAME = 1024
"""Bytes of a websocket's message: clients have nothing to say there."""


def serve(app: FastAPI, settings: Settings, listener: socket.socket, shutdown: Shutdown) -> None:
    """Serve ``app`` on ``listener`` until ``shutdown`` is asked for; say on stdout when ready."""
    if settings.token is None and settings.locked:
        _log.warning("PEFT_STUDIO_TOKEN is not set: only health answers (see --no-token)")
    elif settings.token is None:
        _log.warning("no token is set: every program on this machine may use the service")
    _log.info("data directory: %s", settings.data_dir)
    _Server(_config(app, settings), settings, shutdown).run(sockets=[listener])


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        # Named, so that development and the packed app run the same code whatever is installed.
        loop="asyncio",
        http="h11",
        # Declared as a class, but only ever called.
        ws=cast(type[asyncio.Protocol], _websocket),
        ws_max_size=_FRAME,
        lifespan="on",
        log_config=None,
        access_log=settings.log_level == "debug",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        # Declared as whole seconds, but only ever handed to asyncio.wait_for.
        timeout_graceful_shutdown=cast(int, GRACE),
    )


def _websocket(**arguments: Any) -> asyncio.Protocol:
    """The protocol of a connection that becomes a websocket; the first one imports it."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    return WebSocketsSansIOProtocol(**arguments)


class _Server(uvicorn.Server):
    """Uvicorn's server, which says when it is ready and stops when :class:`Shutdown` says so."""

    def __init__(self, config: uvicorn.Config, settings: Settings, shutdown: Shutdown) -> None:
        super().__init__(config)
        self._settings = settings
        self._shutdown = shutdown

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _announce(self._settings)

    async def on_tick(self, counter: int) -> bool:
        if reason := self._shutdown.reason:
            _log.info("stopping: %s", reason)
            return True
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Uvicorn would raise the signal once more after stopping: exit code -15 instead of 0.
        yield


def _announce(settings: Settings) -> None:
    """Write the one line on stdout that says that requests are answered from now on."""
    ready: dict[str, Any] = {
        "event": "ready",
        "host": settings.host,
        "port": settings.port,
        "pid": os.getpid(),
        "version": __version__,
    }
    _log.info("ready on %s port %d", settings.host, settings.port)
    if sys.stdout is not None:
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
