"""``GET /api/hardware``: processors, memory, GPUs."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from peft_studio.studio import Studio


class CpuBody(BaseModel):
    """Logical processors that may be used."""

    count: int
    model: str | None


class MemoryBody(BaseModel):
    """Bytes; null where the system does not tell."""

    total: int | None
    available: int | None


class GpuBody(BaseModel):
    """A graphics processor; ``memory`` in bytes, null when it shares the machine's."""

    name: str
    memory: int | None


class HardwareBody(BaseModel):
    """What there is to compute with.

    ``source`` is who found the GPUs: the ``system``, or ``torch`` once a run has loaded it.
    """

    cpu: CpuBody
    memory: MemoryBody
    gpus: list[GpuBody]
    source: Literal["system", "torch"]


def create_router(studio: Studio) -> APIRouter:
    """The endpoint."""
    router = APIRouter()

    # Not async, so that it runs in a worker thread: a tool of the system may be slow.
    @router.get("/api/hardware")
    def hardware() -> HardwareBody:
        return HardwareBody.model_validate(studio.hardware.now(), from_attributes=True)

    return router
