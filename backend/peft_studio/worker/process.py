"""Starting, hearing and ending a child of the runtime.

A child is spawned, never forked: a fork of a process with threads may hang, and Windows has none.
It speaks with us over a pipe, see :mod:`peft_studio.worker.pipe`.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from multiprocessing.connection import wait
from typing import Any

from peft_studio.worker import child
from peft_studio.worker.pipe import Message, Pipe

_log = logging.getLogger(__name__)

Main = Callable[[Pipe, Mapping[str, Any]], None]
"""The child's main function: a module's, so that a spawned child finds it."""

_LAST_WORDS = 10
"""Seconds a child has from closing its pipe to its end."""


class Worker:
    """A running child.

    :param main: see :data:`Main`; called in the child with its end of the pipe and ``arguments``.
    :param arguments: what can be pickled.
    :param on_message: called in a thread of ours for each message, in order.
    :param on_end: called in that thread after the last message, with the exit code, negative for
        the signal that ended the child.
    """

    def __init__(
        self,
        main: Main,
        arguments: Mapping[str, Any],
        on_message: Callable[[Message], None],
        on_end: Callable[[int], None],
    ) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._ours = Pipe(ours)
        # Not a daemon: such may have no children, and a DataLoader has. It ends with our pipe.
        self._process = context.Process(target=child.run, args=(main, theirs, dict(arguments)))
        self._process.start()
        theirs.close()
        self._on_message, self._on_end = on_message, on_end
        self._lock, self._reaped = threading.Lock(), False
        self._thread = threading.Thread(target=self._listen, name="worker", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The child's process id."""
        assert self._process.pid is not None  # noqa: S101 - it was started
        return self._process.pid

    def send(self, message: Message) -> None:
        """Tell the child something; one that has ended does not hear it."""
        with contextlib.suppress(OSError):
            self._ours.send(message)

    def kill(self) -> None:
        """End the child and its children at once; their memory is free when this returns."""
        self._end_family()
        wait([self._process.sentinel])

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the child has ended and ``on_end`` was called.

        :param timeout: seconds; ``None`` waits for as long as it takes.
        :returns: whether it has. Not for ``on_message`` and ``on_end`` themselves to call.
        """
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _listen(self) -> None:
        ours = self._ours.connection
        while ours in wait([ours, self._process.sentinel]):
            try:
                message = self._ours.recv()
            except (EOFError, OSError):
                break
            try:
                self._on_message(message)
            except Exception:
                # A bug of ours; this thread must live to see the child end.
                _log.exception("what a child said was not understood")
        # The pipe may be open in grandchildren still, and the child may hang in its exit.
        wait([self._process.sentinel], _LAST_WORDS)
        self._end_family()
        self._process.join()
        with self._lock:
            self._reaped = True
        self._ours.close()
        self._on_end(self._process.exitcode or 0)

    def _end_family(self) -> None:
        with self._lock:
            if not self._reaped:  # later its number may be another's
                _kill_family(self.pid)
                self._process.kill()


def _kill_family(pid: int) -> None:
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(pid)], capture_output=True, check=False)
    else:
        # Its group has its number, see child.settle.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
