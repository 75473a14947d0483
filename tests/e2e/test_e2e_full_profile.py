"""PEFT Studio's profile ``full`` as assembled: 6 GB with torch and CUDA, sealed and read-only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.conftest import ROOT, Cli
from fakes.seals import snapshot

from runtime_packager.platforms import host_target

TREE = ROOT / "backend/dist/full" / host_target().name

pytestmark = pytest.mark.skipif(
    not TREE.is_dir(), reason=f"{TREE} is not there: make assemble PROFILE=full"
)
SCRIPT = """
import json, peft, torch, transformers
layer = torch.nn.Linear(4, 4)
layer(torch.ones(2, 4)).sum().backward()
files = [module.__file__ for module in (peft, torch, transformers)]
print(json.dumps([*files, layer.weight.grad.sum().item()]))
"""


@pytest.fixture(scope="module")
def cli() -> Cli:
    return Cli(ROOT, TREE.parent)


def names() -> dict[str, tuple]:
    """Every name of the tree and what a write would change: not when its status did, for a file
    shared with the cache gets links and loses them while others assemble."""
    return {name: (*facts[:3], facts[4]) for name, facts in snapshot(TREE).items()}


def test_its_build_imported_what_trains(cli: Cli) -> None:
    """The last build's verdict on these very bytes is kept, and said of the next from the same."""
    done = cli("assemble", "--project", ROOT, "--profile", "full", "--locked", "--json")
    assert done.returncode == 0, done.stdout
    (made,) = json.loads(done.stdout)["runtimes"]
    assert made["up_to_date"]
    names = {text.split()[0] for text in made["imported"]}
    assert names >= {"torch", "transformers", "peft", "accelerate", "datasets", "safetensors"}


@pytest.mark.parametrize("level", ["exe", "quick", "full"])
def test_it_verifies(cli: Cli, level: str) -> None:
    done = cli.verify(TREE, "--level", level, "--json")
    assert done.returncode == 0, done.stdout
    answer = json.loads(done.stdout)
    assert (answer["level"], answer["platform"]) == (level, host_target().name)


def imported(command: list[str | Path], root: Path, home: Path) -> None:
    """Run it; torch, transformers and peft came from below ``root`` and calculated."""
    env = {**os.environ, "HOME": str(home), "TMPDIR": str(home)}  # torch makes a folder there
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=env)
    assert done.returncode == 0, done.stderr
    *files, total = json.loads(done.stdout.splitlines()[-1])
    assert len(files) == 3
    assert all(Path(file).is_relative_to(root) for file in files), files
    assert total == 32


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="run it as root on Linux: it mounts"
)
def test_what_trains_imports_from_a_read_only_file_system(tmp_path: Path) -> None:
    """Root could write to any mode of file; here nobody can. The mount ends with the command."""
    place = tmp_path / "mit Leerzeichen und ü"
    place.mkdir()
    steps = ['mount --bind "$1" "$2"', 'mount -o remount,bind,ro "$2"', '! touch "$2/x"']
    shell = " && ".join([*steps, "shift 2", 'exec "$@"'])
    inside = ["sh", "-c", shell, "sh", TREE, place, place / "peft_engine"]
    imported(["unshare", "--mount", *inside, "--runtime-python", "-c", SCRIPT], place, tmp_path)


def test_what_trains_imports_and_writes_nothing(tmp_path: Path) -> None:
    before = names()
    imported([TREE / "peft_engine", "--runtime-python", "-c", SCRIPT], TREE, tmp_path)
    assert names() == before
