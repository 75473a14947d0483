"""``GET /api/dependencies``: what is installed, found out without importing any of it."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from peft_studio import packages
from peft_studio.routers.once_found import OnceFound

Group = Literal["service", "training"]

DEPENDENCIES: dict[Group, tuple[str, ...]] = {
    "service": ("fastapi", "pydantic", "starlette", "uvicorn"),
    "training": ("accelerate", "datasets", "peft", "safetensors", "torch", "transformers"),
}
"""Packages by what they are needed for; each one's module has the same name."""


class Dependency(BaseModel):
    """A package: there or not, and which version, if its metadata says."""

    name: str
    group: Group
    installed: bool
    version: str | None


class Dependencies(BaseModel):
    """Every package, and the names of those that are not there."""

    dependencies: list[Dependency]
    missing: list[str]


def create_router() -> APIRouter:
    """The endpoint."""
    router = APIRouter()
    # Nothing is installed into a service that runs: what was found once stays true.
    found = OnceFound(_look)

    @router.get("/api/dependencies")
    async def dependencies() -> Dependencies:
        """What is installed and what is not."""
        return await found.get()

    return router


def _look() -> Dependencies:
    found = [_look_up(name, group) for group, names in DEPENDENCIES.items() for name in names]
    return Dependencies(
        dependencies=found, missing=[one.name for one in found if not one.installed]
    )


def _look_up(name: str, group: Group) -> Dependency:
    installed = packages.has(name)
    return Dependency(
        name=name,
        group=group,
        installed=installed,
        version=packages.version(name) if installed else None,
    )
