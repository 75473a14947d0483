"""A requirement that brings what no wheel should: it is made good, or said."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from runtime_packager.platforms import host_target

sys.path.insert(0, str(Path(__file__).parents[1] / "wheels"))

from fake_index import FakeIndex, serving
from wheel_making import make_wheel

WHEEL = make_wheel(
    "unruly",
    "1.0",
    files={
        "unruly/__init__.py": "x = 1\n",
        "unruly/__pycache__/__init__.cpython-312.pyc": "somebody else's bytecode",
        "unruly/__pycache__/gone.cpython-312.pyc": "of a module that is no longer there",
        "unruly/template/old.py": "print 'Python 2'\n",
        "unruly_hook.py": "import sys\nsys.unruly = True\n",
        "unruly.pth": "import unruly_hook\n",
    },
)


@pytest.fixture(scope="module")
def made(studio, scratch: Path):
    """The summary of assembling an app that requires it, and the tree."""
    place = scratch / "unruly"
    shutil.copytree(studio.project, place)
    (place / "backend/requirements.txt").write_text("unruly\n")
    (place / "backend/main.py").write_text("import unruly\n")
    shutil.rmtree(place / "backend/peft_studio")
    cli = replace(studio, project=place, output=place / "dist")
    with serving(FakeIndex()) as index:
        index.add(WHEEL)
        # Found where pip looks when a lock has no addresses; the interpreter is in the cache.
        env = {"PIP_INDEX_URL": index.url, "PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "127.0.0.1"}
        done = cli("assemble", "--project", place, "--output", cli.output, **env)
    assert done.returncode == 0, done.stderr
    return done.stderr, cli.output / host_target().name, cli


def test_its_bytecode_is_ours(made) -> None:
    _, tree, _ = made
    package = tree / "python/lib/python3.12/site-packages/unruly"
    assert [path.name for path in (package / "__pycache__").iterdir()] == [
        "__init__.cpython-312.pyc"
    ]
    done = subprocess.run(
        [tree / "peft_engine", "--runtime-python", "-v", "-c", "import unruly"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0
    assert f"# code object from '{package}/__pycache__/__init__.cpython-312.pyc'" in done.stderr


def test_a_source_that_does_not_compile_is_listed_and_no_failure(made) -> None:
    said, tree, _ = made
    assert "without bytecode: python/lib/python3.12/site-packages/unruly/template/old.py" in said
    assert (tree / "python/lib/python3.12/site-packages/unruly/template/old.py").is_file()


def test_code_that_runs_at_every_start_is_named(made) -> None:
    said, _, _ = made
    assert "unruly 1.0: unruly.pth runs code whenever Python starts" in said


def test_it_stays_sealed(made) -> None:
    _, tree, cli = made
    done = cli("verify", tree, "--project", cli.project, "--after-run", "--run-for", "1")
    assert done.returncode == 0, done.stderr
