"""How long each step of a pipeline took, and whether the cache had it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from runtime_packager.io.progress import Progress


@dataclass(slots=True)
class StepTime:
    """One step: its name, seconds, a few words about it, and whether it came from the cache."""

    name: str
    seconds: float = 0.0
    note: str = ""
    cached: bool | None = None


@dataclass(slots=True)
class Steps:
    """The steps done so far; each is timed while its ``with`` block runs."""

    progress: Progress
    done: list[StepTime] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[StepTime]:
        """Time a block; the yielded value takes notes."""
        step, began = StepTime(name), time.perf_counter()
        self.done.append(step)
        try:
            yield step
        finally:
            step.seconds = time.perf_counter() - began
