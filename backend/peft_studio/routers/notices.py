"""``GET /api/notices``: what happened that the user should hear of, such as a damaged database."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from peft_studio import errors
from peft_studio.studio import Studio


class NoticeBody(BaseModel):
    """See :class:`peft_studio.notices.Notice`."""

    id: str
    message: str
    hint: str | None
    at: float


class NoticeList(BaseModel):
    """Those of this launch, oldest first."""

    notices: list[NoticeBody]


def create_router(studio: Studio) -> APIRouter:
    """The endpoint."""
    router = APIRouter()

    @router.get("/api/notices", responses=errors.responses(503, 507))
    def notices() -> NoticeList:
        # Opened here if nobody did before, or the first thing to say would come too late.
        _ = studio.database
        return NoticeList.model_validate({"notices": studio.notices.all()}, from_attributes=True)

    return router
