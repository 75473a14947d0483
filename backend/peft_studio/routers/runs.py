"""``/api/runs``: starting, watching and ending training runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from peft_studio import ids
from peft_studio.errors import responses
from peft_studio.runs.export import zipped
from peft_studio.runs.spec import Metric, Run, RunRequest
from peft_studio.studio import Studio

_Id = Annotated[str, Path(pattern=ids.PATTERN)]
_METRICS_LIMIT = 10_000
_REFUSED = responses(404, 409, 422, 503, 507)


class RunList(BaseModel):
    """Runs, the newest first."""

    runs: list[Run]


class MetricList(BaseModel):
    """A run's history, by step."""

    metrics: list[Metric]


def create_router(studio: Studio) -> APIRouter:
    """The endpoints. Each touches the disk, so each runs in a worker thread."""
    router = APIRouter(prefix="/api/runs")

    @router.post("", status_code=202, responses=_REFUSED)
    def start(request: RunRequest) -> Run:
        """Take a run on; it starts when it is its turn."""
        return studio.runs.create(request)

    @router.get("", responses=responses(503, 507))
    def list_all() -> RunList:
        """Every run."""
        return RunList(runs=studio.runs.all())

    @router.get("/{run_id}", responses=responses(404, 422, 503))
    def get(run_id: _Id) -> Run:
        """One run."""
        return studio.runs.get(run_id)

    @router.get("/{run_id}/metrics", responses=responses(404, 422, 503))
    def metrics(
        run_id: _Id,
        after: Annotated[int, Query(ge=-1, lt=2**53)] = -1,
        limit: Annotated[int, Query(ge=1, le=_METRICS_LIMIT)] = _METRICS_LIMIT,
    ) -> MetricList:
        """What was measured past step ``after``."""
        return MetricList(metrics=studio.runs.metrics(run_id, after, limit))

    @router.post("/{run_id}/pause", responses=_REFUSED)
    def pause(run_id: _Id) -> Run:
        """Write a checkpoint and end the child."""
        return studio.runs.pause(run_id)

    @router.post("/{run_id}/resume", responses=_REFUSED)
    def resume(run_id: _Id) -> Run:
        """Go on from the newest checkpoint."""
        return studio.runs.resume(run_id)

    @router.post("/{run_id}/cancel", responses=_REFUSED)
    def cancel(run_id: _Id) -> Run:
        """End the run for good."""
        return studio.runs.cancel(run_id)

    @router.delete("/{run_id}", status_code=204, responses=_REFUSED)
    def delete(run_id: _Id) -> None:
        """Forget the run and delete its files."""
        studio.runs.delete(run_id, studio.data.tmp)

    @router.get(
        "/{run_id}/adapter",
        response_class=StreamingResponse,
        responses={200: {"content": {"application/zip": {}}}, **responses(404, 409, 422, 503)},
    )
    def adapter(run_id: _Id) -> StreamingResponse:
        """The adapter, as a zip of safetensors, peft's configuration and a README."""
        name = f'attachment; filename="adapter-{run_id}.zip"'
        return StreamingResponse(
            zipped(studio.runs.adapter(run_id).path),
            media_type="application/zip",
            headers={"Content-Disposition": name},
        )

    return router
