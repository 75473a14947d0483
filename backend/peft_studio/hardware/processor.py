"""How many processors may be used, and what they are called."""

from __future__ import annotations

import math
import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from peft_studio.hardware.asking import said, text_of
from peft_studio.hardware.memory import control_groups


@dataclass(frozen=True, slots=True)
class Processor:
    """Logical processors that this process may use, and their name if the system tells."""

    count: int
    model: str | None


def processor() -> Processor:
    """What this system says."""
    if sys.platform == "linux":
        allowed = len(os.sched_getaffinity(0))
        return linux(allowed, Path("/proc"), Path("/sys/fs/cgroup"))
    count = os.cpu_count() or 1
    if sys.platform == "darwin":
        return Processor(count, said("sysctl", "-n", "machdep.cpu.brand_string").strip() or None)
    return Processor(count, os.environ.get("PROCESSOR_IDENTIFIER") or platform.machine() or None)


def linux(allowed: int, proc: Path, cgroups: Path) -> Processor:
    """By the affinity mask and the quotas of the control groups.

    :param allowed: how many the mask lets us have.
    :param proc: where ``/proc`` is mounted; ``cgroups``, where version 2 of control groups is.
    """
    quotas = [_quota(text_of(group / "cpu.max")) for group in control_groups(proc, cgroups)]
    count = min([allowed, *(quota for quota in quotas if quota is not None)])
    name = re.search(r"^model name\s*: (.+)$", text_of(proc / "cpuinfo"), re.MULTILINE)
    return Processor(count, name[1].strip() if name else None)


def _quota(text: str) -> int | None:
    """``cpu.max``: microseconds of all processors in a period, or ``max``, and the period."""
    match = re.fullmatch(r"([0-9]+) ([1-9][0-9]*)\s*", text)
    return max(1, math.ceil(int(match[1]) / int(match[2]))) if match else None
