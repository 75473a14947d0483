"""Many clients at the same runs at once: nothing hangs, nothing is left, and the queue goes on."""

from __future__ import annotations

import contextlib
import multiprocessing
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fake_training import Act
from test_runs_manager import PATIENCE, Watched

from peft_studio.data_dir import DataDir
from peft_studio.errors import ProblemError
from peft_studio.runs.states import OVER

CLIENTS = 4
CALLS = 25
RESTING = {"paused", "interrupted"} | OVER


def hammer(watched: Watched, runs: list[str], seed: int, start: threading.Barrier) -> None:
    """Ask for whatever comes to mind; a refusal is an answer, and anything else is a bug."""
    chance = random.Random(seed)
    calls = {
        "pause": watched.runs.pause,
        "resume": watched.runs.resume,
        "cancel": watched.runs.cancel,
        "delete": lambda run: watched.runs.delete(run, watched.data.tmp),
        "look": watched.runs.get,
        "begin": lambda _: runs.append(watched.begin(chance.choice([Act.WAIT, Act.FINISH]))),
    }
    weights = [4, 4, 2, 1, 4, 2]
    start.wait(PATIENCE)
    for _ in range(CALLS):
        (name,) = chance.choices(list(calls), weights)
        try:
            calls[name](chance.choice(runs))
        except ProblemError as error:
            assert error.problem.id in {"run_conflict", "run_not_found"}, name


def end_all(watched: Watched) -> None:
    for run in watched.runs.all():
        with contextlib.suppress(ProblemError):
            watched.runs.cancel(run.id)


def test_clients_that_contradict_each_other_leave_every_run_at_rest(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    data.create()
    with contextlib.closing(Watched(data)) as watched:
        runs = [watched.begin(act) for act in (Act.WAIT, Act.WAIT, Act.FINISH)]
        start = threading.Barrier(CLIENTS)
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(hammer, watched, runs, n, start) for n in range(CLIENTS)]
            for client in clients:
                client.result(PATIENCE)
        end_all(watched)
        watched.until(watched.begin(), "completed")
        assert {run.status for run in watched.runs.all()} <= RESTING
        assert {path.name for path in data.runs.iterdir()} == {run.id for run in watched.runs.all()}
        watched.begin(Act.WAIT)
    assert multiprocessing.active_children() == []
