"""What verifying costs, and how it and assembling grow with the number of files.

    python benchmarks/verifying.py

`full` beside plain SHA-256 of the same bytes on all cores, by Python's hashlib in threads and in
processes, and by openssl; `quick`; both at 10,000 and at 100,000 files of an app, with assembling
them. Medians of RUNS runs in turn; memory is the largest process of a run.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from measuring import CACHE, ROOT, RUNS, in_turn, make_project, peak, record, run, size_of, table

from runtime_packager.manifest import (
    Level,
    TrustedKeys,
    load_public,
    render_trusted,
    stated_release,
    verify_tree,
)
from runtime_packager.platforms import host_target

TOOL = [sys.executable, "-m", "runtime_packager"]
CORES = os.cpu_count() or 1
PARTS = 64


def main() -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        root = Path(name)
        peers(root)
        scale(root)


def peers(root: Path) -> None:
    """A tree of 12,600 files: the peer app's and data beside it."""
    project = root / "peers"
    app = project / "app"
    shutil.copytree(ROOT / "benchmarks/peer_app", app)
    make_project(project, app, requirements=[str(app / "requirements.txt")])
    run([*TOOL, "assemble", "--project", project])
    tree = project / "dist" / host_target().name
    missing = 12_600 - stated_release(tree).file_count
    fill(app, missing)
    run([*TOOL, "assemble", "--project", project])
    files = [str(path) for path in tree.rglob("*") if path.is_file() and not path.is_symlink()]
    medians = compared(tree, files, Level.QUICK, Level.EXE)
    best = min(value for name, value in medians.items() if "alone" in name)
    size, count = size_of(tree)
    rows = [[name, f"{value:.3f}", f"{value / best:.2f}"] for name, value in medians.items()]
    heads = [f"{count:,} files, {size / 1e6:.0f} MB", "seconds", "of the best SHA-256"]
    record("verify", table(heads, rows))
    in_node(tree, project / "trusted-keys.json")


def compared(tree: Path, files: list[str], *levels: Level, runs: int = RUNS) -> dict[str, float]:
    """Seconds of full verifying, of hashing alone the ``files`` of ``tree``, and of ``levels``."""
    with ProcessPoolExecutor(CORES) as pool:
        work = {
            "`full`": partial(check, tree, Level.FULL),
            "SHA-256 alone, hashlib in threads": lambda: threads(files),
            "SHA-256 alone, hashlib in processes": lambda: [*pool.map(digests, parts(files))],
            "SHA-256 alone, openssl": lambda: openssl(files),
        }
        work |= {f"`{level.value}`": partial(check, tree, level) for level in levels}
        return in_turn(work, runs)


def in_node(tree: Path, trusted: Path) -> None:
    """The desktop app's verifier, on the same tree."""
    trusted.write_bytes(render_trusted([load_public(CACHE / "keys/development.json")]))
    found = json.loads(run(["node", ROOT / "benchmarks/verifying_node.js", tree, trusted]))
    rows = [
        [f"`{name}`", f"{row['median']:.0f}", f"{row['delayP99']:.1f}", f"{row['delayMax']:.1f}"]
        for name, row in found.items()
    ]
    record("verify-node", table(["", "median", "event loop, 99 of 100", "longest"], rows))


def scale(root: Path) -> None:
    few, few_memory, few_files = grown(root / "few", 10_000)
    many, many_memory, many_files = grown(root / "many", 100_000)
    lines = [
        [
            name, f"{few[name]:.2f}", f"{many[name]:.2f}",
            f"{many[name] / few[name] / (many_files / few_files):.2f}",
            f"{few_memory[name] / 1e6:.0f}", f"{many_memory[name] / 1e6:.0f}",
        ]
        for name in few
    ]  # fmt: skip
    heads = [
        "", f"{few_files:,} files, s", f"{many_files:,} files, s", "a file, of the smaller",
        "memory, MB", "memory, MB",
    ]  # fmt: skip
    record("scale", table(heads, lines))


def grown(project: Path, number: int) -> tuple[dict[str, float], dict[str, int], int]:
    """Seconds and bytes of memory of each command with ``number`` files, and the tree's files."""
    fill(project / "app", number)
    (project / "app/main.py").write_text("pass\n")
    make_project(project, project / "app")
    tree = project / "dist" / host_target().name
    assemble = [*TOOL, "assemble", "--project", project]
    verify = [*TOOL, "verify", tree, "--project", project]
    run(assemble)
    commands = {
        "assemble, output gone": assemble,
        "assemble, nothing changed": assemble,
        "verify, full": verify,
        "verify, quick": [*verify, "--level", "quick"],
    }
    work = {name: partial(run, command) for name, command in commands.items()}
    work["assemble, output gone"] = partial(anew, tree, assemble)
    medians = in_turn(work)
    shutil.rmtree(tree)
    memory = {name: peak(command) for name, command in commands.items()}
    return medians, memory, stated_release(tree).file_count


def fill(app: Path, number: int) -> None:
    """``number`` files of about 2 KB, a hundred a directory, no two alike."""
    for index in range(number):
        directory = app / f"data/{index // 100:04}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{index % 100:02}.txt").write_text(f"{index}\n" * 300)


def anew(tree: Path, command: list[object]) -> None:
    shutil.rmtree(tree)
    run(command)


def check(tree: Path, level: Level) -> None:
    verify_tree(tree, TrustedKeys.of(load_public(CACHE / "keys/development.json")), level)


def threads(files: list[str]) -> None:
    with ThreadPoolExecutor(CORES) as pool:
        for _ in pool.map(digests, parts(files)):
            pass


def parts(files: list[str]) -> list[list[str]]:
    return [files[start::PARTS] for start in range(PARTS)]


def digests(files: list[str]) -> list[str]:
    found = []
    for file in files:
        with open(file, "rb") as stream:
            found.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return found


def openssl(files: list[str]) -> None:
    subprocess.run(
        ["xargs", "-0", f"-P{CORES}", "-n256", "openssl", "dgst", "-sha256", "-r"],
        input="\0".join(files).encode(), stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
