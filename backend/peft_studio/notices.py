"""What happened that the user should hear of, though nobody asked for it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened.

    :param id: a word for programs that names the kind.
    :param message: one sentence.
    :param hint: what to do about it, when that is known.
    :param at: seconds since the epoch.
    """

    id: str
    message: str
    hint: str | None = None
    at: float = field(default_factory=time.time)


class Notices:
    """Those of this launch, oldest first. Any thread may add."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notices: list[Notice] = []

    def add(self, notice: Notice) -> None:
        """Remember ``notice`` until the service ends."""
        with self._lock:
            self._notices.append(notice)

    def all(self) -> list[Notice]:
        """Every one."""
        with self._lock:
            return list(self._notices)
