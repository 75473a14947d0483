"""A small honest web server on 127.0.0.1, and the ways in which real ones are not.

It serves what was :meth:`Mirror.put`, with ranges, ETags and If-Range as the HTTP standard has
them. :meth:`Mirror.plan` queues one fault per coming request of a path; then it is honest again.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

_RANGE = re.compile(r"bytes=(\d+)-")


@dataclass
class File:
    """One file served: its bytes, whether ranges are understood, and headers to add."""

    data: bytes
    ranges: bool = True
    etag: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One request as it came; ``path`` still escaped, header names in lower case."""

    path: str
    headers: dict[str, str]


Fault = Callable[["Answer", File | None], None]


class Answer(BaseHTTPRequestHandler):
    """One request being answered."""

    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.mirror.requests.append(Request(parts.path, headers))
        path = unquote(parts.path)
        file = self.server.mirror.files.get(path)
        faults = self.server.mirror.faults.get(path, [])
        if faults:
            faults.pop(0)(self, file)
        elif file is None:
            self.reply(404, b"not here")
        else:
            self.serve(file)

    def do_HEAD(self) -> None:
        self.do_GET()

    def serve(self, file: File) -> None:
        """The honest answer."""
        start = self.start(file)
        tag = {"ETag": file.etag} if file.etag else {}
        if start and start >= len(file.data):
            self.reply(416, b"", {"Content-Range": f"bytes */{len(file.data)}"})
        elif start:
            self.reply(
                206, file.data[start:], {**file.headers, **tag, **content_range(start, file)}
            )
        else:
            self.reply(200, file.data, {**file.headers, **tag})

    def start(self, file: File) -> int:
        """The first byte asked for; 0 when the whole file is to be sent."""
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if not asked or not file.ranges or (condition and condition != file.etag):
            return 0
        return int(asked[1])

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """A complete answer with its length, unless ``headers`` say another."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


def content_range(start: int, file: File) -> dict[str, str]:
    return {"Content-Range": f"bytes {start}-{len(file.data) - 1}/{len(file.data)}"}


def cut(count: int) -> Fault:
    """Announce everything, send ``count`` bytes, hang up."""

    def fault(answer: Answer, file: File | None) -> None:
        assert file
        start = answer.start(file)
        whole = file.data[start:]
        headers = {"Content-Length": str(len(whole))}
        headers |= {"ETag": file.etag} if file.etag else {}
        headers |= content_range(start, file) if start else {}
        answer.reply(206 if start else 200, whole[:count], headers)

    return fault


def cut_silently(count: int) -> Fault:
    """Announce no length, send ``count`` bytes, hang up as if that were all."""

    def fault(answer: Answer, file: File | None) -> None:
        assert file
        answer.send_response(200)
        answer.end_headers()
        answer.wfile.write(file.data[:count])

    return fault


def wrong_range(start: int) -> Fault:
    """Answer 206 with bytes from ``start`` on, whatever was asked."""

    def fault(answer: Answer, file: File | None) -> None:
        assert file
        answer.reply(206, file.data[start:], content_range(start, file))

    return fault


def status(code: int) -> Fault:
    """Answer with this status."""
    return lambda answer, _: answer.reply(code, b"")


def redirect(location: str, code: int = 302) -> Fault:
    """Send elsewhere."""
    return lambda answer, _: answer.reply(code, b"", {"Location": location})


def page(text: bytes = b"<html>please log in</html>") -> Fault:
    """What a captive portal answers to everything."""
    return lambda answer, _: answer.reply(200, text, {"Content-Type": "text/html; charset=utf-8"})


def hang_up(answer: Answer, file: File | None) -> None:
    """Close the connection without a word."""
    answer.close_connection = True


class _Server(ThreadingHTTPServer):
    mirror: Mirror


class Mirror:
    """The server; use it in a ``with`` block."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.requests: list[Request] = []
        self._server = _Server(("127.0.0.1", 0), Answer)
        self._server.mirror = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    def __enter__(self) -> Mirror:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def base(self) -> str:
        """The server's address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"{self.base}{path}"

    def put(self, path: str, data: bytes, **options: Any) -> str:
        """Serve ``data`` at ``path`` (unescaped) from now on; its SHA-256 in hex."""
        self.files[path] = File(data, **options)
        return hashlib.sha256(data).hexdigest()

    def plan(self, path: str, *faults: Fault) -> None:
        """Meet the next requests of ``path`` with these faults, one each."""
        self.faults[path] = list(faults)
