"""How much memory there is, asked of each system itself.

psutil would do, but it is a native package for every platform that we ship, for two numbers.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from peft_studio.hardware.asking import said, text_of


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: all there is for us, and what can be had without swapping; ``None`` if not known."""

    total: int | None
    available: int | None


def memory() -> Memory:
    """What this system says now."""
    if sys.platform == "win32":
        return _windows()
    if sys.platform == "darwin":
        return mac(said("sysctl", "-n", "hw.memsize"), said("vm_stat"))
    return linux(Path("/proc"), Path("/sys/fs/cgroup"))


def linux(proc: Path, cgroups: Path) -> Memory:
    """By ``/proc/meminfo``, and the control group's limit where that is lower.

    :param proc: where ``/proc`` is mounted; ``cgroups``, where version 2 of control groups is.
    """
    info = dict(re.findall(r"^(\w+): +([0-9]+) kB$", text_of(proc / "meminfo"), re.MULTILINE))
    total = int(info["MemTotal"]) * 1024 if "MemTotal" in info else None
    available = int(info["MemAvailable"]) * 1024 if "MemAvailable" in info else None
    for group in control_groups(proc, cgroups):
        limit, used = _number(group / "memory.max"), _number(group / "memory.current")
        if limit is not None:
            total = limit if total is None else min(total, limit)
        if limit is not None and used is not None:
            # The file cache counts as used, but gives way.
            free = max(0, limit - used + _cache(group))
            available = free if available is None else min(available, free)
    return Memory(total, available)


def control_groups(proc: Path, cgroups: Path) -> list[Path]:
    """This process's control group of version 2 and those above it, the innermost first."""
    match = re.search(r"^0::/(.*)$", text_of(proc / "self" / "cgroup"), re.MULTILINE)
    inner = cgroups / (match[1] if match else "")
    return [group for group in (inner, *inner.parents) if group.is_relative_to(cgroups)]


def mac(memsize: str, vm_stat: str) -> Memory:
    """By what ``sysctl -n hw.memsize`` and ``vm_stat`` print."""
    total = int(memsize) if memsize.strip().isdecimal() else None
    page = re.search(r"page size of ([0-9]+) bytes", vm_stat)
    free = re.findall(r"^Pages (?:free|inactive|speculative): +([0-9]+)\.", vm_stat, re.MULTILINE)
    return Memory(total, sum(map(int, free)) * int(page[1]) if page and free else None)


def _windows() -> Memory:
    if sys.platform != "win32":
        raise AssertionError
    import ctypes

    class Status(ctypes.Structure):
        """MEMORYSTATUSEX of sysinfoapi.h."""

        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in _MEMORY_STATUS),
        )

    status = Status(length=ctypes.sizeof(Status))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return Memory(None, None)
    return Memory(int(status.total), int(status.available))


_MEMORY_STATUS = (
    "total",
    "available",
    "total_page_file",
    "available_page_file",
    "total_virtual",
    "available_virtual",
    "available_extended_virtual",
)


def _cache(group: Path) -> int:
    match = re.search(r"^inactive_file ([0-9]+)$", text_of(group / "memory.stat"), re.MULTILINE)
    return int(match[1]) if match else 0


def _number(path: Path) -> int | None:
    text = text_of(path).strip()
    return int(text) if text.isdecimal() else None
