"""The child that generates. Its heavy libraries are imported by the first request.

It does one request at a time. A thread reads the pipe meanwhile: a request may be stopped, and
when the pipe ends, which it does when the service dies, so does this process.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from peft_studio.generating.job import Job

if TYPE_CHECKING:
    from peft_studio.generating.writer import Writer

_log = logging.getLogger(__name__)


def main(connection: Connection, arguments: Mapping[str, Any]) -> None:
    """Answer requests until the pipe ends.

    :param arguments: ``hub``, the directory of models that were fetched.
    """
    _prepare(arguments["hub"])
    inbox = _Inbox(connection)
    writer: Writer | None = None
    while True:
        number, job = inbox.next()
        try:
            if writer is None:
                writer = _writer()
                connection.send({"type": "hardware"} | writer.hardware())
            writer.load(job.source)
            connection.send({"type": "loaded", "number": number})
            answer = writer.write(job, lambda number=number: number in inbox.stopped)
            if answer is None:
                connection.send({"type": "stopped", "number": number})
            else:
                message = {"answer": dataclasses.asdict(answer)}
                connection.send({"type": "answer", "number": number} | message)
        except Exception as error:
            _log.exception("generating failed")
            connection.send({"type": "failed", "number": number, "error": _fault(error)})


class _Inbox:
    """What the service says. ``stopped`` holds the numbers of requests that nobody wants."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._jobs: SimpleQueue[tuple[int, Job]] = SimpleQueue()
        self.stopped: set[int] = set()
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def next(self) -> tuple[int, Job]:
        """The next request; waits for it."""
        return self._jobs.get()

    def _read(self) -> None:
        try:
            while True:
                message = self._connection.recv()
                if message["type"] == "stop":
                    self.stopped.add(message["number"])
                else:
                    self._jobs.put((message["number"], Job.from_message(message)))
        except (EOFError, OSError):
            # At once: the main thread may be in the middle of a long computation.
            os._exit(0)


def _prepare(hub: str) -> None:
    """Say where models are kept, and that nothing else is fetched, told or asked."""
    logging.basicConfig(level=logging.WARNING)
    os.environ |= {
        "HF_HOME": hub,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        # Else transformers asks the hub to convert a model that has only pickles.
        "DISABLE_SAFETENSORS_CONVERSION": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def _writer() -> Writer:
    from peft_studio.generating.writer import Writer

    return Writer()


def _fault(error: Exception) -> dict[str, str | None]:
    from peft_studio.generating.faults import fault_of

    return fault_of(error)
