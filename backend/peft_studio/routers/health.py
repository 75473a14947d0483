"""``GET /api/health``: the service is there. Asked every few seconds, and open to anyone.

Who asks with a challenge learns whether the answer comes from the service that was given the token,
and not from another program that has the port by now; the token itself does not travel.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel

from peft_studio import __version__, errors

PATH = "/api/health"
PROOF_DOMAIN = b"peft-studio/health/v1\n"
"""What stands in front of the challenge, so that a proof is one of health and nothing else."""


_Challenge = Annotated[str | None, Header(pattern=r"^[0-9a-f]{32,128}$")]


class Health(BaseModel):
    """The answer while the service runs."""

    status: Literal["healthy"]
    version: str
    uptime_seconds: float


def create_router(started: float, token: str | None) -> APIRouter:
    """The endpoint.

    :param started: the :func:`time.monotonic` from which uptime counts.
    :param token: the secret of this launch, with which challenges are answered.
    """
    router = APIRouter()

    # On the event loop itself: worker threads may all be busy, and that is not ill health.
    @router.get(PATH, responses=errors.responses(422))
    async def health(response: Response, x_peft_challenge: _Challenge = None) -> Health:
        if token is not None and x_peft_challenge is not None:
            response.headers["X-PEFT-Proof"] = _proof(token, x_peft_challenge)
        uptime = round(time.monotonic() - started, 3)
        return Health(status="healthy", version=__version__, uptime_seconds=uptime)

    return router


def _proof(token: str, challenge: str) -> str:
    message = PROOF_DOMAIN + challenge.encode("ascii")
    return hmac.new(token.encode("ascii"), message, hashlib.sha256).hexdigest()
