"""What a training child is told, and the pipe over which it tells how it goes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft_studio.libraries.faults import Words
from peft_studio.libraries.loading import Base
from peft_studio.runs.places import ADAPTER, SCRATCH
from peft_studio.worker.pipe import Pipe

WORDS = Words(
    id="training_failed",
    failed="the training failed",
    memory="take a smaller batch_size or max_length, a smaller model, or close other programs",
    disk="free some space and resume the run",
)


@dataclass(frozen=True, slots=True)
class Job:
    """A run as its child sees it.

    :param folder: the run's directory.
    :param hub: what was fetched from a model hub.
    :param model: the model's id.
    :param source: where the model is: a directory, or a name on the hub.
    :param revision: of a model on the hub.
    :param online: whether the hub may be asked.
    :param data: the data set, a JSON object a line.
    :param method: and ``parameters``: see ``methods``.
    :param training: see ``runs.spec.Training``.
    """

    folder: Path
    hub: Path
    model: str
    source: str
    revision: str | None
    online: bool
    data: Path
    method: str
    parameters: Mapping[str, Any]
    training: Mapping[str, Any]

    @classmethod
    def told(cls, arguments: Mapping[str, Any]) -> Job:
        """From what the service sends."""
        return cls(
            folder=Path(arguments["folder"]),
            hub=Path(arguments["hub"]),
            model=arguments["model"],
            source=arguments["source"],
            revision=arguments["revision"],
            online=arguments["online"],
            data=Path(arguments["data"]),
            method=arguments["method"],
            parameters=arguments["parameters"],
            training=arguments["training"],
        )

    @property
    def base(self) -> Base:
        """The model that is trained on."""
        return Base(self.model, self.source, self.revision, self.online)

    @property
    def checkpoints(self) -> Path:
        """One directory per checkpoint."""
        return self.folder / "checkpoints"

    @property
    def scratch(self) -> Path:
        """What need not outlive the child."""
        return self.folder / SCRATCH

    @property
    def adapter(self) -> Path:
        """The finished adapter: whole or absent."""
        return self.folder / ADAPTER


class Service:
    """The service at the other end of the pipe."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._pause = threading.Event()

    @property
    def wants_pause(self) -> bool:
        """Whether the run should write a checkpoint and end."""
        return self._pause.is_set()

    def hear(self, message: Mapping[str, Any]) -> None:
        """From the listening thread."""
        if message["type"] == "pause":
            self._pause.set()

    def tell(self, kind: str, **rest: Any) -> None:
        """Say something; when nobody is left to hear it, the listening thread ends us."""
        with contextlib.suppress(OSError):
            self._pipe.send({"type": kind, **rest})
