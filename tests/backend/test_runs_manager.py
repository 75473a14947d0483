"""Runs with a child that only pretends to train: order, ends, crashes, and what is remembered."""

from __future__ import annotations

import asyncio
import contextlib
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_training
import pytest
from fake_training import Act

from peft_studio.data_dir import DataDir
from peft_studio.errors import Problem, ProblemError
from peft_studio.runs.events import RunEvent
from peft_studio.runs.job import Rules
from peft_studio.runs.manager import Runs
from peft_studio.runs.spec import Run, RunRequest, Training
from peft_studio.runs.store import RunStore
from peft_studio.storage.database import Database

PATIENCE = 30


class Watched:
    """Runs of a data directory, and everything that was told of them."""

    def __init__(self, data: DataDir) -> None:
        self.data, self.refused = data, False
        self.database = Database(data.database)
        self.runs = Runs(
            RunStore(self.database, data.runs), Rules(self._prepare), fake_training.main
        )
        self.told: queue.SimpleQueue[RunEvent] = queue.SimpleQueue()
        self.runs.listeners.tell = self.told.put  # type: ignore[method-assign]

    def _prepare(self, _request: RunRequest) -> dict[str, Any]:
        if self.refused:
            raise ProblemError(Problem(404, "model_not_found", "it is gone"))
        return {}

    def begin(self, behaviour: Act = Act.FINISH) -> str:
        training = Training(seed=behaviour)
        request = RunRequest(model="local:x", dataset="0" * 16, training=training)
        return self.runs.create(request).id

    def until(self, run_id: str, status: str) -> Run:
        while True:
            event = self.told.get(timeout=PATIENCE)
            if event.run.id == run_id and event.run.status == status:
                return event.run

    def close(self) -> None:
        self.runs.close()
        self.database.close()


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path / "data")
    data.create()
    return data


@pytest.fixture
def watched(data: DataDir) -> Iterator[Watched]:
    with contextlib.closing(Watched(data)) as watched:
        yield watched


def test_runs_take_their_turns_in_the_order_they_came(watched: Watched) -> None:
    first, second, third = watched.begin(Act.WAIT), watched.begin(), watched.begin()
    watched.until(first, "running")
    assert [run.status for run in reversed(watched.runs.all())] == ["running", "queued", "queued"]
    watched.runs.cancel(first)
    watched.until(second, "completed")
    watched.until(third, "completed")
    assert len(watched.runs.metrics(third, -1, 100)) == 2
    assert watched.runs.adapter(third).model == "local:x"


@pytest.mark.parametrize(
    ("behaviour", "error", "word"),
    [
        (Act.CRASH, "worker_crashed", "SIGSEGV"),
        (Act.EXIT, "worker_crashed", "exit code 3"),
        (Act.FAIL, "dataset_invalid", "no"),
    ],
)
def test_a_child_that_ends_badly_fails_its_run_and_the_next_one_works(
    watched: Watched, behaviour: Act, error: str, word: str
) -> None:
    bad, good = watched.begin(behaviour), watched.begin()
    failed = watched.until(bad, "failed")
    assert failed.error and (failed.error.id, word in failed.error.message) == (error, True)
    watched.until(good, "completed")
    assert watched.runs.resume(bad).error is None
    watched.until(bad, "failed")


def test_pausing_lets_the_next_run_work_and_resuming_waits_for_it(watched: Watched) -> None:
    first, second = watched.begin(Act.WAIT), watched.begin(Act.WAIT)
    watched.until(first, "running")
    assert watched.runs.pause(first).status == "pausing"
    assert watched.until(first, "paused").ended_at is None
    watched.until(second, "running")
    assert watched.runs.resume(first).status == "queued"
    assert watched.runs.pause(first).status == "paused"
    watched.runs.resume(first)
    watched.runs.cancel(second)
    watched.until(first, "running")


def test_a_child_that_dies_while_it_should_pause_is_a_failed_run(watched: Watched) -> None:
    run = watched.begin(Act.DIE_PAUSING)
    watched.until(run, "running")
    watched.runs.pause(run)
    assert watched.until(run, "failed").error


def test_what_cannot_start_any_more_fails_and_does_not_hold_up_the_others(
    watched: Watched,
) -> None:
    first, second = watched.begin(Act.WAIT), watched.begin()
    watched.refused = True
    watched.runs.cancel(first)
    failed = watched.until(second, "failed")
    assert failed.error and failed.error.id == "model_not_found"
    with pytest.raises(ProblemError, match="it is gone"):
        watched.begin()
    assert len(watched.runs.all()) == 2


def test_after_the_service_ended_active_runs_are_interrupted(data: DataDir) -> None:
    with contextlib.closing(Watched(data)) as before:
        working, waiting, paused = before.begin(Act.WAIT), before.begin(), before.begin()
        before.until(working, "running")
        before.runs.pause(paused)
        assert before.runs.uses_dataset("0" * 16)
    with contextlib.closing(Watched(data)) as again:
        statuses = {run.id: run.status for run in again.runs.all()}
        assert statuses == {working: "interrupted", waiting: "interrupted", paused: "paused"}
        again.runs.resume(waiting)
        again.until(waiting, "completed")
        again.runs.delete(waiting, data.tmp)
        again.runs.cancel(working)
        again.runs.cancel(paused)
        assert not again.runs.uses_dataset("0" * 16)


def test_runs_are_found_again_when_the_database_is_lost(data: DataDir) -> None:
    with contextlib.closing(Watched(data)) as before:
        done, working = before.begin(), before.begin(Act.WAIT)
        before.until(working, "running")
        asked = before.runs.get(done).training
    data.database.unlink()
    (data.runs / ("f" * 16)).mkdir()  # not finished being made
    (data.runs / "notes").mkdir()
    with contextlib.closing(Watched(data)) as again:
        assert {run.id: run.status for run in again.runs.all()} == {
            done: "completed",
            working: "interrupted",
        }
        assert again.runs.get(done).training == asked


def test_a_deleted_run_leaves_nothing(watched: Watched) -> None:
    run = watched.begin()
    watched.until(run, "completed")
    watched.runs.delete(run, watched.data.tmp)
    assert list(watched.data.runs.iterdir()) == list(watched.data.tmp.iterdir()) == []
    with pytest.raises(ProblemError, match="no such run"):
        watched.runs.metrics(run, -1, 10)
    with watched.database.transaction() as database:
        assert database.execute("SELECT count(*) FROM metrics").fetchone()[0] == 0


def test_a_slow_reader_loses_old_events_and_never_the_last(data: DataDir) -> None:
    with contextlib.closing(Watched(data)) as watched:
        run = watched.runs.get(watched.begin(Act.WAIT))
    heard = asyncio.run(_told_much(run))
    assert len(heard) < 1000
    assert (heard[-1].type, heard[-1].run.status) == ("status", "completed")


async def _told_much(run: Run) -> list[RunEvent]:
    """A thousand events before the reader comes to read the first."""
    from peft_studio.runs.events import Listeners

    listeners, heard = Listeners(), []
    with listeners.listening(run.id) as listener:
        for _ in range(1000):
            listeners.tell(RunEvent(type="progress", run=run))
        done = run.model_copy(update={"status": "completed"})
        listeners.tell(RunEvent(type="status", run=done))
        while not heard or heard[-1].type != "status":
            heard.append(await listener.next())
    return heard
