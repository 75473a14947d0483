"""Processors, memory and GPUs together; what a child's torch sees has the last word on GPUs."""

from __future__ import annotations

import platform
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from peft_studio.hardware.asking import said
from peft_studio.hardware.memory import Memory, memory
from peft_studio.hardware.processor import Processor, processor

NAME_LIMIT = 200
"""Characters of a GPU's name."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A graphics processor.

    :param memory: bytes; ``None`` when it shares the machine's, or is not known.
    """

    name: str
    memory: int | None


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is now.

    :param source: who found the GPUs: ``torch`` (a child's), or ``system``.
    """

    cpu: Processor
    memory: Memory
    gpus: tuple[Gpu, ...]
    source: str


class Hardware:
    """What this machine has. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reported: tuple[Gpu, ...] | None = None

    def now(self) -> Machine:
        """What there is now; the first call may take as long as ``nvidia-smi``."""
        with self._lock:
            gpus = self._found if self._reported is None else self._reported
            source = "system" if self._reported is None else "torch"
        return Machine(self._processor, memory(), gpus, source)

    def learned(self, report: Mapping[str, Any]) -> None:
        """Take a child's report of what its torch sees.

        :param report: ``{"gpus": [{"name", "memory"}, ...]}``, memory in bytes.
        """
        gpus = tuple(Gpu(str(one["name"])[:NAME_LIMIT], one["memory"]) for one in report["gpus"])
        if sys.platform == "darwin" and not gpus:
            return  # reports tell of CUDA, and what Apple has is none
        with self._lock:
            self._reported = gpus

    @cached_property
    def _processor(self) -> Processor:
        return processor()

    @cached_property
    def _found(self) -> tuple[Gpu, ...]:
        if sys.platform == "darwin":
            return _apple(self._processor.model)
        return nvidia(said("nvidia-smi", *_QUERY))


_QUERY = ("--query-gpu=name,memory.total", "--format=csv,noheader,nounits")


def nvidia(answer: str) -> tuple[Gpu, ...]:
    """What ``nvidia-smi`` lists: ``name, mebibytes`` a line."""
    pairs = (line.rpartition(",") for line in answer.splitlines() if "," in line)
    return tuple(
        Gpu(
            name.strip()[:NAME_LIMIT],
            int(size) << 20 if size.strip().isdecimal() else None,
        )
        for name, _, size in pairs
    )


def _apple(processor_name: str | None) -> tuple[Gpu, ...]:
    """An Apple processor has its GPU in it, which torch calls mps."""
    return (Gpu(processor_name or "Apple", None),) if platform.machine() == "arm64" else ()
