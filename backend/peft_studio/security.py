"""Who may talk to the service.

Any web page a browser on this machine shows can send requests to 127.0.0.1, and so can any
program of any user. Three checks, each an ASGI middleware, for HTTP and WebSocket alike:

- ``Host`` must name loopback and our port: a page that had its own name point to 127.0.0.1 (DNS
  rebinding) still says that name.
- ``Origin``, if the client sends one, must be our window's.
- The token, known only to the desktop app that started us, must come with the request.
"""

from __future__ import annotations

import hmac

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from peft_studio.errors import Problem

_POLICY_VIOLATION = 1008
"""The WebSocket close code of RFC 6455 for a refusal; before the handshake it becomes a 403."""


class LoopbackGuard:
    """Lets in what names this service in ``Host`` and comes from our window or from no page.

    :param port: the port that is listened on.
    :param origin: the window's origin; ``None`` admits no page at all.
    """

    def __init__(self, app: ASGIApp, *, port: int, origin: str | None) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost", "[::1]")}
        self._origins = [] if origin is None else [origin.encode()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        problem = None if scope["type"] == "lifespan" else self._problem(scope)
        await _pass_or_refuse(self._app, problem, scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return Problem(400, "bad_host", "the Host header does not name this service")
        origins = _values(scope, b"origin")
        if origins and origins != self._origins:
            return Problem(403, "bad_origin", "the Origin header names a page that is not ours")
        return None


class TokenGuard:
    """Lets in what carries the token.

    :param token: the secret of this launch; ``None`` admits nobody but to ``public``.
    :param public: paths that may be read without it.
    """

    def __init__(self, app: ASGIApp, *, token: str | None, public: frozenset[str]) -> None:
        self._app = app
        self._token = None if token is None else token.encode("ascii")
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        problem = None if self._admits(scope) else _UNAUTHORIZED
        await _pass_or_refuse(self._app, problem, scope, receive, send)

    def _admits(self, scope: Scope) -> bool:
        if scope["type"] == "lifespan":
            return True
        if scope["type"] == "http" and scope["path"] in self._public:
            return True
        if self._token is None:
            return False
        return any(hmac.compare_digest(given, self._token) for given in _tokens(scope))


_UNAUTHORIZED = Problem(
    401,
    "unauthorized",
    "the request does not carry this launch's token",
    "send it as Authorization: Bearer TOKEN or as X-PEFT-Token: TOKEN",
)


def _tokens(scope: Scope) -> list[bytes]:
    """What the request offers as a token."""
    pairs = [value.partition(b" ") for value in _values(scope, b"authorization")]
    bearer = [rest.strip() for scheme, _, rest in pairs if scheme.lower() == b"bearer"]
    return bearer + _values(scope, b"x-peft-token")


def _values(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


async def _pass_or_refuse(
    app: ASGIApp, problem: Problem | None, scope: Scope, receive: Receive, send: Send
) -> None:
    if problem is None:
        await app(scope, receive, send)
    elif scope["type"] == "websocket":
        await WebSocketClose(_POLICY_VIOLATION, problem.message)(scope, receive, send)
    else:
        headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else None
        await problem.response(headers)(scope, receive, send)
