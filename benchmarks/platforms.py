"""Six platforms against one: locking, and assembling with warm caches.

    python benchmarks/platforms.py

Locking asks the package index, its pages warm in pip's cache. Assembling needs
interpreters for all platforms: real ones where they can be had, stand-ins of the same layout for
the others (tests/foreign/seven.py), from a folder that is laid out like a mirror. Medians of RUNS
runs in turn; seconds are this machine's, ratios carry over.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from fakes.mirror import Mirror  # noqa: E402
from foreign import project, seven  # noqa: E402
from measuring import in_turn, peak, record, run, table  # noqa: E402
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
        rows = [*locking(), *assembling(place)]
        shutil.rmtree(place / "backend/dist")
        memory = peak([*TOOL, "assemble", *chosen(SIX)])
    text = table(["", "seconds", "of one platform"], rows)
    record("platforms", f"{text}\n\nThe largest process of six together: {memory / 1e6:.0f} MB.")


def locking() -> list[list[str]]:
    apart = [[*TOOL, "lock", *chosen((name,))] for name in SIX]
    rows = in_turn(
        {
            "lock, one platform": lambda: run([*TOOL, "lock", *chosen(SIX[:1])]),
            "lock, six platforms": lambda: run([*TOOL, "lock", *chosen(SIX)]),
            "lock, six times one platform": lambda: [run(command) for command in apart],
        }
    )
    return report(rows, "lock, one platform")


def assembling(place: Path) -> list[list[str]]:
    command = [*TOOL, "assemble", *chosen(SIX)]
    run(command)
    rows = in_turn(
        {
            "assemble, one platform, output gone": lambda: anew(place, SIX[:1]),
            "assemble, six platforms, outputs gone": lambda: anew(place, SIX),
            "assemble, six platforms, nothing changed": lambda: run(command),
        }
    )
    return report(rows, "assemble, one platform, output gone")


def chosen(names: tuple[str, ...]) -> list[str]:
    return [word for name in names for word in ("--platform", name)]


def anew(place: Path, names: tuple[str, ...]) -> None:
    for name in names:
        shutil.rmtree(place / "backend/dist" / name, ignore_errors=True)
    run([*TOOL, "assemble", *chosen(names)])


def report(rows: dict[str, float], base: str) -> list[list[str]]:
    return [[name, f"{value:.2f}", f"{value / rows[base]:.2f}"] for name, value in rows.items()]


if __name__ == "__main__":
    main()
