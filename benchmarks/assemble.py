"""Assembling nine common packages, warm, beside pip installing the same wheels from its cache.

    make bench

Makes a project of its own in a temporary directory; uses the repository's cache and sources.
Prints medians over RUNS runs, in turn, and their ratio; seconds are this machine's, ratios carry.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
import uuid
from collections.abc import Callable
from pathlib import Path

import tomli_w

ROOT = Path(__file__).resolve().parents[1]
RUNS = 5
PACKAGES = """\
fastapi
uvicorn[standard]
pydantic
numpy
pandas
aiohttp
sqlalchemy
cryptography
psutil
"""


def main() -> None:
    with tempfile.TemporaryDirectory(dir=ROOT / "cache") as name:
        project = Path(name)
        make_project(project)
        tool = [sys.executable, "-m", "runtime_packager"]
        assemble = [*tool, "assemble", "--project", project, "--offline", "--json"]
        run([*tool, "assemble", "--project", project, "--json"])
        wheels = project / "wheels"
        fetch(project, wheels)
        rows = {
            "nothing changed": measure(lambda: run(assemble)),
            "one line of the app changed": measure(lambda: edit(project, assemble)),
            "output gone": measure(lambda: anew(project, assemble)),
        }
        installing = [step(run([*assemble, "--force"]), "wheels", "write") for _ in range(RUNS)]
        rows["its steps that install the wheels"] = statistics.median(installing)
        rows["pip install, same wheels at hand"] = measure(lambda: pip(project, wheels))
        report(rows)


def make_project(project: Path) -> None:
    (project / "backend").mkdir()
    (project / "backend/main.py").write_text("print('hello')\n")
    (project / "backend/requirements.txt").write_text(PACKAGES)
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["runtime-packager"]
    del table["windows"]  # its icon is not in this project
    table |= {"cache": str(ROOT / "cache"), "pins": str(ROOT / "manifests/interpreters.json")}
    document = {"tool": {"runtime-packager": table}}
    (project / "pyproject.toml").write_text(tomli_w.dumps(document))


def fetch(project: Path, wheels: Path) -> None:
    """The locked wheels as pip wants them: in one folder, under their names."""
    wheels.mkdir()
    for lock in (project / "manifests/locks").glob("pylock.*.toml"):
        for package in tomllib.loads(lock.read_text())["packages"]:
            (wheel,) = package["wheels"]
            digest = wheel["hashes"]["sha256"]
            name = Path(wheel["path"]).name
            os.link(ROOT / "cache/blobs" / digest[:2] / digest, wheels / name)


def edit(project: Path, command: list) -> None:
    (project / "backend/main.py").write_text(f"print('{uuid.uuid4()}')\n")
    run(command)


def anew(project: Path, command: list) -> None:
    shutil.rmtree(project / "backend/dist")
    run(command)


def pip(project: Path, wheels: Path) -> None:
    """pip's job on the same files: no index, no resolving of anything else."""
    target = project / "site-packages"
    shutil.rmtree(target, ignore_errors=True)
    words = ["--quiet", "--no-index", "--no-deps", "--python-version", "3.12", "--target", target]
    tags = [*(f"manylinux_2_{minor}" for minor in (28, 27, 26, 24, 17, 12, 5)), "manylinux2014"]
    platforms = [f"--platform={tag}_x86_64" for tag in tags]
    files = sorted(wheels.iterdir())
    run([sys.executable, "-m", "pip", "install", *words, *platforms, *files])


def run(command: list) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def step(answer: str, *names: str) -> float:
    (runtime,) = json.loads(answer)["runtimes"]
    return sum(row["seconds"] for row in runtime["steps"] if row["name"] in names)


def measure(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def report(rows: dict[str, float]) -> None:
    peer = rows["pip install, same wheels at hand"]
    for name, seconds in rows.items():
        print(f"{name:<36} {seconds:6.2f} s   {seconds / peer:5.2f} of pip")


if __name__ == "__main__":
    main()
