"""``GET /api/version``: what is running, for bug reports."""

from __future__ import annotations

import platform
import sysconfig

from fastapi import APIRouter
from pydantic import BaseModel

from peft_studio import __version__

router = APIRouter()


class Version(BaseModel):
    """The service, the interpreter and the platform it was built for (``linux-x86_64``)."""

    version: str
    python: str
    platform: str


@router.get("/api/version")
async def version() -> Version:
    """What is running."""
    return Version(
        version=__version__,
        python=platform.python_version(),
        platform=sysconfig.get_platform(),
    )
