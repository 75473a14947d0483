"""A download under way: what is there already, and whether more comes fast enough."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from runtime_packager.io.files import CHUNK


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to bear with a bad connection.

    :param attempts: failures in a row, without news in between, after which we give up.
    :param backoff: seconds to wait after the first failure; doubles with each.
    :param slowest: bytes per second ...
    :param window: ... that each stretch of so many seconds must reach.
    :param sleep: waits the given seconds.
    :param clock: seconds that only grow.
    """

    attempts: int = 4
    backoff: float = 0.5
    slowest: int = 1024
    window: float = 30.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


PATIENCE = Patience()


class Broken(Exception):  # noqa: N818 - not an error until patience ends
    """This attempt failed, the next may not."""


@dataclass(slots=True)
class Part:
    """The file under way beside its final place, and the strong ETag it began with."""

    path: Path
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    size: int = 0

    @property
    def tag_path(self) -> Path:
        """Where the ETag is kept."""
        return self.path.with_suffix(".etag")

    @property
    def etag(self) -> str | None:
        """The version the part is of, if the server named one."""
        try:
            return self.tag_path.read_text(encoding="ascii")
        except (OSError, UnicodeError):
            return None

    def load(self) -> None:
        """Take up what an earlier attempt, perhaps another process's, left."""
        self.digest, self.size = hashlib.sha256(), 0
        if self.path.exists():
            with self.path.open("rb") as stream:
                while chunk := stream.read(CHUNK):
                    self.digest.update(chunk)
                    self.size += len(chunk)

    def restart(self, etag: str | None) -> None:
        """Forget what is there; ``etag`` names the version that comes now."""
        self.digest, self.size = hashlib.sha256(), 0
        self.path.write_bytes(b"")
        if etag and etag.startswith('"') and etag.isascii():
            self.tag_path.write_text(etag, encoding="ascii")
        else:
            self.tag_path.unlink(missing_ok=True)

    def append(self, stream: BinaryIO, chunk: bytes) -> None:
        """Write the next piece; ``stream`` is the part, opened to append."""
        stream.write(chunk)
        self.digest.update(chunk)
        self.size += len(chunk)

    def remove(self) -> None:
        """Forget it altogether."""
        self.path.unlink(missing_ok=True)
        self.tag_path.unlink(missing_ok=True)
        self.digest, self.size = hashlib.sha256(), 0


class Pace:
    """Fails the attempt that trickles: a read time-out never fires while single bytes come."""

    def __init__(self, patience: Patience) -> None:
        """Start the clock."""
        self.patience = patience
        self.since, self.bytes = patience.clock(), 0

    def received(self, amount: int) -> None:
        """Note ``amount`` more bytes.

        :raises Broken: when the last stretch was too slow.
        """
        self.bytes += amount
        elapsed = self.patience.clock() - self.since
        if elapsed < self.patience.window:
            return
        if self.bytes < self.patience.slowest * elapsed:
            raise Broken(f"too slow: {self.bytes} bytes in {elapsed:.0f} s")
        self.since, self.bytes = self.patience.clock(), 0
