"""PEFT Studio's profile `full`: 5.8 GB with torch, CUDA, transformers and peft.

    python benchmarks/full_profile.py

Medians of RUNS runs in turn. Cold runs have a cache of their own and fetch all wheels: 3 GB each.
Between two measurements the files are read once, since a virtual machine's host may have taken
the pages away.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from measuring import (
    CACHE,
    ROOT,
    in_turn,
    peak,
    ready,
    record,
    run,
    seconds,
    size_of,
    table,
    together,
)
from verifying import compared, threads

from runtime_packager.manifest import Level
from runtime_packager.platforms import host_target

RUNS = 3
TOOL = [sys.executable, "-m", "runtime_packager"]
ASSEMBLE = [*TOOL, "assemble", "--project", ROOT, "--profile", "full", "--locked"]
USE = """
import peft, torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments
torch.nn.Linear(4, 4)(torch.ones(2, 4)).sum().backward()
"""


def main() -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        output = Path(name) / "dist"
        building(Path(name), output)
        tree = output / host_target().name
        memory(tree, [*ASSEMBLE, "--output", output])
        verifying(tree)
        starting(tree)


def building(root: Path, output: Path) -> None:
    tree, warm = output / host_target().name, [*ASSEMBLE, "--output", output]
    run(warm)
    rows = in_turn({"cache empty": partial(cold, root)}, RUNS, warm=0) | in_turn(
        {
            "output gone": partial(anew, tree, warm),
            "output gone, and imported anew": partial(anew, tree, [*warm, "--force"]),
            "nothing changed": lambda: seconds(partial(run, warm)),
        },
        RUNS,
    )
    size, count = size_of(tree)
    text = table(
        ["`assemble`", "seconds"], [[name, f"{value:.2f}"] for name, value in rows.items()]
    )
    record("full-build", f"{text}\n\nThe tree: {size / 1e9:.2f} GB in {count:,} files.")


def cold(root: Path) -> float:
    """From nothing: interpreter and wheels fetched, unpacked, compiled, checked, imported."""
    cache, output = root / "cold-cache", root / "cold-dist"
    command = [*ASSEMBLE, "--output", output, "--cache-dir", cache]
    spent = seconds(lambda: run(command, env={**os.environ, "PIP_NO_CACHE_DIR": "1"}))
    shutil.rmtree(cache)
    shutil.rmtree(output)
    return spent


def anew(tree: Path, command: list[object]) -> float:
    warmed(tree)
    shutil.rmtree(tree)
    return seconds(partial(run, command))


def warmed(tree: Path) -> list[str]:
    """Every file of the tree, read once."""
    files = [str(path) for path in tree.rglob("*") if path.is_file() and not path.is_symlink()]
    threads(files)
    return files


def memory(tree: Path, assemble: list[object]) -> None:
    """The largest process, and the most that the command and all its children had together."""
    verify = [*TOOL, "verify", tree, "--project", ROOT]
    commands = {
        "assemble, nothing changed": assemble,
        "assemble, output gone": assemble,
        "assemble, output gone, and imported anew": [*assemble, "--force"],
        "verify, full": verify,
        "verify, quick": [*verify, "--level", "quick"],
    }
    rows = []
    for name, command in commands.items():
        found = []
        for measure in (peak, together):
            if "gone" in name:
                shutil.rmtree(tree)
            found.append(f"{measure(command) / 1e6:.0f}")
        rows.append(
            [f"`{name.partition(',')[0]}`{name.removeprefix(name.partition(',')[0])}", *found]
        )
    record("full-memory", table(["", "largest process, MB", "all together, MB"], rows))


def verifying(tree: Path) -> None:
    files = warmed(tree)
    medians = compared(tree, files, Level.QUICK, runs=RUNS)
    best = min(value for name, value in medians.items() if "alone" in name)
    rows = [[name, f"{value:.2f}", f"{value / best:.2f}"] for name, value in medians.items()]
    record("full-verify", table(["", "seconds", "of the best SHA-256"], rows))


def starting(tree: Path) -> None:
    """The service until it answers, and what trains until it has trained a layer."""
    warmed(tree)
    launcher, python = tree / "peft_engine", tree / "python/bin/python3"
    bare = [python, "-I", "-B", tree / "app/main.py"]
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "HOME": home, "TMPDIR": home}
        service = partial(ready, env=env, stdout=-3, stderr=-3)
        medians = in_turn(
            {
                "launcher, until ready": lambda: service([launcher, "--port", "{port}"]),
                "bare interpreter, until ready": lambda: service([*bare, "--port", "{port}"]),
                "launcher, first use": lambda: run(
                    [launcher, "--runtime-python", "-c", USE], env=env
                ),
                "bare interpreter, first use": lambda: run(
                    [python, "-I", "-B", "-c", USE], env=env
                ),
            },
            2 * RUNS - 1,
        )
    rows = [
        [
            name,
            f"{value:.3f}",
            f"{value / medians[name.replace('launcher', 'bare interpreter')]:.2f}",
        ]
        for name, value in medians.items()
    ]
    record("full-start", table(["", "seconds", "of the bare interpreter"], rows))


if __name__ == "__main__":
    main()
