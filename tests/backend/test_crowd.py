"""Fifty clients while a run trains: every one is answered. How fast is benchmarks/backend.py's."""

from __future__ import annotations

from typing import Any

import tiny
from crowd import CLIENTS, PATHS, visit
from engine import Engine

ROUNDS = 2


def begin(engine: Engine, **training: Any) -> str:
    """A run that is training by now."""
    tiny.make_model(engine.data / "models/tiny")
    named = {"name": "tiny", "format": "jsonl"}
    data = engine.client.post("/datasets", params=named, content=tiny.jsonl(tiny.texts())).json()
    body = {"model": "local:tiny", "method": "lora", "dataset": data["id"], "training": training}
    run = str(engine.client.post("/runs", json=body).json()["id"])
    found = engine.until(run, lambda event: event["type"] == "progress")
    assert found["run"]["status"] == "running", engine.log()
    return run


def test_fifty_clients_are_answered_while_a_run_trains(engine: Engine) -> None:
    run = begin(engine, max_steps=100_000, batch_size=4)
    crowd = visit(engine.ready["port"], engine.token, ROUNDS)
    assert crowd.errors == []
    answers = {path: len(took) for path, took in crowd.seconds.items()}
    assert answers == dict.fromkeys(PATHS, CLIENTS * ROUNDS)
    assert engine.client.get(f"/runs/{run}").json()["status"] == "running"
    assert engine.client.post(f"/runs/{run}/cancel").json()["status"] == "cancelled"
