"""Every method trains, and what cannot be trained says why; all in one process, for time."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import tiny
from engine import Engine, Program

_TRAIN = """
import json, math, resource, sys
from pathlib import Path
from peft_studio.methods import checked
from peft_studio.training import child
from peft_studio.libraries.faults import told
from peft_studio.training.job import WORDS, Job

root = Path(sys.argv[1])
cases = json.loads((root / "cases.json").read_text())


class Service:
    wants_pause = False

    def __init__(self, limits):
        self.said, self.limits, self.before = [], limits, {}

    def tell(self, kind, **rest):
        self.said.append({"type": kind, **rest})
        if kind == "started" and "memory" in self.limits:
            # What it has now and a little more.
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            self.limit(resource.RLIMIT_AS, pages * resource.getpagesize() + self.limits["memory"])
        if kind == "progress" and "file" in self.limits:
            self.limit(resource.RLIMIT_FSIZE, self.limits["file"])

    def limit(self, what, number):
        self.before[what] = resource.getrlimit(what)
        resource.setrlimit(what, (number, self.before[what][1]))

    def lift(self):
        for what, limits in self.before.items():
            resource.setrlimit(what, limits)


def train(name, case):
    service = Service(case.pop("limits"))
    case["parameters"] = checked(case["method"], case["parameters"])
    job = Job.told(case | {"folder": str(root / "runs" / name)})
    job.folder.mkdir()
    try:
        end = {"type": child.trained(job, service)}
    except BaseException as error:
        end = {"type": "failed", "error": told(error, WORDS)}
    service.lift()
    return [*service.said, end]


print(json.dumps({name: train(name, case) for name, case in cases.items()}))
"""

TRAINING = {
    "epochs": None,
    "max_steps": 2,
    "batch_size": 4,
    "gradient_accumulation": 2,
    "learning_rate": 0.01,
    "scheduler": "linear",
    "warmup_steps": 0,
    "weight_decay": 0.0,
    "max_length": 64,
    "seed": 1,
    "checkpoint_every": 1,
    "dataloader_workers": 0,
    "precision": "auto",
}

METHODS = ("lora", "dora", "rslora", "pissa", "ia3", "prefix_tuning")
MESSAGES = "{% for m in messages %}{{ m.role }}>{{ m.content }}{% endfor %}"


def cases(root: Path) -> dict[str, dict[str, Any]]:
    """What is trained, by name: the methods, and one bad thing each."""
    model = tiny.make_model(root / "tiny")
    rows = {"texts": tiny.texts(), "pairs": tiny.pairs(), "talks": tiny.talks()}
    rows["long"] = [{"prompt": "p" * 100, "completion": "c"}]
    rows["large"] = [{"text": "x" * 500}] * 2000
    rows["dates"] = [{"text": "2026-01-01"}, {"text": "not a date"}]
    for name, content in rows.items():
        (root / f"{name}.jsonl").write_bytes(tiny.jsonl(content))

    def case(data: str = "texts", source: Path = model, method: str = "lora", **rest: Any) -> Any:
        limits = {name: rest.pop(name) for name in ("memory", "file") if name in rest}
        parameters = rest.pop("parameters", {})
        return {
            "hub": str(root / "hub"),
            "model": "local:tiny",
            "source": str(source),
            "revision": None,
            "online": False,
            "data": str(root / f"{data}.jsonl"),
            "method": method,
            "parameters": parameters,
            "training": TRAINING | rest,
            "limits": limits,
        }

    strange = tiny.make_model(root / "strange", model_type="granite")
    chatty = tiny.make_model(root / "chatty")
    config = json.loads((chatty / "tokenizer_config.json").read_text())
    refusing = MESSAGES + "{{ raise_exception('no') if messages[0].role == 'user' }}"
    (chatty / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": refusing}))
    mute = tiny.make_model(root / "mute")
    for path in mute.glob("tokenizer*"):
        path.unlink()
    sick = tiny.make_model(root / "sick")
    weights = (sick / "model.safetensors").read_bytes()
    (sick / "model.safetensors").write_bytes(weights[:-4] + struct.pack("<f", float("nan")))
    cut = tiny.make_model(root / "cut")
    (cut / "model.safetensors").write_bytes(weights[:-4000])
    return {
        **{method: case(method=method) for method in METHODS},
        "projected": case(method="prefix_tuning", parameters={"projection": True}),
        "pairs": case("pairs"),
        "talks": case("talks"),
        "dates": case("dates"),
        "prompt-too-long": case("long"),
        "template-refuses": case("talks", chatty),
        "no-tokenizer": case(source=mute),
        "broken-weights": case(source=cut),
        "no-number": case(source=sick),
        "no-target": case(source=strange),
        "no-target-ia3": case(source=strange, method="ia3"),
        "all-linear": case(source=strange, parameters={"target": "all-linear"}),
        "half-without-gpu": case(precision="float16"),
        "disk-full": case(file=20_000),
        # The last one: what failed allocations leave behind is nobody's concern then.
        "memory": case("large", batch_size=2000, max_length=500, memory=256 << 20),
    }


FAILURES = {
    "prompt-too-long": "dataset_invalid",
    "template-refuses": "dataset_invalid",
    "no-tokenizer": "model_invalid",
    "broken-weights": "model_invalid",
    "no-number": "training_failed",
    "no-target": "unsupported_method",
    "no-target-ia3": "unsupported_method",
    "half-without-gpu": "training_failed",
    "disk-full": "disk_full",
    "memory": "out_of_memory",
}


def test_every_method_trains_and_what_cannot_be_trained_says_why(
    program: Program, tmp_path: Path
) -> None:
    engine = Engine(program, tmp_path)
    root = tmp_path / "data"
    (root / "runs").mkdir(parents=True)
    wanted = cases(root)
    (root / "cases.json").write_text(json.dumps(wanted))
    said = json.loads(engine.script(_TRAIN, root))
    ends = {name: messages[-1] for name, messages in said.items()}
    failures = {name: end["error"]["id"] for name, end in ends.items() if "error" in end}
    assert failures == FAILURES
    assert all(str(tmp_path) not in json.dumps(end) for end in ends.values())
    for name in wanted.keys() - FAILURES.keys():
        folder = root / "runs" / name
        steps = [message for message in said[name] if message["type"] == "progress"]
        assert [step["step"] for step in steps] == [1, 2], name
        assert (folder / "adapter/adapter_model.safetensors").is_file()
        assert not list(folder.rglob("*.bin"))
    # A checkpoint that did not fit is not there, nor is any part of it.
    assert list((root / "runs/disk-full/checkpoints").iterdir()) == []
    pissa = json.loads((root / "runs/pissa/adapter/adapter_config.json").read_text())
    # It started from the model's weights; as a plain LoRA against them it has twice the rank.
    assert (pissa["r"], pissa["init_lora_weights"]) == (16, True)
    assert list((tmp_path / "script").iterdir()) == []
