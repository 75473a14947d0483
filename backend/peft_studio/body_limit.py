"""How large a request may be, wherever its body is held in memory."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from peft_studio.errors import Problem

LIMIT = 1 << 20
"""Bytes: more than any request needs that is not an upload."""

_TOO_LARGE = Problem(
    413,
    "request_too_large",
    f"the request has more than the {LIMIT} bytes that are allowed",
    "only POST /api/datasets takes more",
)


class BodyLimit:
    """Reads each request's body before it is passed on, and refuses one that is too large.

    :param streamed: paths whose requests are passed on unread: they have a limit of their own.
    """

    def __init__(self, app: ASGIApp, *, streamed: frozenset[str]) -> None:
        self._app = app
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http" or scope["path"] in self._streamed or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        read = await _read(receive)
        if read is None:
            await _TOO_LARGE.response({"Connection": "close"})(scope, receive, send)
            return

        async def again() -> Message:
            return read.pop(0) if read else await receive()

        await self._app(scope, again, send)


def _has_body(scope: Scope) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


async def _read(receive: Receive) -> list[Message] | None:
    """The messages of the body up to its end, as one; ``None`` when there is too much of it."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return [message]  # the client is gone
        body += message.get("body", b"")
        if len(body) > LIMIT:
            return None
        if not message.get("more_body", False):
            return [{"type": "http.request", "body": bytes(body), "more_body": False}]
