"""The service's side of generating: a short queue, one child, and its end after some idle time.

Every method may be called from any thread.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from peft_studio.data_dir import DataDir
from peft_studio.errors import Problem, ProblemError
from peft_studio.generating import child
from peft_studio.generating.job import Answer, Job
from peft_studio.generating.problems import STOPPED, busy, crashed, problem_of
from peft_studio.worker.pipe import Message
from peft_studio.worker.process import Main, Worker

_log = logging.getLogger(__name__)

QUEUE = 8
"""Requests that may wait while one is worked on."""


@dataclass(eq=False, slots=True)
class Ticket:
    """A request that was taken.

    :param answer: its end: an answer, or :class:`ProblemError`.
    :param loaded: set when its model is in memory.
    """

    number: int
    job: Job
    answer: Future[Answer] = field(default_factory=Future)
    loaded: threading.Event = field(default_factory=threading.Event)


class Generator:
    """Writes one text at a time.

    :param data: where models of a hub are kept, and scratch files.
    :param idle: seconds after the last text until the child ends and its memory is free.
    :param learned: is told what the child found out of the hardware.
    :param main: the child's main function.
    """

    def __init__(
        self,
        data: DataDir,
        idle: float,
        learned: Callable[[Mapping[str, Any]], None],
        main: Main = child.main,
    ) -> None:
        self._data, self._idle, self._learned, self._main = data, idle, learned, main
        self._lock = threading.Lock()
        self._numbers = 0
        self._waiting: deque[Ticket] = deque()
        self._current: Ticket | None = None
        self._worker: Worker | None = None
        self._online = False
        self._children = 0
        self._timer: threading.Timer | None = None
        self._closed = False

    def submit(self, job: Job) -> Ticket:
        """Take a request.

        :raises ProblemError: ``busy`` when too many wait.
        """
        with self._lock:
            if self._closed:
                raise ProblemError(STOPPED)
            if len(self._waiting) >= QUEUE:
                raise ProblemError(busy(len(self._waiting) + 1))
            self._numbers += 1
            ticket = Ticket(self._numbers, job)
            # From now on only we end it: who waits for it may go away at any moment.
            ticket.answer.set_running_or_notify_cancel()
            self._waiting.append(ticket)
            self._go_on()
            return ticket

    def stop(self, ticket: Ticket) -> None:
        """Nobody wants the answer any more. Nothing happens when there is one."""
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                ticket.answer.set_exception(ProblemError(STOPPED))
            elif ticket is self._current and self._worker is not None:
                if ticket.loaded.is_set():
                    self._worker.send({"type": "stop", "number": ticket.number})
                else:
                    # Loading cannot be interrupted, and may be a download of an hour.
                    self._end_child()
                    self._settle(STOPPED)

    def make_room(self) -> None:
        """Free the memory of a child that only waits, for something that needs it more."""
        with self._lock:
            if self._current is None:
                self._end_child()

    def close(self) -> None:
        """End everything, for good."""
        with self._lock:
            self._closed = True
            self._end_child()
            tickets = [*self._waiting, *([self._current] if self._current else [])]
            self._waiting.clear()
            self._current = None
            for ticket in tickets:
                ticket.answer.set_exception(ProblemError(STOPPED))

    # What follows is called with the lock held.

    def _go_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._current is None and self._waiting:
            self._current = self._waiting.popleft()
            try:
                worker = self._child(online=not self._current.job.source.local)
            except OSError as error:
                _log.error("no child could be started: %s", error)
                self._settle(crashed(None))
            else:
                worker.send(self._current.job.to_message(self._current.number))
        elif self._current is None and self._worker is not None:
            self._timer = threading.Timer(self._idle, self.make_room)
            self._timer.daemon = True
            self._timer.start()

    def _child(self, *, online: bool) -> Worker:
        """The child; a new one where none is, or where it may not ask the hub and has to."""
        if online and not self._online:
            self._end_child()
        if self._worker is None:
            self._children += 1
            self._online = online
            arguments = {"hub": self._data.hub, "scratch": self._data.tmp / "generating"}
            heard, ended = (
                partial(self._heard, self._children),
                partial(self._ended, self._children),
            )
            self._worker = Worker(self._main, arguments | {"online": online}, heard, ended)
        return self._worker

    def _end_child(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()

    def _settle(self, outcome: Answer | Problem) -> None:
        """End the current request, and go on with the next one."""
        ticket, self._current = self._current, None
        if ticket is not None:
            if isinstance(outcome, Answer):
                ticket.answer.set_result(outcome)
            else:
                ticket.answer.set_exception(ProblemError(outcome))
        self._go_on()

    # What follows is called by a child's thread, maybe after we ended that child.

    def _heard(self, child_number: int, message: Message) -> None:
        if message["type"] == "hardware":
            self._learned(message)
            return
        with self._lock:
            current = self._current
            if self._worker is None or child_number != self._children or current is None:
                return
            if message["number"] != current.number:
                return
            match message["type"]:
                case "loaded":
                    current.loaded.set()
                case "answer":
                    answer = message["answer"]
                    self._settle(Answer(**answer) if answer else STOPPED)
                case "failed":
                    self._settle(problem_of(message["error"]))

    def _ended(self, child_number: int, code: int) -> None:
        with self._lock:
            if self._worker is None or child_number != self._children:
                return
            self._worker = None
            _log.error("the child that generates ended with code %d", code)
            self._settle(crashed(code))
