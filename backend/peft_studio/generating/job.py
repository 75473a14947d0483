"""What is asked of the child that generates, and what it answers; how both cross the pipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

from peft_studio.libraries.faults import Words
from peft_studio.libraries.loading import Base

Finish = Literal["stop", "length", "time"]
"""Why a text ends: the model said so, it is as long as was asked for, or its time was up."""


WORDS = Words(
    id="generation_failed",
    failed="generating failed",
    memory="take a smaller model, or a shorter text, or close other programs",
    disk="free some space",
)


@dataclass(frozen=True, slots=True)
class Source:
    """The model that writes.

    :param model: a directory, or a hub's ``org/name``.
    :param revision: of the hub's model.
    :param local: whether ``model`` is a directory; nothing is then fetched.
    :param adapter: the directory of a finished run's adapter.
    """

    model: str
    revision: str | None
    local: bool
    adapter: str | None

    @property
    def base(self) -> Base:
        """The model without the adapter."""
        name = PurePath(self.model).name if self.local else self.model
        return Base(name, self.model, self.revision, online=not self.local)


@dataclass(frozen=True, slots=True)
class Job:
    """One text to write.

    :param use_adapter: whether the adapter of ``source`` speaks, or the model below it.
    :param temperature: 0 always takes the likeliest token.
    :param top_p: the share of likely tokens to choose from.
    :param seed: the same one gives the same text.
    :param time_limit: seconds, from the loaded model on.
    """

    source: Source
    prompt: str
    use_adapter: bool
    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int
    time_limit: float

    def to_message(self, number: int) -> dict[str, Any]:
        """As it crosses the pipe."""
        return {"type": "generate", "number": number, "job": dataclasses.asdict(self)}

    @staticmethod
    def from_message(message: Mapping[str, Any]) -> Job:
        """What :meth:`to_message` said."""
        values = dict(message["job"])
        return Job(**values | {"source": Source(**values["source"])})


@dataclass(frozen=True, slots=True)
class Answer:
    """The text that was written, without the prompt.

    :param seconds: spent on writing, the model being loaded.
    """

    text: str
    finish: Finish
    prompt_tokens: int
    new_tokens: int
    seconds: float
