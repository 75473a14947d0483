"""What the manager of runs works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft_studio.runs.spec import Run, RunRequest
from peft_studio.runs.states import Event, heard
from peft_studio.worker.pipe import Message
from peft_studio.worker.process import Worker


@dataclass(frozen=True, slots=True)
class Rules:
    """What the rest of the service says about runs.

    :param prepare: what a child is told beyond the request: where model and data are. Raises
        ``ProblemError`` when there is no such run to be had.
    :param before_start: called before a child is started, to make room.
    :param on_hardware: told what a child found.
    """

    prepare: Callable[[RunRequest], Mapping[str, Any]]
    before_start: Callable[[], None] = lambda: None
    on_hardware: Callable[[Message], None] = lambda report: None


@dataclass(frozen=True, slots=True)
class AdapterRef:
    """A finished adapter.

    :param path: its directory, as peft reads it.
    :param model: the id of the model it belongs to.
    """

    path: Path
    model: str


@dataclass(slots=True)
class Job:
    """The run that has a child. ``over`` once the child has said how it ended."""

    run: Run
    worker: Worker | None = None
    over: bool = False


def happened(job: Job, event: Event, **changes: Any) -> None:
    """``event`` takes the job's run on, if it is not too late for it; ``changes`` come with it."""
    status = heard(job.run.status, event)
    job.run = job.run.model_copy(update={"status": status or job.run.status} | changes)
