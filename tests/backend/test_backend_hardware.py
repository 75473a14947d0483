"""What there is to compute with: this machine's, and others' by what their systems print."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from backend_harness import Ask

from peft_studio.hardware import memory, processor
from peft_studio.hardware.asking import said
from peft_studio.hardware.machine import Gpu, Hardware, nvidia
from peft_studio.hardware.memory import Memory

MIB = 1 << 20


@pytest.fixture(autouse=True)
def no_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what a test puts there."""
    (tmp_path / "tools").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    return tmp_path / "tools"


def tool(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.skipif(sys.platform != "linux", reason="compares with what Linux says")
def test_this_machine(ask: Ask) -> None:
    found = ask("/api/hardware").json()
    assert 1 <= found["cpu"]["count"] <= len(os.sched_getaffinity(0))
    assert 0 < found["memory"]["available"] <= found["memory"]["total"]
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert found["memory"]["total"] <= physical
    assert (found["gpus"], found["source"]) == ([], "system")


def test_gpus_by_nvidias_tool_until_torch_has_seen_them(no_tools: Path) -> None:
    tool(no_tools, "nvidia-smi", 'echo "NVIDIA A100, 40960"; echo "NVIDIA T4, [N/A]"')
    hardware = Hardware()
    machine = hardware.now()
    assert machine.gpus == (Gpu("NVIDIA A100", 40960 * MIB), Gpu("NVIDIA T4", None))
    assert machine.source == "system"
    hardware.learned({"type": "hardware", "gpus": [{"name": "A100", "memory": 5}], "torch": "2"})
    assert (hardware.now().gpus, hardware.now().source) == ((Gpu("A100", 5),), "torch")


def test_a_driver_that_is_broken_has_no_gpus(no_tools: Path) -> None:
    tool(no_tools, "nvidia-smi", 'echo "NVIDIA-SMI has failed, because"; exit 9')
    assert Hardware().now().gpus == ()
    assert nvidia("no commas here\n") == ()


def test_a_tool_that_hangs_is_ended(no_tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peft_studio.hardware.asking._PATIENCE", 0.2)
    tool(no_tools, "nvidia-smi", "while :; do :; done")
    assert said("nvidia-smi") == ""


def system(root: Path, files: dict[str, str]) -> tuple[Path, Path]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root / "proc", root / "cgroup"


MEMINFO = (
    "MemTotal:       16000 kB\nMemFree:  1 kB\nMemAvailable:    9000 kB\nHugePages_Total:  0\n"
)
GROUP = {"proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/app/web\n"}


def test_memory_on_linux(tmp_path: Path) -> None:
    free = system(tmp_path, GROUP | {"cgroup/app/memory.max": "max\n"})
    assert memory.linux(*free) == Memory(16000 * 1024, 9000 * 1024)
    limited = {
        "cgroup/app/memory.max": "8000000\n",
        "cgroup/app/memory.current": "5000000\n",
        "cgroup/app/memory.stat": "anon 1\ninactive_file 1000000\n",
    }
    assert memory.linux(*system(tmp_path, limited)) == Memory(8000000, 4000000)
    assert memory.linux(tmp_path / "none", tmp_path / "none") == Memory(None, None)


def test_memory_on_a_mac() -> None:
    vm_stat = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n"
        "Pages free:                                3.\n"
        "Pages active:                            900.\n"
        "Pages inactive:                            2.\n"
        "Pages speculative:                         1.\n"
    )
    assert memory.mac("17179869184\n", vm_stat) == Memory(17179869184, 6 * 16384)
    assert memory.mac("", "") == Memory(None, None)


def test_processors_on_linux(tmp_path: Path) -> None:
    cpuinfo = "processor\t: 0\nmodel name\t: Fast CPU @ 3GHz\nmodel name\t: other\n"
    free = system(tmp_path, GROUP | {"proc/cpuinfo": cpuinfo, "cgroup/app/cpu.max": "max 100000\n"})
    assert processor.linux(8, *free) == processor.Processor(8, "Fast CPU @ 3GHz")
    for quota, count in (("150000 100000\n", 2), ("1000 100000\n", 1), ("9900000 100000\n", 8)):
        limited = system(tmp_path, {"cgroup/app/cpu.max": quota})
        assert processor.linux(8, *limited).count == count
    assert processor.linux(4, tmp_path / "none", tmp_path / "none") == processor.Processor(4, None)
