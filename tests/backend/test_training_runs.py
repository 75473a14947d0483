"""Training for real: a tiny model on a tiny data set, through the service's own endpoints."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import tiny
from engine import Engine

TRAINING = {"max_steps": 12, "batch_size": 4, "learning_rate": 0.01, "checkpoint_every": 4}


def upload(engine: Engine, rows: list[dict[str, Any]]) -> str:
    made = engine.client.post(
        "/datasets", params={"name": "tiny", "format": "jsonl"}, content=tiny.jsonl(rows)
    )
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def begin(engine: Engine, rows: list[dict[str, Any]] | None = None, **changes: Any) -> str:
    """Start a run on the tiny model, which is made if it is not there."""
    if not (engine.data / "models/tiny").exists():
        tiny.make_model(engine.data / "models/tiny")
    body = {"model": "local:tiny", "method": "lora", "training": TRAINING} | changes
    body["dataset"] = upload(engine, tiny.texts() if rows is None else rows)
    started = engine.client.post("/runs", json=body)
    assert started.status_code == 202, started.text
    return str(started.json()["id"])


def losses(engine: Engine, run: str) -> list[float]:
    return [one["loss"] for one in engine.client.get(f"/runs/{run}/metrics").json()["metrics"]]


def adapter(engine: Engine, run: str) -> dict[str, bytes]:
    """The exported files by name."""
    answer = engine.client.get(f"/runs/{run}/adapter")
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_lora_learns_and_its_adapter_can_be_taken_away(engine: Engine) -> None:
    run = begin(engine)
    end = engine.settled(run)
    assert end["status"] == "completed", engine.log()
    measured = losses(engine, run)
    assert len(measured) == 12
    assert measured[-1] < measured[0] - 0.5
    files = adapter(engine, run)
    assert json.loads(files["adapter_config.json"])["base_model_name_or_path"] == "tiny"
    assert str(engine.root).encode() not in b"".join(files.values())
