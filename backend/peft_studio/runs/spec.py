"""What a client asks for, and what it is told."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from peft_studio import ids
from peft_studio.runs.states import Status

Label = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A name for people: stored and shown, never part of a path."""
Scheduler = Literal["linear", "cosine", "constant", "constant_with_warmup"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]

DEFAULT_EPOCHS = 3


class _Closed(BaseModel):
    """Refuses what it does not know, so that a misspelt setting is not silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Training(_Closed):
    """How to train. Either ``epochs`` or ``max_steps``; three epochs when neither is given.

    ``max_length`` is in tokens; ``checkpoint_every`` and ``warmup_steps`` are in optimizer steps.
    Precision ``auto`` is bfloat16 on a GPU that has it, float32 elsewhere.
    """

    epochs: Annotated[int | None, Field(ge=1, le=10_000)] = None
    max_steps: Annotated[int | None, Field(ge=1, le=10_000_000)] = None
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 1
    gradient_accumulation: Annotated[int, Field(ge=1, le=4096)] = 1
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 2e-4
    scheduler: Scheduler = "linear"
    warmup_steps: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    max_length: Annotated[int, Field(ge=2, le=1_000_000)] = 512
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    checkpoint_every: Annotated[int, Field(ge=1, le=10_000_000)] = 100
    dataloader_workers: Annotated[int, Field(ge=0, le=16)] = 0
    precision: Precision = "auto"

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.epochs is not None and self.max_steps is not None:
            raise ValueError("epochs and max_steps exclude each other")
        return self


class RunRequest(_Closed):
    """A run to start.

    :param model: ``local:NAME`` or ``hub:org/name[@revision]``.
    :param dataset: an id.
    :param parameters: of the method; see ``GET /api/methods``.
    """

    name: Label = ""
    model: Annotated[str, StringConstraints(max_length=300)]
    dataset: Annotated[str, StringConstraints(pattern=ids.PATTERN)]
    method: Annotated[str, StringConstraints(max_length=50)] = "lora"
    parameters: Annotated[dict[str, JsonValue], Field(max_length=50)] = {}
    training: Training = Training()


class Progress(BaseModel):
    """How far a run is.

    :param total: steps the whole run will have.
    :param eta: seconds until the end, when that can be told.
    """

    step: int
    total: int
    epoch: float
    loss: float
    learning_rate: float
    tokens_per_second: float | None = None
    eta: float | None = None


class Failure(BaseModel):
    """Why a run failed; in the shape that errors have everywhere."""

    id: str
    message: str
    hint: str | None = None


class Run(RunRequest):
    """A run as it stands. Times are seconds since the epoch, UTC."""

    id: Annotated[str, StringConstraints(pattern=ids.PATTERN)]
    status: Status
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    progress: Progress | None = None
    error: Failure | None = None


class Metric(BaseModel):
    """What was measured at one step."""

    step: int
    epoch: float
    loss: float
    learning_rate: float
    tokens_per_second: float | None
