"""``POST /api/generate``: a text by a model, with or without what a run taught it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Annotated, Self

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, model_validator

from peft_studio import packages
from peft_studio.errors import ProblemError
from peft_studio.generating.generator import Generator
from peft_studio.generating.job import Finish, Job, Source
from peft_studio.generating.problems import STOPPED

_TIME_LIMIT = 300.0
"""Seconds a text may take; what was written until then is the answer."""

Find = Callable[[str | None, str | None], Source]
"""The source of a model or of a run, whichever is given. Raises :class:`ProblemError`."""


class Wish(BaseModel):
    """What to write. Either ``model``, or ``run``, whose adapter and model are meant.

    ``adapter: false`` lets the run's model speak as it was before. ``temperature`` 0 always takes
    the likeliest token. Without ``seed`` one is chosen and told.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    model: Annotated[str, Field(min_length=1, max_length=250)] | None = None
    run: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None
    adapter: bool = True
    prompt: Annotated[str, Field(min_length=1, max_length=100_000)]
    max_new_tokens: Annotated[int, Field(ge=1, le=4096)] = 128
    temperature: Annotated[float, Field(ge=0, le=5)] = 0.8
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.model is None) == (self.run is None):
            raise ValueError("give either model or run")
        return self


class Text(BaseModel):
    """What was written, without the prompt.

    ``finish``: the model ended it (``stop``), or it has ``max_new_tokens`` or fills the model's
    context (``length``), or its time was up (``time``).
    """

    text: str
    finish: Finish
    seed: int
    prompt_tokens: int
    new_tokens: int
    seconds: float


def create_router(generator: Callable[[], Generator], find: Find) -> APIRouter:
    """The endpoint.

    :param generator: gives the generator, which is made by the first request.
    """
    router = APIRouter()

    @router.post("/api/generate")
    async def generate(wish: Wish, request: Request) -> Text:
        """Write a text; who hangs up stops it."""
        job = await run_in_threadpool(_job, wish, find)
        ticket = await run_in_threadpool(generator().submit, job)
        written = asyncio.wrap_future(ticket.answer)
        # The request was read, so that the next that comes from the client is its end.
        gone = asyncio.ensure_future(request.receive())
        try:
            await asyncio.wait({written, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not written.done():
                raise ProblemError(STOPPED)
            answer = written.result()
        finally:
            gone.cancel()
            if not written.done():
                written.add_done_callback(_look)
                generator().stop(ticket)
        return Text(
            text=answer.text,
            finish=answer.finish,
            seed=job.seed,
            prompt_tokens=answer.prompt_tokens,
            new_tokens=answer.new_tokens,
            seconds=answer.seconds,
        )

    return router


def _look(written: asyncio.Future[object]) -> None:
    """An end that nobody waits for is no reason to complain."""
    if not written.cancelled():
        written.exception()


def _job(wish: Wish, find: Find) -> Job:
    source = find(wish.model, wish.run)
    packages.require("torch", "transformers", *(["peft"] if source.adapter else []))
    return Job(
        source=source,
        prompt=wish.prompt,
        use_adapter=wish.adapter,
        max_new_tokens=wish.max_new_tokens,
        temperature=wish.temperature,
        top_p=wish.top_p,
        seed=secrets.randbits(32) if wish.seed is None else wish.seed,
        time_limit=_TIME_LIMIT,
    )
