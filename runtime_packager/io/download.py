"""Resumable downloads into the cache, published only when their digest is right.

What a server may do wrong is assumed, not hoped against: a short body, a range nobody asked for,
a trickle, a log-in page instead of the file. Rules:

1. A blob appears under its digest complete and verified, or not at all.
2. Every download has an end: a size it may not pass and a rate it may not fall below.
3. What broke off is continued, by this process or the next; what was resumed and turned out
   wrong is fetched once more from its first byte.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runtime_packager.errors import BuildError, IntegrityError, NetworkError
from runtime_packager.io.cache import Cache
from runtime_packager.io.durable import sync_directory
from runtime_packager.io.partial import PATIENCE, Broken, Pace, Part, Patience
from runtime_packager.io.progress import Progress, Task
from runtime_packager.io.web import (
    OFFLINE_HINT,
    PROXY_HINT,
    get,
    host_of,
    lasting_hint,
    open_client,
    unreachable,
)

if TYPE_CHECKING:
    import httpx

__all__ = ["MAX_SIZE", "PATIENCE", "Patience", "fetch", "host_of", "open_client"]

MAX_SIZE = 4 * 1024**3
"""Bytes a download may have when nothing better is known: the largest wheels have 3 GB."""

_PROGRESS_WORTH = 1024 * 1024
"""New bytes after which a broken connection no longer counts as one more failure in a row."""

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def fetch(
    cache: Cache,
    url: str,
    sha256: str,
    *,
    title: str,
    client: httpx.Client,
    progress: Progress,
    size: int | None = None,
    max_size: int = MAX_SIZE,
    headers: Mapping[str, str] | None = None,
    patience: Patience = PATIENCE,
) -> Path:
    """The file with this digest, from the cache or else from ``url``.

    A blob in the cache is trusted by its name: it only ever gets there verified.

    :param sha256: lower-case hex digest the file must have.
    :param title: what to call the file in messages.
    :param size: bytes it must have, when that is known.
    :param max_size: bytes it may have at most.
    :param headers: further request headers; ``Authorization`` goes to ``url``'s host alone.
    :raises NetworkError: when it cannot be had; names the host and the cause.
    :raises IntegrityError: when what came is not what was promised.
    :raises BuildError: when there is no room for it.
    """
    final = cache.blob(sha256)
    with cache.locked(f"blob-{sha256}", progress):
        if cache.verified_blob(sha256) is None:
            bound = max_size if size is None else min(size, max_size)
            wanted = _Wanted(url, sha256, title, size, bound, dict(headers or {}))
            final.parent.mkdir(parents=True, exist_ok=True)
            with progress.task(title, total=size, unit="bytes") as task:
                _Download(wanted, final, client, patience, task).run()
    return final


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is asked for, from where, and how much of it there may be."""

    url: str
    sha256: str
    title: str
    size: int | None
    bound: int
    headers: Mapping[str, str]


