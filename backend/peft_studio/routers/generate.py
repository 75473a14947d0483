"""``POST /api/generate``: a text by a model, with or without what a run taught it."""

from __future__ import annotations

import asyncio
import secrets
from typing import Annotated, Any, Self

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, model_validator

from peft_studio import errors, ids, packages
from peft_studio.errors import ProblemError
from peft_studio.generating.generator import Generator
from peft_studio.generating.job import Answer, Finish, Job
from peft_studio.generating.problems import STOPPED
from peft_studio.studio import Studio

_TIME_LIMIT = 300.0
"""Seconds a text may take; what was written until then is the answer."""


class Wish(BaseModel):
    """What to write. Either ``model``, or ``run``, whose adapter and model are meant.

    ``adapter: false`` lets the run's model speak as it was before. ``temperature`` 0 always takes
    the likeliest token. Without ``seed`` one is chosen and told.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    model: Annotated[str, Field(min_length=1, max_length=250)] | None = None
    run: Annotated[str, Field(pattern=ids.PATTERN)] | None = None
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


def create_router(studio: Studio) -> APIRouter:
    """The endpoint."""
    router = APIRouter()

    @router.post("/api/generate", responses=errors.responses(404, 409, 422, 503, 507))
    async def generate(wish: Wish, request: Request) -> Text:
        """Write a text; who hangs up stops it."""
        job = await run_in_threadpool(_job, wish, studio)
        answer = await _answer(studio.generator, job, request)
        return Text(
            text=answer.text,
            finish=answer.finish,
            seed=job.seed,
            prompt_tokens=answer.prompt_tokens,
            new_tokens=answer.new_tokens,
            seconds=answer.seconds,
        )

    return router


async def _answer(generator: Generator, job: Job, request: Request) -> Answer:
    ticket = await run_in_threadpool(generator.submit, job)
    written = asyncio.wrap_future(ticket.answer)
    # The request was read, so that the next that comes from the client is its end.
    gone = asyncio.ensure_future(request.receive())
    both: set[asyncio.Future[Any]] = {written, gone}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if written.done():
            return written.result()
        raise ProblemError(STOPPED)
    finally:
        gone.cancel()
        if not written.done():
            written.add_done_callback(_look)
            await run_in_threadpool(generator.stop, ticket)


def _look(written: asyncio.Future[Answer]) -> None:
    """An end that nobody waits for is no reason to complain."""
    if not written.cancelled():
        written.exception()


def _job(wish: Wish, studio: Studio) -> Job:
    source = studio.source(wish.model, wish.run)
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
