"""Stopping: who may ask for it, and that it happens within a second.

The desktop app sends SIGTERM and, a second later, SIGKILL. So the server gets until then to
finish what it is doing, and a watchdog ends the process just before, whatever still runs.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from queue import SimpleQueue
from types import FrameType

GRACE = 0.5
"""Seconds that open requests get to finish."""
DEADLINE = 0.9
"""Seconds after which the process ends, work or no work."""


class Shutdown:
    """The wish to stop, made once or more, from any thread or signal handler."""

    def __init__(self) -> None:
        self._reason: str | None = None
        # A put may interrupt a put: the one queue that is safe to use in signal handlers.
        self._asked: SimpleQueue[None] = SimpleQueue()
        threading.Thread(target=self._watchdog, name="shutdown-watchdog", daemon=True).start()

    @property
    def reason(self) -> str | None:
        """Who asked first, or ``None`` while nobody has."""
        return self._reason

    def request(self, reason: str) -> None:
        """Ask for the end; it comes within :data:`DEADLINE` seconds of the first request."""
        self._reason = self._reason or reason
        self._asked.put(None)

    def on_signals(self) -> None:
        """Stop on SIGTERM and SIGINT, and on Windows on Ctrl+Break. Main thread only."""
        for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
            if number := getattr(signal, name, None):
                signal.signal(number, self._on_signal)

    def on_stdin_eof(self) -> None:
        """Stop when standard input ends, which it does when the parent dies, however it dies."""
        threading.Thread(target=self._read_stdin, name="stdin-watch", daemon=True).start()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.request(signal.Signals(number).name)

    def _read_stdin(self) -> None:
        # The file descriptor and not sys.stdin, whose lock a waiting thread would hold at exit.
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        self.request("standard input ended")

    def _watchdog(self) -> None:
        self._asked.get()
        time.sleep(DEADLINE)
        os._exit(0)
