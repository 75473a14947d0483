"""How generating fails, as a client sees it."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from http import HTTPStatus

from peft_studio.errors import Problem

STATUSES: Mapping[str, HTTPStatus] = {
    "hub_unreachable": HTTPStatus.SERVICE_UNAVAILABLE,
    "missing_package": HTTPStatus.SERVICE_UNAVAILABLE,
    "model_invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "model_unsafe": HTTPStatus.UNPROCESSABLE_ENTITY,
    "out_of_memory": HTTPStatus.INSUFFICIENT_STORAGE,
    "prompt_too_long": HTTPStatus.UNPROCESSABLE_ENTITY,
    "disk_full": HTTPStatus.INSUFFICIENT_STORAGE,
    "generation_failed": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""What the child may report, and the status of each."""

STOPPED = Problem(503, "generation_stopped", "the text was not finished: nobody waited for it")
"""The end of a request whose client went away, or that the service's own end cut short."""


def busy(waiting: int) -> Problem:
    """Too many requests are here already."""
    return Problem(
        503, "busy", f"{waiting} texts are asked for already", "try again in a while", retry_after=5
    )


def crashed(code: int | None) -> Problem:
    """The child died without a word.

    :param code: its exit code, negative for a signal; ``None`` when it could not be started.
    """
    if code == -getattr(signal, "SIGKILL", 9):
        return Problem(
            507,
            "out_of_memory",
            "the system ended the process that generates, as it does when memory runs out",
            "close other programs, or take a smaller model",
        )
    how = "could not be started" if code is None else f"ended with code {code}"
    return Problem(
        503, "worker_crashed", f"the process that generates {how}", "the log has the details"
    )


def problem_of(error: Mapping[str, str | None]) -> Problem:
    """A child's report of a failure, as an answer."""
    identity = error["id"] or "generation_failed"
    status = STATUSES.get(identity, HTTPStatus.SERVICE_UNAVAILABLE)
    return Problem(status, identity, error["message"] or "generating failed", error.get("hint"))
