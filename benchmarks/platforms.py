"""Six platforms against one: locking, and assembling with warm caches.

    make bench

Locking asks the package index, its pages warm in pip's cache. Assembling needs
interpreters for all platforms: real ones where they can be had, stand-ins of the same layout for
the others (tests/foreign/seven.py), from a folder that is laid out like a mirror. Medians over RUNS
runs in turn; seconds are this machine's, ratios carry over.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from assemble import RUNS, run  # noqa: E402
from fakes.mirror import Mirror  # noqa: E402
from foreign import project, seven  # noqa: E402
from packaging.version import Version  # noqa: E402

SIX = ("linux-x64", "linux-arm64", "win-x64", "win-arm64", "mac-x64", "mac-arm64")
TOOL = [sys.executable, "-m", "runtime_packager"]


def main() -> None:
    os.environ.setdefault("RUNTIME_PACKAGER_CACHE", str(ROOT / "cache"))
    os.environ["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory(dir=ROOT / "cache") as name, Mirror() as mirror:
        place = Path(name) / "project"
        archives = seven.archives(Version(seven.PYTHON))
        project.make(place, mirror, archives, seven.PYTHON)
        os.chdir(place)
        locking()
        assembling(place)


def locking() -> None:
    apart = [[*TOOL, "lock", *chosen((name,))] for name in SIX]
    rows = in_turn(
        {
            "lock, one platform": lambda: run([*TOOL, "lock", *chosen(SIX[:1])]),
            "lock, six platforms": lambda: run([*TOOL, "lock", *chosen(SIX)]),
            "lock, six times one platform": lambda: [run(command) for command in apart],
        }
    )
    report(rows, "lock, one platform", "of one")


def assembling(place: Path) -> None:
    command = [*TOOL, "assemble", *chosen(SIX)]
    run(command)
    rows = in_turn(
        {
            "assemble, one platform, output gone": lambda: anew(place, SIX[:1]),
            "assemble, six platforms, outputs gone": lambda: anew(place, SIX),
            "assemble, six platforms, nothing changed": lambda: run(command),
        }
    )
    report(rows, "assemble, one platform, output gone", "of one")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
    print(f"largest process of all these         {peak:6.0f} MB")


def chosen(names: tuple[str, ...]) -> list[str]:
    return [word for name in names for word in ("--platform", name)]


def anew(place: Path, names: tuple[str, ...]) -> None:
    for name in names:
        shutil.rmtree(place / "backend/dist" / name, ignore_errors=True)
    run([*TOOL, "assemble", *chosen(names)])


def in_turn(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median seconds of each, one run of every kind after the other."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for number in range(RUNS + 1):
        for name, job in work.items():
            began = time.perf_counter()
            job()
            if number:  # the first warms the caches
                seconds[name].append(time.perf_counter() - began)
    return {name: sorted(found)[len(found) // 2] for name, found in seconds.items()}


def report(rows: dict[str, float], base: str, words: str) -> None:
    for name, value in rows.items():
        print(f"{name:<42} {value:6.2f} s   {value / rows[base]:5.2f} {words}")


if __name__ == "__main__":
    main()