class _Download:
    """One blob on its way: attempts until it is complete, then the check and the rename."""

    def __init__(
        self, wanted: _Wanted, final: Path, client: httpx.Client, patience: Patience, task: Task
    ) -> None:
        self.wanted, self.final, self.client = wanted, final, client
        self.patience, self.task = patience, task
        self.part = Part(final.with_name(f"{final.name}.part"))
        self.shown = 0
        self.looks_like_page = False

    def run(self) -> None:
        """Fetch, verify, publish."""
        with _space_errors(self.wanted, self.final.parent):
            self.part.load()
            self._show()
            if not self._right() and self._attempts() and not self._right():
                self.part.remove()
                self._attempts()
            if not self._right():
                raise self._mismatch()
            self._publish()

    def _right(self) -> bool:
        return self.part.digest.hexdigest() == self.wanted.sha256

    def _attempts(self) -> bool:
        """Try until a whole body has come; whether it was pieced together from several answers."""
        failures, worth = 0, self.part.size + _PROGRESS_WORTH
        while True:
            try:
                return self._attempt()
            except Broken as broken:
                if self.part.size >= worth:
                    failures, worth = 0, self.part.size + _PROGRESS_WORTH
                failures += 1
                if failures >= self.patience.attempts:
                    raise self._failed(str(broken)) from broken
                self.patience.sleep(self.patience.backoff * 2 ** (failures - 1))

    def _attempt(self) -> bool:
        import httpx

        try:
            response = get(self.client, self.wanted.url, self._headers(), self.wanted.title)
            try:
                continued = self._begin(response)
                self._receive(response)
            finally:
                response.close()
        except (httpx.TransportError, httpx.DecodingError) as error:
            if hint := lasting_hint(error):
                raise self._failed(str(error), hint) from error
            raise Broken(str(error) or type(error).__name__) from error
        return continued

    def _headers(self) -> dict[str, str]:
        headers = dict(self.wanted.headers)
        if self.part.size:
            headers["Range"] = f"bytes={self.part.size}-"
            if etag := self.part.etag:
                headers["If-Range"] = etag
        return headers

    def _begin(self, response: httpx.Response) -> bool:
        """Judge the answer's head; whether the body continues the part."""
        status = response.status_code
        self.looks_like_page = "html" in response.headers.get("content-type", "")
        if status == 206:
            self._check_range(response)
            self._check_length(self.part.size, response)
            return True
        if status == 416:
            self.part.remove()
            raise Broken("the server has less than was already received")
        if status in _TRANSIENT:
            raise Broken(f"the server answered {status} {response.reason_phrase}".rstrip())
        if status != 200:
            answer = f"the server answered {status} {response.reason_phrase}".rstrip()
            raise self._failed(answer, PROXY_HINT if status == 407 else OFFLINE_HINT)
        self._check_length(0, response)
        self.part.restart(response.headers.get("etag"))
        return False

    def _check_range(self, response: httpx.Response) -> None:
        given = response.headers.get("content-range", "")
        match = _CONTENT_RANGE.fullmatch(given)
        if not self.part.size or match is None or int(match[1]) != self.part.size:
            asked = self.part.size
            self.part.remove()
            raise Broken(f"asked from byte {asked} on, the server sent the range {given!r}")

    def _check_length(self, start: int, response: httpx.Response) -> None:
        length = response.headers.get("content-length", "")
        if not length.isdecimal():
            return
        total = start + int(length)
        self.task.total(total)
        size = self.wanted.size
        if total > self.wanted.bound or (size is not None and total != size):
            self.part.remove()
            raise self._wrong_size(f"{total} bytes")

    def _receive(self, response: httpx.Response) -> None:
        pace = Pace(self.patience)
        with self.part.path.open("ab") as stream:
            for chunk in response.iter_raw():
                if self.part.size + len(chunk) > self.wanted.bound:
                    stream.close()
                    self.part.remove()
                    raise self._wrong_size(f"more than {self.wanted.bound} bytes")
                self.part.append(stream, chunk)
                self._show()
                pace.received(len(chunk))
        if self.wanted.size is not None and self.part.size < self.wanted.size:
            raise Broken(f"only {self.part.size} of {self.wanted.size} bytes came")

    def _show(self) -> None:
        if self.part.size > self.shown:
            self.task.advance(self.part.size - self.shown)
            self.shown = self.part.size

    def _publish(self) -> None:
        with self.part.path.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.chmod(self.part.path, 0o644)
        os.replace(self.part.path, self.final)
        sync_directory(self.final.parent)
        self.part.remove()

    def _failed(self, cause: str, hint: str = OFFLINE_HINT) -> NetworkError:
        return unreachable(self.wanted.title, self.wanted.url, cause, hint)

    def _mismatch(self) -> IntegrityError:
        actual, size = self.part.digest.hexdigest(), self.part.size
        hint = self._hint()
        self.part.remove()
        return IntegrityError(
            f"{self.wanted.title} from {host_of(self.wanted.url)} is not what was promised",
            hint,
            details=[
                f"expected sha256 {self.wanted.sha256}",
                f"actual   sha256 {actual} ({size} bytes)",
            ],
        )

    def _wrong_size(self, actual: str) -> IntegrityError:
        size = self.wanted.size
        expected = f"at most {self.wanted.bound}" if size is None else str(size)
        return IntegrityError(
            f"{self.wanted.title} from {host_of(self.wanted.url)} has the wrong size: "
            f"expected {expected} bytes, actual {actual}",
            self._hint(),
        )

    def _hint(self) -> str:
        if self.looks_like_page:
            return "a web page came instead of the file: is there a log-in page or proxy between?"
        return "check the pinned digest, or whether the server replaced the file"


@contextmanager
def _space_errors(wanted: _Wanted, place: Path) -> Iterator[None]:
    """Turn a full disk into a sentence that says where and how much."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise BuildError(f"{wanted.title} cannot be stored in {place}: {error}") from error
        need = "an unknown number of" if wanted.size is None else str(wanted.size)
        raise BuildError(
            f"no space left in {place}: {wanted.title} needs {need} bytes",
            "free some space, or put the cache elsewhere with RUNTIME_PACKAGER_CACHE",
        ) from error
