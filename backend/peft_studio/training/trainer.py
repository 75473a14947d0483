"""transformers' Trainer with our checkpoints, our ends and our reports.

This module imports the libraries at its top: only ``training.child`` may import it, in a child.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import transformers
from transformers.trainer import TRAINER_STATE_NAME

from peft_studio.libraries.faults import Fault
from peft_studio.runs.spec import DEFAULT_EPOCHS
from peft_studio.training import checkpoints
from peft_studio.training.job import Job, Service
from peft_studio.training.rows import Padded
from peft_studio.worker.child import threads

_WEIGHTS = "trainable.safetensors"
_FORK = {"dataloader_multiprocessing_context": "fork"}
"""A spawned process spawns by default: each worker would import torch anew, in every epoch (they
cannot stay: a resumed run would draw other random numbers). On Linux PyTorch's choice is to fork.
"""


def make(job: Job, service: Service, model: Any, tokenizer: Any, rows: Any) -> StudioTrainer:
    """The trainer of a run.

    :param rows: as :func:`training.rows.tokenised` makes them.
    """
    torch.set_num_threads(threads())
    padding = tokenizer.pad_token_id
    trainer = StudioTrainer(
        model=model,
        args=_arguments(job),
        train_dataset=rows,
        data_collator=Padded(tokenizer.eos_token_id or 0 if padding is None else padding),
    )
    # It writes to standard output, which is not ours to write to.
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(_Report(service, trainer))
    return trainer


def dtype(precision: str) -> torch.dtype:
    """The type of the weights: ``auto`` is bfloat16 on a GPU that has it, float32 elsewhere.

    :raises Fault: for float16 where there is no GPU.
    """
    if precision == "auto":
        fast = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
        return torch.bfloat16 if fast else torch.float32
    if precision == "float16" and not torch.cuda.is_available():
        raise Fault(
            "training_failed", "float16 needs a GPU", "take precision auto, float32 or bfloat16"
        )
    named: torch.dtype = getattr(torch, precision)
    return named


def seed(number: int) -> None:
    """Have every random choice that follows be the same for the same ``number``."""
    transformers.set_seed(number)


def _arguments(job: Job) -> transformers.TrainingArguments:
    wish = job.training
    kind = dtype(wish["precision"])
    return transformers.TrainingArguments(
        output_dir=str(job.checkpoints),
        num_train_epochs=wish["epochs"] or DEFAULT_EPOCHS,
        max_steps=wish["max_steps"] or -1,
        per_device_train_batch_size=wish["batch_size"],
        gradient_accumulation_steps=wish["gradient_accumulation"],
        learning_rate=wish["learning_rate"],
        lr_scheduler_type=wish["scheduler"],
        warmup_steps=wish["warmup_steps"],
        weight_decay=wish["weight_decay"],
        seed=wish["seed"],
        data_seed=wish["seed"],
        bf16=kind is torch.bfloat16,
        fp16=kind is torch.float16,
        use_cpu=not (torch.cuda.is_available() or torch.backends.mps.is_available()),
        optim="adamw_torch",
        # Every step, so that a resumed run says of each what an uninterrupted one says.
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=wish["checkpoint_every"],
        dataloader_num_workers=wish["dataloader_workers"],
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
        **(_FORK if sys.platform == "linux" and wish["dataloader_workers"] else {}),
    )


class StudioTrainer(transformers.Trainer):  # type: ignore[misc]
    """Trainer whose checkpoints hold what is trained, exactly, and nothing that is pickled code.

    An adapter's own file is no checkpoint: of some methods it holds a result that cannot be
    trained on.
    """

    tokens = 0
    """How many were trained on since the start, padding not counted."""

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Any]:
        """As Trainer's; here the arrays of the workers become tensors."""
        tensors = map(_tensors, epoch_iterator)
        batches, items = super().get_batch_samples(tensors, num_batches, device)
        self.tokens += sum(int(batch["attention_mask"].sum()) for batch in batches)
        return batches, items

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with checkpoints.writing(Path(self.args.output_dir), self.state.global_step) as folder:
            safetensors.torch.save_file(self._trained(), folder / _WEIGHTS)
            self._save_optimizer_and_scheduler(str(folder))
            self._save_scaler(str(folder))
            self._save_rng_state(str(folder))
            self.state.save_to_json(str(folder / TRAINER_STATE_NAME))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        saved = safetensors.torch.load_file(Path(resume_from_checkpoint) / _WEIGHTS)
        trained = dict(self._parameters())
        if saved.keys() != trained.keys():
            raise Fault("training_failed", "the checkpoint is of another model or method")
        with torch.no_grad():
            for name, weights in saved.items():
                trained[name].copy_(weights)

    def _parameters(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        return ((n, p) for n, p in self.model.named_parameters() if p.requires_grad)

    def _trained(self) -> dict[str, torch.Tensor]:
        return {name: one.detach().cpu().contiguous() for name, one in self._parameters()}


def _tensors(batch: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in batch.items()}


class _Report(transformers.TrainerCallback):  # type: ignore[misc]
    """Tells the service of each step, and stops where it wants a pause."""

    def __init__(self, service: Service, trainer: StudioTrainer) -> None:
        self._service, self._trainer = service, trainer
        self._started = self._last = 0.0
        self._first_step = self._tokens = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """The clock starts."""
        self._started = self._last = time.monotonic()
        self._first_step = state.global_step

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Pause between two steps, where a checkpoint says everything."""
        if self._service.wants_pause and state.global_step < state.max_steps:
            control.should_save = control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
        """Tell how the step went; the summary at the end is no step."""
        if "loss" not in logs:
            return
        if not math.isfinite(logs["loss"]):
            raise Fault(
                "training_failed",
                f"at step {state.global_step} the loss was no number any more",
                "lower learning_rate, or use precision float32",
            )
        now, tokens = time.monotonic(), self._trainer.tokens
        rate = (tokens - self._tokens) / max(now - self._last, 1e-6)
        pace = (now - self._started) / max(state.global_step - self._first_step, 1)
        self._last, self._tokens = now, tokens
        self._service.tell(
            "progress",
            step=state.global_step,
            total=state.max_steps,
            epoch=float(state.epoch or 0),
            loss=float(logs["loss"]),
            learning_rate=float(logs["learning_rate"]),
            tokens_per_second=round(rate, 1),
            eta=round(pace * (state.max_steps - state.global_step), 1),
        )
