"""Where a run stands, and what may be done to it there. Pure.

::

    queued -> starting -> running -> completed
                             |-> failed
                             |-> pausing -> paused
    paused, interrupted, failed -> (resume) -> queued
    whatever is not over -> (cancel) -> cancelled

A run is ``interrupted`` when the service ended while it was active.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from peft_studio.errors import Problem, ProblemError

Status = Literal[
    "queued",
    "starting",
    "running",
    "pausing",
    "paused",
    "interrupted",
    "completed",
    "failed",
    "cancelled",
]
Command = Literal["pause", "resume", "cancel", "delete"]
"""What a client may ask for."""
Event = Literal["picked", "started", "paused", "completed", "failed", "lost"]
"""What happens to a run: it is its turn, and what its child says; ``lost`` is the service's end."""

ACTIVE: frozenset[Status] = frozenset({"queued", "starting", "running", "pausing"})
"""Where something happens by itself."""
OVER: frozenset[Status] = frozenset({"completed", "failed", "cancelled"})
"""Where nothing more comes, unless a failed run is resumed."""

_COMMANDS: Mapping[tuple[Command, Status], Status] = {
    ("pause", "queued"): "paused",
    ("pause", "starting"): "pausing",
    ("pause", "running"): "pausing",
    ("resume", "paused"): "queued",
    ("resume", "interrupted"): "queued",
    ("resume", "failed"): "queued",
    ("cancel", "queued"): "cancelled",
    ("cancel", "starting"): "cancelled",
    ("cancel", "running"): "cancelled",
    ("cancel", "pausing"): "cancelled",
    ("cancel", "paused"): "cancelled",
    ("cancel", "interrupted"): "cancelled",
    ("delete", "paused"): "cancelled",
    ("delete", "interrupted"): "cancelled",
    ("delete", "completed"): "completed",
    ("delete", "failed"): "failed",
    ("delete", "cancelled"): "cancelled",
}

_EVENTS: Mapping[tuple[Event, Status], Status] = {
    ("picked", "queued"): "starting",
    ("started", "starting"): "running",
    # A child that was asked to pause may finish or fail before it does.
    ("paused", "pausing"): "paused",
    ("completed", "starting"): "completed",
    ("completed", "running"): "completed",
    ("completed", "pausing"): "completed",
    ("failed", "starting"): "failed",
    ("failed", "running"): "failed",
    ("failed", "pausing"): "failed",
    ("lost", "queued"): "interrupted",
    ("lost", "starting"): "interrupted",
    ("lost", "running"): "interrupted",
    ("lost", "pausing"): "interrupted",
}

_HINTS: Mapping[Command, str] = {
    "pause": "only a run that waits or works can be paused",
    "resume": "only a run that is paused, interrupted or failed can be resumed",
    "cancel": "a run that is over stays as it is",
    "delete": "cancel it first",
}


def after(status: Status, command: Command) -> Status:
    """Where ``command`` takes a run; for ``delete`` it only says that it may.

    :raises ProblemError: ``run_conflict`` where it makes no sense.
    """
    try:
        return _COMMANDS[command, status]
    except KeyError:
        message = f"a run that is {status} cannot be {_DONE[command]}"
        raise ProblemError(Problem(409, "run_conflict", message, _HINTS[command])) from None


def heard(status: Status, event: Event) -> Status | None:
    """Where ``event`` takes a run; ``None`` when it comes too late to matter."""
    return _EVENTS.get((event, status))


_DONE: Mapping[Command, str] = {
    "pause": "paused",
    "resume": "resumed",
    "cancel": "cancelled",
    "delete": "deleted",
}
