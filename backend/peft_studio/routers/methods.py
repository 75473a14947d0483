"""``GET /api/methods``: the ways to fine-tune, and which of them the installed peft has."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from peft_studio import methods, packages
from peft_studio.methods import Kind, Value
from peft_studio.routers.once_found import OnceFound


class Parameter(BaseModel):
    """Something that can be set; limits are inclusive."""

    name: str
    type: Kind
    default: Value
    description: str
    minimum: float | None
    maximum: float | None
    choices: list[str] | None


class Method(BaseModel):
    """A way to fine-tune; ``supported`` is whether the installed peft has it."""

    name: str
    title: str
    sentence: str
    supported: bool
    parameters: list[Parameter]


class Methods(BaseModel):
    """All methods, and the installed peft's version; ``null`` when there is none."""

    peft: str | None
    methods: list[Method]


def create_router() -> APIRouter:
    """The endpoint."""
    router = APIRouter()

    found = OnceFound(_look)

    @router.get("/api/methods")
    async def list_methods() -> Methods:
        """The ways to fine-tune."""
        return await found.get()

    return router


def _look() -> Methods:
    version = packages.version("peft")
    return Methods(peft=version, methods=[_shown(one, version) for one in methods.METHODS.values()])


def _shown(method: methods.Method, version: str | None) -> Method:
    return Method(
        name=method.name,
        title=method.title,
        sentence=method.sentence,
        supported=methods.supported(method, version),
        parameters=[
            Parameter(
                name=one.name,
                type=one.type,
                default=one.default,
                description=one.description,
                minimum=one.minimum,
                maximum=one.maximum,
                choices=None if one.choices is None else list(one.choices),
            )
            for one in method.parameters
        ],
    )
