"""The child that generates, one text at a time. The first one imports the heavy libraries."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from peft_studio.generating.job import WORDS, Answer, Job
from peft_studio.libraries import devices
from peft_studio.libraries.faults import told
from peft_studio.worker.child import confine, listen
from peft_studio.worker.pipe import Pipe

if TYPE_CHECKING:
    from peft_studio.generating.writer import Writer

_log = logging.getLogger(__name__)


def main(pipe: Pipe, arguments: Mapping[str, Any]) -> None:
    """Answer requests until the service ends.

    :param arguments: ``hub``, ``scratch`` and ``online`` of :func:`worker.child.confine`.
    """
    inbox = _Inbox(pipe)
    confine(arguments["hub"], arguments["scratch"], online=arguments["online"])
    writer: Writer | None = None
    while True:
        number, job = inbox.next()
        try:
            if writer is None:
                writer = _writer()
                pipe.send({"type": "hardware"} | devices.report())
            writer.load(job.source)
            pipe.send({"type": "loaded", "number": number})
            answer = writer.write(job, partial(inbox.is_unwanted, number))
        except Exception as error:
            _log.exception("generating failed")
            pipe.send({"type": "failed", "number": number, "error": told(error, WORDS)})
        else:
            pipe.send({"type": "answer", "number": number, "answer": _told(answer)})


class _Inbox:
    """What the service says; a thread reads it, so that a request may be stopped meanwhile."""

    def __init__(self, pipe: Pipe) -> None:
        self._jobs: SimpleQueue[tuple[int, Job]] = SimpleQueue()
        self._unwanted: set[int] = set()
        listen(pipe, self._hear)

    def next(self) -> tuple[int, Job]:
        """The next request; waits for it."""
        return self._jobs.get()

    def is_unwanted(self, number: int) -> bool:
        """Whether nobody waits for that request's answer any more."""
        return number in self._unwanted

    def _hear(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "stop":
            self._unwanted.add(message["number"])
        else:
            self._jobs.put((message["number"], Job.from_message(message)))


def _told(answer: Answer | None) -> dict[str, Any] | None:
    return None if answer is None else dataclasses.asdict(answer)


def _writer() -> Writer:
    from peft_studio.generating.writer import Writer

    return Writer()
