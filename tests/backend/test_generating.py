"""The queue in front of the child that generates, and that child's life and death.

The child here has no model and does what its prompt says.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import fake_writer
import pytest
from backend_harness import PATIENCE, await_end

from peft_studio.data_dir import DataDir
from peft_studio.errors import Problem, ProblemError
from peft_studio.generating.generator import QUEUE, Generator, Ticket
from peft_studio.generating.job import Answer, Job, Source

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watches processes by pidfd")

LOCAL = Source(model="somewhere", revision=None, local=True, adapter=None)
HUB = Source(model="org/name", revision=None, local=False, adapter=None)


def job(prompt: str, source: Source = LOCAL) -> Job:
    return Job(source, prompt, True, 1, 0.0, 1.0, 0, 1.0)


@contextlib.contextmanager
def generating(root: Path, idle: float = 1000) -> Iterator[Generator]:
    generator = Generator(DataDir(root), idle, lambda _: None, fake_writer.main)
    try:
        yield generator
    finally:
        generator.close()


@pytest.fixture
def generator(tmp_path: Path) -> Iterator[Generator]:
    with generating(tmp_path) as one:
        yield one


def text(ticket: Ticket) -> tuple[str, int]:
    """What was written, and by which process."""
    words, _, pid = ticket.answer.result(PATIENCE).text.rpartition(" ")
    return words, int(pid)


def problem(future: Future[Answer]) -> Problem:
    with pytest.raises(ProblemError) as caught:
        future.result(PATIENCE)
    return caught.value.problem


@contextlib.contextmanager
def ends(pid: int) -> Iterator[None]:
    """The process is there before the block and, soon, not after it."""
    descriptor = os.pidfd_open(pid)
    try:
        assert not select.select([descriptor], [], [], 0)[0]
        yield
        assert select.select([descriptor], [], [], PATIENCE)[0]
    finally:
        os.close(descriptor)


def test_one_child_answers_all_in_order(generator: Generator) -> None:
    tickets = [generator.submit(job(word)) for word in ("one", "two", "three")]
    answers = [text(ticket) for ticket in tickets]
    assert [words for words, _ in answers] == ["one", "two", "three"]
    assert len({pid for _, pid in answers}) == 1


def test_too_many_are_told_when_to_come_again(generator: Generator) -> None:
    first = generator.submit(job("write on"))
    waiting = [generator.submit(job("wait")) for _ in range(QUEUE)]
    with pytest.raises(ProblemError) as caught:
        generator.submit(job("one too many"))
    response = caught.value.problem.response()
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert caught.value.problem.id == "busy"
    generator.stop(first)
    for ticket in waiting:
        assert text(ticket)[0] == "wait"


def test_a_text_that_nobody_wants_is_stopped_and_the_child_goes_on(generator: Generator) -> None:
    _, pid = text(generator.submit(job("begin")))
    unwanted, waiting = generator.submit(job("write on")), generator.submit(job("next"))
    assert unwanted.loaded.wait(PATIENCE)
    generator.stop(unwanted)
    assert problem(unwanted.answer).id == "generation_stopped"
    assert text(waiting) == ("next", pid)


def test_a_request_that_waits_can_be_taken_back(generator: Generator) -> None:
    first = generator.submit(job("write on"))
    waiting = generator.submit(job("never"))
    generator.stop(waiting)
    assert problem(waiting.answer).id == "generation_stopped"
    assert not first.answer.done()


def test_stopping_what_is_over_does_nothing(generator: Generator) -> None:
    ticket = generator.submit(job("one"))
    _, pid = text(ticket)
    generator.stop(ticket)
    assert text(generator.submit(job("two"))) == ("two", pid)


def test_a_child_that_loads_for_nobody_is_ended(generator: Generator) -> None:
    _, pid = text(generator.submit(job("begin")))
    with ends(pid):
        generator.stop(generator.submit(job("load forever")))
    assert text(generator.submit(job("next")))[1] != pid


@pytest.mark.parametrize(
    ("prompt", "status", "identity"),
    [
        ("crash", 503, "worker_crashed"),
        ("be killed", 507, "out_of_memory"),
        ("fail", 422, "model_invalid"),
    ],
)
def test_a_failure_is_one_requests_alone(
    generator: Generator, prompt: str, status: int, identity: str
) -> None:
    failing, waiting = generator.submit(job(prompt)), generator.submit(job("next"))
    found = problem(failing.answer)
    assert (found.status, found.id) == (status, identity)
    assert text(waiting)[0] == "next"


def test_an_idle_child_ends_and_the_next_request_starts_another(tmp_path: Path) -> None:
    with generating(tmp_path, idle=0.2) as generator:
        _, pid = text(generator.submit(job("one")))
        await_end(pid)
        assert text(generator.submit(job("two")))[0] == "two"


def test_room_is_made_by_an_idle_child_only(generator: Generator) -> None:
    busy = generator.submit(job("write on"))
    generator.make_room()
    generator.stop(busy)
    problem(busy.answer)
    _, pid = text(generator.submit(job("one")))
    with ends(pid):
        generator.make_room()


def test_a_child_that_may_not_ask_the_hub_is_replaced_by_one_that_may(
    generator: Generator,
) -> None:
    _, offline = text(generator.submit(job("one")))
    with ends(offline):
        _, online = text(generator.submit(job("two", HUB)))
    assert text(generator.submit(job("three"))) == ("three", online)


def test_the_end_ends_all(tmp_path: Path) -> None:
    with generating(tmp_path) as generator:
        _, pid = text(generator.submit(job("one")))
        tickets = [generator.submit(job("write on")) for _ in range(3)]
        with ends(pid):
            generator.close()
        assert {problem(ticket.answer).id for ticket in tickets} == {"generation_stopped"}
        with pytest.raises(ProblemError):
            generator.submit(job("late"))


def test_what_a_child_sees_of_the_hardware_is_passed_on(tmp_path: Path) -> None:
    seen: list[Mapping[str, Any]] = []
    generator = Generator(DataDir(tmp_path), 1000, seen.append, fake_writer.main)
    try:
        text(generator.submit(job("one")))
    finally:
        generator.close()
    assert [one["source"] for one in seen] == ["fake"]
