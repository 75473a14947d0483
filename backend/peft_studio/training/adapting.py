"""Putting an adapter on a model, and taking it off finished."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from peft_studio.libraries.faults import Fault, foreseen
from peft_studio.methods import peft_config
from peft_studio.training import checkpoints
from peft_studio.training.job import WORDS, Job


def adapted(job: Job, model: Any) -> Any:
    """``model`` with a fresh adapter of the job's method, which alone is trained.

    :raises Fault: ``unsupported_method`` when the method does not fit the model.
    """
    import peft

    try:
        adapted = peft.get_peft_model(model, peft_config(job.method, job.parameters))
    except Exception as error:
        if foreseen(error, WORDS):
            raise
        raise Fault(
            "unsupported_method",
            f"{job.method} does not fit {job.model} ({model.config.model_type})",
            "take another method, or target all-linear where the method has it",
        ) from error
    if job.method == "pissa":
        _save_start(job, adapted)
    return adapted


def export(job: Job, model: Any) -> None:
    """Write the finished adapter to its place: whole or not at all."""
    with checkpoints.publishing(job.adapter) as folder:
        # PiSSA changed the base weights; against these, which the user has, its adapter is the
        # difference to where it started: a plain LoRA of twice the rank (peft's LoRA guide).
        start = {"path_initial_model_for_weight_conversion": str(_start(job))}
        model.save_pretrained(str(folder), **(start if job.method == "pissa" else {}))
        _clean_config(folder / "adapter_config.json", job.model)
        (folder / "README.md").write_text(_readme(job), encoding="utf-8")


def _start(job: Job) -> Path:
    return job.scratch / "pissa-start"


def _save_start(job: Job, model: Any) -> None:
    """Keep the adapter as it is before training, as the conversion wants it."""
    config = model.peft_config["default"]
    init, config.init_lora_weights = config.init_lora_weights, True
    model.save_pretrained(str(_start(job)))
    config.init_lora_weights = init


def _clean_config(path: Path, model: str) -> None:
    """Say which model it is for by its id: paths of this machine are nobody's business."""
    config = json.loads(path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = model_name(model).partition("@")[0]
    config["revision"] = model.partition("@")[2] or None
    for name in ("target_modules", "feedforward_modules"):
        # A set in peft: its order changes from process to process.
        if isinstance(config.get(name), list):
            config[name].sort()
    path.write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")


def _readme(job: Job) -> str:
    name = model_name(job.model)
    return f"""# Adapter for {name}

Made with PEFT Studio, by the method {job.method}.

It holds what was learned, not the model. With the model it is used like this:

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("{name}")
model = PeftModel.from_pretrained(model, "this directory")
```

Training: {json.dumps(dict(job.training), sort_keys=True)}
"""


def model_name(model: str) -> str:
    """The name people know a model by: its id without where it came from."""
    return model.partition(":")[2]
