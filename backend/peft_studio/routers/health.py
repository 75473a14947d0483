"""``GET /api/health``: the service is there. Asked every few seconds, and open to anyone."""

from __future__ import annotations

import time
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from peft_studio import __version__

PATH = "/api/health"


class Health(BaseModel):
    """The answer while the service runs."""

    status: Literal["healthy"]
    version: str
    uptime_seconds: float


def create_router(started: float) -> APIRouter:
    """The endpoint.

    :param started: the :func:`time.monotonic` from which uptime counts.
    """
    router = APIRouter()

    # On the event loop itself: worker threads may all be busy, and that is not ill health.
    @router.get(PATH)
    async def health() -> Health:
        uptime = round(time.monotonic() - started, 3)
        return Health(status="healthy", version=__version__, uptime_seconds=uptime)

    return router
