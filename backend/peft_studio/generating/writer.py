"""The model in memory, and how it writes. Lives in the child: it imports torch when it is made."""

from __future__ import annotations

import contextlib
import gc
import inspect
import time
from collections.abc import Callable
from typing import Any

from peft_studio.generating.job import WORDS, Answer, Job, Source
from peft_studio.libraries import loading
from peft_studio.libraries.faults import Fault
from peft_studio.worker.child import threads


class Writer:
    """One model, its tokenizer and maybe an adapter; another one takes their place."""

    def __init__(self) -> None:
        import torch
        import transformers

        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        torch.set_num_threads(threads())
        self._device = _device()
        self._source: Source | None = None
        self._model: Any = None
        self._tokenizer: Any = None

    def load(self, source: Source) -> None:
        """Have ``source`` in memory.

        :raises Fault: when it cannot be.
        """
        if source == self._source:
            return
        self._forget()
        try:
            self._tokenizer = loading.tokenizer(source.base, WORDS)
            model = loading.model(source.base, "auto", WORDS)
            if source.adapter is not None:
                model = _with_adapter(model, source.adapter)
            self._model = model.to(self._device).eval()
        except Exception:
            self._forget()
            raise
        self._source = source

    def write(self, job: Job, unwanted: Callable[[], bool]) -> Answer | None:
        """The text; ``None`` when it became ``unwanted`` meanwhile.

        :raises Fault: ``prompt_too_long``.
        """
        import torch
        import transformers

        inputs = self._inputs(job.prompt)
        prompt_tokens = inputs["input_ids"].shape[1]
        room = self._room() - prompt_tokens
        if room < 1:
            raise Fault(
                "prompt_too_long",
                f"the prompt has {prompt_tokens} tokens, the model takes {self._room()} "
                "with what it writes",
                "shorten the prompt",
            )
        began = time.monotonic()
        stops = _Stops(began + job.time_limit, unwanted)
        torch.manual_seed(job.seed)
        with torch.inference_mode(), self._voice(job.use_adapter):
            inputs = self._with_prefix(inputs) if job.use_adapter else inputs
            output = self._base().generate(
                **inputs,
                max_new_tokens=min(job.max_new_tokens, room),
                stopping_criteria=transformers.StoppingCriteriaList([stops]),
                pad_token_id=self._pad(),
                **_sampling(job),
            )
        if stops.unwanted:
            return None
        new = output[0, inputs["input_ids"].shape[1] :]
        return Answer(
            text=self._tokenizer.decode(new, skip_special_tokens=True),
            finish="time" if stops.late else "stop" if self._is_end(new) else "length",
            prompt_tokens=prompt_tokens,
            new_tokens=len(new),
            seconds=round(time.monotonic() - began, 3),
        )

    def _forget(self) -> None:
        self._source = self._model = self._tokenizer = None
        gc.collect()
        if self._device == "cuda":
            import torch

            torch.cuda.empty_cache()

    def _voice(self, adapter: bool) -> contextlib.AbstractContextManager[None]:
        if adapter or self._source is None or self._source.adapter is None:
            return contextlib.nullcontext()
        off: contextlib.AbstractContextManager[None] = self._model.disable_adapter()
        return off

    def _base(self) -> Any:
        """The model itself; the layers of an adapter are in it."""
        adapted = self._source is not None and self._source.adapter is not None
        return self._model.get_base_model() if adapted else self._model

    def _inputs(self, prompt: str) -> dict[str, Any]:
        encoded = self._tokenizer(prompt, return_tensors="pt").to(self._device)
        return {name: encoded[name] for name in ("input_ids", "attention_mask")}

    def _with_prefix(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """``inputs`` behind what prefix tuning learned, if the adapter is one.

        peft's own generate hands the prefix over by a name that transformers 5.24 ignores, so
        that the base would speak. Here it is a cache of tokens that were read already.
        """
        import torch

        count = self._virtual_tokens()
        if count == 0:
            return inputs
        base = self._base()
        # transformers renamed it in 5.
        known = inspect.signature(type(base).forward).parameters
        name = "cache" if "cache" in known else "past_key_values"
        pad = torch.full((1, count), self._pad(), device=self._device)
        read = torch.ones((1, count), dtype=torch.long, device=self._device)
        return {
            "input_ids": torch.cat([pad, inputs["input_ids"]], 1),
            "attention_mask": torch.cat([read, inputs["attention_mask"]], 1),
            name: self._model.get_prompt(1),
        }

    def _virtual_tokens(self) -> int:
        # A model without an adapter has no such attribute, nor have most adapters.
        adapter = getattr(self._model, "active_peft_config", None)
        return getattr(adapter, "num_virtual_tokens", None) or 0

    def _room(self) -> int:
        """How many tokens the model takes, prompt and answer together."""
        longest: int = getattr(self._model.config, "max_position_embeddings", None) or 2**31
        return longest - self._virtual_tokens()

    def _ends(self) -> list[int]:
        ends = self._model.generation_config.eos_token_id
        if ends is None:
            ends = self._tokenizer.eos_token_id
        return [] if ends is None else list(ends) if isinstance(ends, list) else [ends]

    def _is_end(self, new: Any) -> bool:
        return len(new) > 0 and int(new[-1]) in self._ends()

    def _pad(self) -> int:
        known = self._tokenizer.pad_token_id
        return known if known is not None else (self._ends() or [0])[0]


class _Stops:
    """Asked by transformers after every token whether to end; remembers why."""

    def __init__(self, deadline: float, unwanted: Callable[[], bool]) -> None:
        self._deadline, self._unwanted = deadline, unwanted
        self.late = self.unwanted = False

    def __call__(self, tokens: Any, _scores: Any, **_: Any) -> Any:
        import torch

        self.unwanted = self._unwanted()
        self.late = time.monotonic() > self._deadline
        end = self.unwanted or self.late
        return torch.full((tokens.shape[0],), end, dtype=torch.bool, device=tokens.device)


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _sampling(job: Job) -> dict[str, Any]:
    if job.temperature == 0:
        # Named, or a model's own settings would come back, and a warning that they do nothing.
        return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    return {
        "do_sample": True,
        "temperature": job.temperature,
        "top_p": job.top_p,
        "top_k": 0,
    }


def _with_adapter(model: Any, adapter: str) -> Any:
    import peft

    return peft.PeftModel.from_pretrained(model, adapter, is_trainable=False)
