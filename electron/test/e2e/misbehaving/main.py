"""A backend for the desktop app's tests: health as it should be, and what E2E_BACKEND asks for.

Words of E2E_BACKEND, with commas between them:

- ``family``: a multiprocessing worker and a plain child, each with a child of its own
- ``stubborn``: this process and its workers ignore SIGTERM
- ``flood``: once ready, lines to standard output as fast as they are taken
- ``flood-blob``: the same without a line's end
- ``wait``: names its port in the file ``port`` of E2E_PLACE, then waits for the file ``go`` there
  before it binds
- ``crash``: ends with exit code 3 once it has answered a health check
- ``stray``: a child that no longer knows whose it is, which the launcher leaves alone
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WORDS = set(filter(None, os.environ.get("E2E_BACKEND", "").split(",")))
TOKEN = os.environ.get("PEFT_STUDIO_TOKEN", "").encode()
PORT_TAKEN = 98
LINES = (b"x" * 99 + b"\n") * 640
written: list[int] = []
authorized: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """Health, whatever is asked."""

    def do_GET(self) -> None:
        """Answer with the proof that the challenge asks for."""
        challenge = self.headers.get("X-PEFT-Challenge", "").encode()
        message = b"peft-studio/health/v1\n" + challenge
        if self.headers.get("Authorization", "").encode() == b"Bearer " + TOKEN:
            authorized.append(self.path)
        answer = {"status": "healthy", "written": sum(written), "authorized": len(authorized)}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("X-PEFT-Proof", hmac.new(TOKEN, message, hashlib.sha256).hexdigest())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if "crash" in WORDS:
            threading.Timer(0.2, os._exit, [3]).start()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """One that does not share its port."""

    allow_reuse_address = False
    daemon_threads = True


def work(stubborn: bool) -> None:
    """A worker with a child of its own, until it is ended."""
    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen(["sleep", "3600"])
    while True:
        time.sleep(3600)


def have_family() -> None:
    """Start a worker and a plain child; each has a child."""
    stubborn = "stubborn" in WORDS
    context = multiprocessing.get_context("spawn")
    context.Process(target=work, args=[stubborn], daemon=True).start()
    subprocess.Popen(["sh", "-c", "sleep 3600; :"])


def flood(text: bytes) -> None:
    """Write for ever, and count the bytes that were taken."""
    while True:
        written[:] = [sum(written) + os.write(1, text)]


def wait_with(port: int) -> None:
    """Say the port, and wait to be let go."""
    place = Path(os.environ["E2E_PLACE"])
    (place / "port").write_text(str(port))
    while not (place / "go").exists():
        time.sleep(0.01)


def main() -> int:
    """Serve; 98 when the port is taken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--origin")
    given = parser.parse_args()
    if "stubborn" in WORDS:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "wait" in WORDS:
        wait_with(given.port)
    try:
        server = Server((given.host, given.port), Handler)
    except OSError:
        return PORT_TAKEN
    if "family" in WORDS:
        have_family()
    if "stray" in WORDS:
        kept = {k: v for k, v in os.environ.items() if k != "RUNTIME_FAMILY"}
        subprocess.Popen(["sleep", "3600"], env=kept)
    ready = {"event": "ready", "port": given.port, "pid": os.getpid()}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    if "flood" in WORDS:
        threading.Thread(target=flood, args=[LINES], daemon=True).start()
    if "flood-blob" in WORDS:
        threading.Thread(target=flood, args=[b"x" * len(LINES)], daemon=True).start()
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
