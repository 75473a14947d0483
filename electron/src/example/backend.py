"""A backend in one file, the standard library alone: all that the desktop app expects of one.

It gets ``--host``, ``--port`` and ``--origin``, and the secret of its start in RUNTIME_TOKEN. Once
it listens it writes one line of JSON, ``{"event": "ready", "port": ..., "pid": ...}``, with a space
after each colon, as json.dumps does. A framework of yours has to do the same, and to refuse what is
refused here.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT_TAKEN = 98
"""The exit code after which the desktop app tries the next port; 97 is a missing package."""
PROOF_DOMAIN = "runtime-packager/health/v1\n"


def main() -> int:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--origin", default="")
    parser.add_argument("--exit-on-stdin-eof", action="store_true")
    given = parser.parse_args()
    token = os.environ.pop("RUNTIME_TOKEN", "")
    if not token:
        print("RUNTIME_TOKEN is not set: the desktop app starts this", file=sys.stderr)
        return 2
    try:
        server = Server((given.host, given.port), token, given.origin)
    except OSError as error:
        print(f"port {given.port}: {error}", file=sys.stderr)
        return PORT_TAKEN
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    if given.exit_on_stdin_eof:
        threading.Thread(target=_stop_with_stdin, args=(server,), daemon=True).start()
    ready = {"event": "ready", "port": server.server_port, "pid": os.getpid()}
    print(json.dumps(ready), flush=True)
    server.serve_forever(poll_interval=0.1)
    return 0


def _stop_with_stdin(server: ThreadingHTTPServer) -> None:
    sys.stdin.read()
    server.shutdown()


class Server(ThreadingHTTPServer):
    """The server, which knows whom to answer."""

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # on Windows it would share a port with another program

    def __init__(self, address: tuple[str, int], token: str, origin: str) -> None:
        super().__init__(address, Handler)
        self.token, self.origin = token, origin


class Handler(BaseHTTPRequestHandler):
    """Health for anyone, everything else for who has the token."""

    server: Server

    def do_GET(self) -> None:
        """Answer a request."""
        if refusal := self._refusal():
            self._send(*refusal)
        elif self.path == "/api/health":
            self._send(200, {"status": "healthy"}, self._proof())
        elif not self._has_token():
            self._send(401, {"error": "the request does not carry the token"})
        elif self.path == "/api/hello":
            self._send(200, {"hello": f"from Python {sys.version.split()[0]}"})
        else:
            self._send(404, {"error": "not here"})

    def do_OPTIONS(self) -> None:
        """Let the window's page send its own headers."""
        self._send(*(self._refusal() or (200, {})))

    def _refusal(self) -> tuple[int, dict[str, str]] | None:
        """A page of the web that had its name point here, or any other page but the window's."""
        if self.headers.get_all("Host") != [f"127.0.0.1:{self.server.server_port}"]:
            return 400, {"error": "the Host header does not name this service"}
        if self.headers.get("Origin", self.server.origin) != self.server.origin:
            return 403, {"error": "the Origin header names a page that is not ours"}
        return None

    def _has_token(self) -> bool:
        wanted = f"Bearer {self.server.token}".encode()
        return hmac.compare_digest(self.headers.get("Authorization", "").encode(), wanted)

    def _proof(self) -> dict[str, str]:
        """That this is the program that was given the token, without saying the token."""
        message = PROOF_DOMAIN + self.headers.get("X-Runtime-Challenge", "")
        proof = hmac.new(self.server.token.encode(), message.encode(), hashlib.sha256)
        return {"X-Runtime-Proof": proof.hexdigest()}

    def _send(
        self, status: int, answer: dict[str, str], headers: dict[str, str] | None = None
    ) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        if self.server.origin:
            self.send_header("Access-Control-Allow-Origin", self.server.origin)
            self.send_header("Access-Control-Allow-Headers", "authorization, content-type")
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the log is for what matters."""


if __name__ == "__main__":
    sys.exit(main())
