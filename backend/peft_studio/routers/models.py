"""``GET /api/models``: the models that are there."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from peft_studio import errors
from peft_studio.models.library import Kind, Model
from peft_studio.studio import Studio


class ModelBody(BaseModel):
    """A model.

    ``id`` is what runs call it by; ``parameters`` is their number; ``size`` is in bytes;
    ``problem`` says why it cannot be used.
    """

    id: str
    kind: Kind
    name: str
    architecture: str | None
    parameters: int | None
    size: int
    problem: str | None


class ModelList(BaseModel):
    """Local models first, each kind by name."""

    models: list[ModelBody]


def create_router(studio: Studio) -> APIRouter:
    """The endpoint."""
    router = APIRouter()

    @router.get("/api/models", responses=errors.responses(503, 507))
    def models() -> ModelList:
        return ModelList(models=[_body(model) for model in studio.models.all()])

    return router


def _body(model: Model) -> ModelBody:
    seen = model.look
    return ModelBody(
        id=model.id,
        kind=model.kind,
        name=model.name,
        architecture=seen.architecture,
        parameters=seen.parameters,
        size=seen.size,
        problem=seen.flaw.message if seen.flaw else None,
    )
