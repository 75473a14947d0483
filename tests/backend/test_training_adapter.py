"""What comes of a run: it learned, and its adapter can be taken away and used."""

from __future__ import annotations

import json

from engine import Engine
from training_steps import adapter, begin, losses

_COMPARE = """
import sys, torch, peft, transformers
model, adapter = sys.argv[1:]
tokenizer = transformers.AutoTokenizer.from_pretrained(model)
base = transformers.AutoModelForCausalLM.from_pretrained(model)
ids = tokenizer("the early bird catches the worm", return_tensors="pt").input_ids
with torch.no_grad():
    before = base(ids, labels=ids).loss.item()
    after = peft.PeftModel.from_pretrained(base, adapter)(ids, labels=ids).loss.item()
print(before, after)
"""


def test_lora_learns_and_its_adapter_can_be_taken_away(engine: Engine) -> None:
    run = begin(engine)
    unfinished = engine.client.get(f"/runs/{run}/adapter")
    assert unfinished.status_code == 409
    assert unfinished.json()["error"]["id"] == "run_conflict"

    end = engine.settled(run)
    assert end["status"] == "completed", engine.log()
    assert end["progress"]["step"] == end["progress"]["total"] == 12
    with engine.events(run) as socket:
        assert [json.loads(text)["type"] for text in socket] == ["snapshot"]
        assert socket.close_code == 1000
    measured = losses(engine, run)
    assert len(measured) == 12
    assert measured[-1] < measured[0] - 0.5

    files = adapter(engine, run)
    assert json.loads(files["adapter_config.json"])["base_model_name_or_path"] == "tiny"
    assert str(engine.root).encode() not in b"".join(files.values())
    taken = engine.root / "taken"
    taken.mkdir()
    for name, data in files.items():
        (taken / name).write_bytes(data)
    before, after = map(float, engine.script(_COMPARE, engine.data / "models/tiny", taken).split())
    assert after < before - 0.5

    # A run leaves its own files and nothing of the libraries'.
    kept = {path.name for path in (engine.data / "runs" / run).iterdir()}
    assert kept == {"spec.json", "adapter", "checkpoints"}
