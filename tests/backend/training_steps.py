"""What tests of training do over and over."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import tiny
from engine import Engine

TRAINING = {"max_steps": 12, "batch_size": 4, "learning_rate": 0.01}


def upload(engine: Engine, rows: list[dict[str, Any]]) -> str:
    """:returns: the id of a data set of these rows."""
    made = engine.client.post(
        "/datasets", params={"name": "tiny", "format": "jsonl"}, content=tiny.jsonl(rows)
    )
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def begin(engine: Engine, rows: list[dict[str, Any]] | None = None, **changes: Any) -> str:
    """Start a run on the tiny model, which is made if it is not there.

    :returns: the run's id.
    """
    if not (engine.data / "models/tiny").exists():
        tiny.make_model(engine.data / "models/tiny")
    body = {"model": "local:tiny", "method": "lora", "training": TRAINING} | changes
    body.setdefault("dataset", upload(engine, rows or tiny.texts()))
    started = engine.client.post("/runs", json=body)
    assert started.status_code == 202, started.text
    return str(started.json()["id"])


def command(engine: Engine, run: str, word: str) -> dict[str, Any]:
    """``pause``, ``resume`` or ``cancel`` it, which must be possible."""
    answer = engine.client.post(f"/runs/{run}/{word}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def past(engine: Engine, run: str, step: int) -> None:
    """Wait until the run has done ``step``."""
    seen = engine.until(run, lambda event: (event["run"]["progress"] or {}).get("step", 0) >= step)
    assert seen["run"]["status"] in {"running", "starting"}, engine.log()


def losses(engine: Engine, run: str) -> list[float]:
    """By step."""
    return [one["loss"] for one in engine.client.get(f"/runs/{run}/metrics").json()["metrics"]]


def adapter(engine: Engine, run: str) -> dict[str, bytes]:
    """The exported files by name."""
    answer = engine.client.get(f"/runs/{run}/adapter")
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
