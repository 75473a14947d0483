"""The one shape of every error that a client sees.

``{"error": {"id": "not_found", "message": "...", "hint": null}}``: ``id`` is for programs and
never changes, ``message`` and ``hint`` are for people.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger(__name__)

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No room on the disk, in the user's share of it, or for a file of this size on it."""
_UNUSABLE = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ESTALE}
    | {errno.EMFILE, errno.ENFILE}
)
"""The data directory was removed, locked up or unplugged, or no more files may be open: nothing
that we could mend."""

_SHOWN = 20
"""Fields that an answer names when a request is wrong in more."""
_LONGEST = 200
"""Characters of what is said of one field: its name is the client's."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with a request.

    :param status: the HTTP status.
    :param id: a word that names the kind.
    :param message: one sentence.
    :param hint: what to do about it, when that is known.
    :param retry_after: seconds after which the same request may succeed.
    """

    status: int
    id: str
    message: str
    hint: str | None = None
    retry_after: int | None = None

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """The problem as an answer."""
        body = {"id": self.id, "message": _sendable(self.message), "hint": self.hint}
        retry = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return JSONResponse({"error": body}, self.status, retry | dict(headers or {}))


class ErrorDetail(BaseModel):
    """What went wrong: ``id`` for programs, ``message`` and ``hint`` for people."""

    id: str
    message: str
    hint: str | None


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorDetail


class ProblemError(Exception):
    """Ends a request with ``problem``; raised by whatever finds it out."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def install(app: FastAPI) -> None:
    """Make ``app`` answer every error in this shape. Before its other middleware is added."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(OSError, _on_os_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_middleware(_Boundary)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What FastAPI's ``responses=`` wants to hear of an endpoint that may end in these errors.

    422 belongs to whatever takes parameters or a body: FastAPI's own description of it would show
    a shape that we never send. What any request may meet (:data:`ANYWHERE`) need not be named.
    """
    return {
        status: {"model": ErrorBody, "description": HTTPStatus(status).phrase}
        for status in statuses
    }


ANYWHERE = (400, 401, 403, 413, 500)
"""Statuses of the guards (security.py, body_limit.py) and of our own mistakes."""


def disk_full(what: str) -> Problem:
    """The problem of a disk without room for ``what`` (a noun phrase)."""
    return Problem(507, "disk_full", f"the disk is full: {what} was not written", "free some space")


async def _on_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for these alone
    return error.problem.response()


async def _on_os_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)  # noqa: S101 - registered for these alone
    if error.errno not in _DISK_FULL | _UNUSABLE:
        raise error
    _log.error("%s %s: %s", request.method, request.url.path, error)
    if error.errno in _DISK_FULL:
        return disk_full("what was sent").response()
    message = f"PEFT Studio cannot use its data directory: {os.strerror(error.errno or 0)}"
    hint = "see that it is there and can be written, then start PEFT Studio again"
    return Problem(503, "storage_failed", message, hint).response()


async def _on_http_exception(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these alone
    problem = Problem(error.status_code, _name(error.status_code), str(error.detail))
    return problem.response(error.headers)


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for these alone
    # Where and why, but not what was sent: it may be a secret, and it may be large.
    found = error.errors()
    lines = [f"{_place(one['loc'])}: {one['msg']}" for one in found[:_SHOWN]]
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return Problem(422, "invalid_request", "; ".join(lines + more)).response()


def _place(location: Sequence[str | int]) -> str:
    place = ".".join(map(str, location))
    return place if len(place) <= _LONGEST else place[:_LONGEST] + "..."


def _sendable(text: str) -> str:
    """``text`` without halves of surrogate pairs, which JSON can name and UTF-8 cannot hold."""
    return text.encode(errors="backslashreplace").decode()


def _name(status: int) -> str:
    try:
        return HTTPStatus(status).name.lower()
    except ValueError:
        return f"http_{status}"


class _Boundary:
    """Turns what nobody caught into a 500 that says nothing of our insides, and logs it once.

    Starlette's own handler would answer outside CORS, where the window cannot read it, and raise
    again, so that it is logged twice.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            if started:
                # Too late for an answer: uvicorn cuts the connection and logs the traceback.
                raise
            _log.exception("%s %s failed", scope["method"], scope["path"])
            await _INTERNAL.response()(scope, receive, send)


_INTERNAL = Problem(
    500,
    "internal_server_error",
    "something went wrong inside PEFT Studio",
    "the log has the details",
)
