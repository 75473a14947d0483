"""``/api/datasets``: upload, list, look into, delete."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from peft_studio import errors, ids
from peft_studio.datasets.formats import Format
from peft_studio.datasets.intake import receive, too_large
from peft_studio.datasets.library import Meta
from peft_studio.datasets.shapes import Shape
from peft_studio.datasets.statistics import Statistics
from peft_studio.errors import Problem, ProblemError
from peft_studio.studio import Studio

PATH = "/api/datasets"

DatasetId = Annotated[str, Path(pattern=ids.PATTERN)]
_BAD = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""Control characters, line ends, and Unicode's bidirectional controls, with which a label shows as
something else. As in a regular expression's brackets."""
_LABEL = {"pattern": rf"^[^{_BAD}]*[^{_BAD}\s][^{_BAD}]*$"}
_Name = Annotated[
    str,
    Query(
        min_length=1, max_length=200, description="a label, not a path", json_schema_extra=_LABEL
    ),
]
_Offset = Annotated[int, Query(ge=0, le=10**12)]
_Limit = Annotated[int, Query(ge=1, le=100)]

_SHOWN = 2000
"""Characters of a field that a preview shows."""
_MESSAGES = 50
"""Messages of a row that a preview shows."""

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "the file itself, in UTF-8",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class DatasetBody(BaseModel):
    """A data set: see :class:`peft_studio.datasets.library.Meta`."""

    id: str
    name: str
    format: Format
    shape: Shape
    created_at: float
    size: int
    statistics: Statistics


class DatasetList(BaseModel):
    """Every one, the newest first."""

    datasets: list[DatasetBody]


class MessageBody(BaseModel):
    """A message of a row."""

    role: str
    content: str


class RowBody(BaseModel):
    """A row: the fields of its shape, long ones cut."""

    text: str | None = None
    prompt: str | None = None
    completion: str | None = None
    messages: list[MessageBody] | None = None


class Preview(BaseModel):
    """Some rows, from ``offset`` (from 0), of ``total``."""

    offset: int
    total: int
    rows: list[RowBody]


def create_router(studio: Studio) -> APIRouter:
    """The endpoints."""
    router = APIRouter(prefix=PATH)

    @router.post(
        "",
        status_code=201,
        openapi_extra=_BODY,
        responses=errors.responses(413, 422, 503, 507),
    )
    async def upload(request: Request, name: _Name, format: Format) -> DatasetBody:
        limit = studio.settings.max_upload
        _check_label(name)
        if _announced(request) > limit:
            raise ProblemError(too_large(limit))
        library = await run_in_threadpool(lambda: studio.datasets)
        with library.workshop() as folder:
            try:
                await receive(request.stream(), folder / "upload", limit)
            except ClientDisconnect:
                raise ProblemError(_INTERRUPTED) from None
            meta = await run_in_threadpool(library.add, folder / "upload", name, format)
        return _body(meta)

    @router.get("", responses=errors.responses(503, 507))
    def datasets() -> DatasetList:
        return DatasetList(datasets=[_body(meta) for meta in studio.datasets.all()])

    one = errors.responses(404, 422, 503, 507)

    @router.get("/{dataset_id}", responses=one)
    def dataset(dataset_id: DatasetId) -> DatasetBody:
        return _body(studio.datasets.get(dataset_id).meta)

    @router.get("/{dataset_id}/preview", responses=one, response_model_exclude_none=True)
    def preview(dataset_id: DatasetId, offset: _Offset = 0, limit: _Limit = 20) -> Preview:
        total = studio.datasets.get(dataset_id).meta.statistics.rows
        rows = studio.datasets.preview(dataset_id, min(offset, total), limit)
        return Preview(offset=offset, total=total, rows=[_cut(row) for row in rows])

    @router.delete("/{dataset_id}", status_code=204, responses=one | errors.responses(409))
    def delete(dataset_id: DatasetId) -> None:
        studio.datasets.delete(dataset_id)

    return router


_INTERRUPTED = Problem(400, "upload_interrupted", "the client went away before all was sent")


def _announced(request: Request) -> int:
    """How many bytes the client means to send; 0 when it does not say."""
    text = request.headers.get("content-length", "")
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else 0


def _check_label(name: str) -> None:
    """A name is shown and nothing else; what would spoil that is refused, in better words than
    those of a pattern."""
    bad = re.search(f"[{_BAD}]", name)
    if bad or not name.strip():
        what = f"the control character U+{ord(bad[0]):04X}" if bad else "nothing but spaces"
        raise ProblemError(Problem(422, "invalid_request", f"query.name: has {what}"))


def _body(meta: Meta) -> DatasetBody:
    return DatasetBody.model_validate(meta, from_attributes=True)


def _cut(row: dict[str, Any]) -> RowBody:
    if "messages" in row:
        messages = [
            MessageBody(role=one["role"], content=_short(one["content"]))
            for one in row["messages"][:_MESSAGES]
        ]
        return RowBody(messages=messages)
    return RowBody.model_validate({field: _short(text) for field, text in row.items()})


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
