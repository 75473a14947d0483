"""Assembling the peer app, warm, beside pip installing the same wheels from a folder.

    python benchmarks/assemble.py

Medians of RUNS runs in turn; seconds are this machine's, ratios carry over.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import uuid
from pathlib import Path

from measuring import CACHE, ROOT, in_turn, link_wheels, make_project, record, run, table

from runtime_packager.platforms import host_target

TOOL = [sys.executable, "-m", "runtime_packager"]
PIP = "pip install, same wheels in a folder"


def main() -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        root = Path(name)
        app, wheels, tree = root / "app", root / "wheels", root / "dist" / host_target().name
        shutil.copytree(ROOT / "benchmarks/peer_app", app)
        make_project(root, app, requirements=[str(app / "requirements.txt")])
        command = [*TOOL, "assemble", "--project", root, "--json"]
        run(command)
        link_wheels(root, wheels)
        offline = [*command, "--offline"]
        medians = in_turn(
            {
                PIP: lambda: pip(root / "site-packages", wheels),
                "`assemble`, output gone": lambda: anew(tree, offline),
                "`assemble`, one line of the app changed": lambda: edit(app, offline),
                "`assemble`, nothing changed": lambda: run(offline),
                "the steps of it that install the wheels": lambda: installing(offline),
            }
        )
    rows = [
        [name, f"{value:.2f}", f"{value / medians[PIP]:.2f}"] for name, value in medians.items()
    ]
    record("assemble", table(["", "seconds", "of pip"], rows))


def edit(app: Path, command: list[object]) -> None:
    with (app / "main.py").open("a") as stream:
        stream.write(f"# {uuid.uuid4()}\n")
    run(command)


def anew(tree: Path, command: list[object]) -> None:
    shutil.rmtree(tree)
    run(command)


def installing(command: list[object]) -> float:
    (runtime,) = json.loads(run([*command, "--force"]))["runtimes"]
    steps = {step["name"]: step["seconds"] for step in runtime["steps"]}
    return float(steps["wheels"] + steps["write"])


def pip(target: Path, wheels: Path) -> None:
    """pip's job on the same files: no index, no resolving of anything else."""
    shutil.rmtree(target, ignore_errors=True)
    words = ["--quiet", "--no-index", "--no-deps", "--python-version", "3.12", "--target", target]
    tags = [*(f"manylinux_2_{minor}" for minor in (28, 27, 26, 24, 17, 12, 5)), "manylinux2014"]
    platforms = [f"--platform={tag}_x86_64" for tag in tags]
    run([sys.executable, "-m", "pip", "install", *words, *platforms, *sorted(wheels.iterdir())])


if __name__ == "__main__":
    main()
