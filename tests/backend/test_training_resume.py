"""Runs that are interrupted end as if they had not been."""

from __future__ import annotations

import os
import signal

import tiny
from engine import Engine
from training_steps import adapter, begin, command, losses, past

WISH = {
    "rows": tiny.pairs(120),
    "parameters": {"dropout": 0.1, "target": "all-linear"},
    "training": {
        "epochs": 3,
        "batch_size": 4,
        "learning_rate": 0.005,
        "scheduler": "cosine",
        "checkpoint_every": 10,
        "dataloader_workers": 2,
    },
}
"""90 steps, and what could differ when they are not done in one go: dropout, shuffling,
a schedule, workers."""


def test_a_run_that_was_killed_twice_and_paused_ends_as_an_undisturbed_one(engine: Engine) -> None:
    whole = begin(engine, **WISH)
    broken = begin(engine, **WISH)
    assert engine.client.get(f"/runs/{broken}").json()["status"] == "queued"
    assert engine.settled(whole)["status"] == "completed", engine.log()

    past(engine, broken, 15)
    # The child itself, which leads its group; the kernel would do so when memory runs out.
    child = next(pid for pid in engine.children() if os.getpgid(pid) == pid)
    os.kill(child, signal.SIGKILL)
    killed = engine.settled(broken)
    assert (killed["status"], killed["error"]["id"]) == ("failed", "out_of_memory")
    engine.wait_for_children()

    command(engine, broken, "resume")
    past(engine, broken, 35)
    engine.kill()  # asserts that the child and its workers end with the service
    engine.start()
    assert engine.client.get(f"/runs/{broken}").json()["status"] == "interrupted"

    command(engine, broken, "resume")
    past(engine, broken, 55)
    assert command(engine, broken, "pause")["status"] == "pausing"
    paused = engine.settled(broken)
    assert paused["status"] == "paused"
    assert paused["progress"]["step"] < 90
    engine.wait_for_children()

    command(engine, broken, "resume")
    end = engine.settled(broken)
    assert (end["status"], end["error"]) == ("completed", None), engine.log()
    assert adapter(engine, broken) == adapter(engine, whole)
    assert losses(engine, broken) == losses(engine, whole)
    assert len(losses(engine, whole)) == 90


def test_a_cancelled_run_frees_its_processes_and_can_be_deleted(engine: Engine) -> None:
    run = begin(engine, **WISH)
    waiting = begin(engine, **WISH)
    past(engine, run, 5)
    assert len(engine.children()) == 3  # the child and two workers
    assert engine.client.delete(f"/runs/{run}").status_code == 409
    assert command(engine, waiting, "cancel")["status"] == "cancelled"
    assert command(engine, run, "cancel")["status"] == "cancelled"
    engine.wait_for_children()
    assert engine.client.post(f"/runs/{run}/resume").status_code == 409
    assert engine.client.delete(f"/runs/{run}").status_code == 204
    assert engine.client.get(f"/runs/{run}").status_code == 404
    assert [path.name for path in (engine.data / "runs").iterdir()] == [waiting]
    assert list((engine.data / "tmp").iterdir()) == []
