"""A package index on 127.0.0.1: the simple API in JSON (PEP 691) and the files themselves."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from packaging.utils import canonicalize_name
from wheel_making import Made


class FakeIndex:
    """What the index holds; ``requests`` are the paths it was asked for.

    :ivar broken: paths answered with status 500.
    :ivar login: ``user:password`` that every request must carry, if set.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.pages: dict[str, list[dict[str, Any]]] = {}
        self.requests: list[str] = []
        self.broken: set[str] = set()
        self.login: str | None = None
        self.address = ""

    @property
    def url(self) -> str:
        """For ``--index-url``."""
        return f"http://{self.address}/simple/"

    def add(self, *made: Made, sha256: str | None = None) -> None:
        for one in made:
            name = canonicalize_name(one.filename.split("-")[0])
            self.files[one.filename] = one.data
            entry: dict[str, Any] = {
                "filename": one.filename,
                "url": f"/files/{one.filename}",
                "hashes": {"sha256": sha256 or one.sha256},
                "size": len(one.data),
            }
            if one.requires_python:
                entry["requires-python"] = one.requires_python
            self.pages.setdefault(name, []).append(entry)

    def answer(self, path: str, authorization: str | None) -> tuple[int, str, bytes]:
        self.requests.append(path)
        if path in self.broken:
            return 500, "text/plain", b"broken"
        if self.login and not _carries(authorization, self.login):
            return 401, "text/plain", b"who are you?"
        _, folder, name, *_ = [*path.split("/"), ""]
        if folder == "files" and name in self.files:
            return 200, "application/octet-stream", self.files[name]
        if folder == "simple" and name in self.pages:
            page = {"meta": {"api-version": "1.1"}, "name": name, "files": self.pages[name]}
            return 200, "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()
        return 404, "text/plain", b"no such thing"


def _carries(authorization: str | None, login: str) -> bool:
    return bool(authorization) and b64decode(authorization.split()[-1]).decode() == login


@contextmanager
def serving(index: FakeIndex) -> Iterator[FakeIndex]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = index.answer(self.path, self.headers.get("Authorization"))
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        index.address = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()
