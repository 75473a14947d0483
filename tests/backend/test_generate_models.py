"""Texts by a real model, with and without what a run taught it, and what must stay unloaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import tiny
from backend_harness import await_end
from engine import Engine, Program, running

HEAVY = {"torch", "transformers", "peft", "datasets", "accelerate", "safetensors", "numpy"}
TRAINING = {"max_steps": 12, "batch_size": 4, "learning_rate": 0.01}


def write(engine: Engine, **wish: Any) -> httpx.Response:
    body = {"prompt": "the early", "max_new_tokens": 24, "temperature": 0} | wish
    return engine.client.post("/generate", json=body)


def text(engine: Engine, **wish: Any) -> str:
    response = write(engine, **wish)
    assert response.status_code == 200, response.text + engine.log()
    return str(response.json()["text"])


def problem(engine: Engine, **wish: Any) -> tuple[int, str]:
    response = write(engine, **wish)
    return response.status_code, response.json()["error"]["id"]


def train(engine: Engine, method: str = "lora") -> str:
    """A completed run on the tiny model, which is made if it is not there."""
    if not (engine.data / "models/tiny").exists():
        tiny.make_model(engine.data / "models/tiny")
    named = {"name": "tiny", "format": "jsonl"}
    data = engine.client.post("/datasets", params=named, content=tiny.jsonl(tiny.texts())).json()
    body = {"model": "local:tiny", "method": method, "dataset": data["id"], "training": TRAINING}
    run = engine.client.post("/runs", json=body).json()["id"]
    assert engine.settled(run)["status"] == "completed", engine.log()
    return str(run)


def with_torch(engine: Engine) -> set[int]:
    """The service's processes that have torch's library in memory."""
    found = set()
    for pid in engine.processes():
        try:
            maps = Path(f"/proc/{pid}/maps").read_text()
        except OSError:
            continue
        if "libtorch" in maps:
            found.add(pid)
    return found


def test_a_runs_adapter_speaks_and_can_be_silenced(engine: Engine) -> None:
    run = train(engine)
    for trainer in with_torch(engine) - {engine.ready["pid"]}:
        await_end(trainer)
    learned, base = text(engine, run=run), text(engine, run=run, adapter=False)
    assert learned != base == text(engine, model="local:tiny")
    random = {"run": run, "temperature": 1.0}
    assert text(engine, **random, seed=1) == text(engine, **random, seed=1)
    assert text(engine, **random, seed=1) != text(engine, **random, seed=2)
    # The service itself stays small, and the model makes room for the next training.
    (writer,) = with_torch(engine)
    assert writer != engine.ready["pid"]
    prefix = train(engine, "prefix_tuning")
    assert writer not in engine.processes()
    assert text(engine, run=prefix) != base == text(engine, run=prefix, adapter=False)


def test_a_model_that_cannot_be_used_is_told_by_id_and_the_next_one_works(engine: Engine) -> None:
    models = engine.data / "models"
    tiny.make_model(models / "tiny")
    assert problem(engine, model="local:tiny", prompt="x" * 512) == (422, "prompt_too_long")
    no_tokenizer = tiny.make_model(models / "no-tokenizer")
    for path in no_tokenizer.glob("tokenizer*"):
        path.unlink()
    assert problem(engine, model="local:no-tokenizer") == (422, "model_invalid")
    tiny.make_model(models / "other-shape", hidden_size=32)
    assert problem(engine, model="local:other-shape") == (422, "model_invalid")
    with_code = tiny.make_model(models / "with-code", model_type="mine", auto_map=AUTO_MAP)
    (with_code / "code.py").write_text(f"open({str(engine.outside / 'ran')!r}, 'w')\n")
    assert problem(engine, model="local:with-code") == (422, "model_invalid")
    answer = write(engine, model="local:tiny", prompt="x" * 500, max_new_tokens=100).json()
    assert answer["prompt_tokens"] + answer["new_tokens"] <= 512
    assert "Traceback" in engine.log()


AUTO_MAP = {"AutoConfig": "code.Mine", "AutoModelForCausalLM": "code.Mine"}


def test_the_service_is_ready_without_any_heavy_library(program: Program, tmp_path: Path) -> None:
    timed = Program((program.python, "-B", "-X", "importtime", str(MAIN)), program.python)
    with running(timed, tmp_path) as engine:
        assert engine.client.get("/health").json()["status"] == "healthy"
        assert engine.client.get("/methods").json()["peft"]
        assert engine.client.get("/dependencies").json()["missing"] == []
        lines = [line for line in engine.log().splitlines() if line.startswith("import time:")]
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "fastapi" in imported
    assert imported & HEAVY == set()


MAIN = Path(__file__).parents[2] / "backend/main.py"


def test_every_method_fits_the_model_with_its_defaults_and_extremes(
    program: Program, tmp_path: Path
) -> None:
    model = tiny.make_model(tmp_path / "tiny")
    counts = json.loads(Engine(program, tmp_path).script(METHODS, model))
    assert len(counts) > 20
    assert all(trainable > 0 for trainable in counts.values())


METHODS = """
import json, sys
from transformers import AutoModelForCausalLM
import peft
from peft_studio.methods import METHODS, checked, peft_config
counts = {}
for method in METHODS.values():
    cases = [{}]
    for one in method.parameters:
        values = [True, False] if one.type == "boolean" else [one.minimum, one.maximum]
        values += one.choices or []
        cases += [{one.name: value} for value in values if value is not None]
    for case in cases:
        model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
        model = peft.get_peft_model(model, peft_config(method.name, checked(method.name, case)))
        trainable = sum(one.numel() for one in model.parameters() if one.requires_grad)
        counts[f"{method.name} {case}"] = trainable
print(json.dumps(counts))
"""
