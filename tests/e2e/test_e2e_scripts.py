"""Console scripts that the configuration asks for: launchers of their own beside the app's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from runtime_packager.platforms import host_target


def project(studio, place: Path, scripts: str):
    """A copy of the project that asks for these scripts."""
    shutil.copytree(studio.project, place)
    text = (place / "pyproject.toml").read_text()
    table = "[tool.runtime-packager]\n"
    (place / "pyproject.toml").write_text(text.replace(table, f"{table}scripts = {scripts}\n", 1))
    return replace(studio, project=place, output=place / "dist")


@pytest.fixture(scope="module")
def tree(studio, scratch: Path) -> Path:
    asking = project(studio, scratch / "asking", '["uvicorn", "fastapi"]')
    asking.assemble("--offline")
    return asking.output / host_target().name


def run(*words: object, **env: str) -> subprocess.CompletedProcess[str]:
    command = list(map(str, words))
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env})


def test_a_script_runs_in_the_runtimes_own_environment(tree: Path) -> None:
    done = run(tree / "uvicorn", "--version", PYTHONHOME="/nonsense", PYTHONPATH="/nonsense")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Running uvicorn ")


def test_it_has_the_name_it_was_called_by_and_passes_exit_codes_on(tree: Path) -> None:
    done = run(tree / "uvicorn", "--no-such-option")
    assert done.returncode == 2
    assert "no-such-option" in done.stderr
    info = run(tree / "uvicorn", "--runtime-info")
    assert json.loads(info.stdout)["script"].endswith("app/_start_script_uvicorn.py")


def test_no_scripts_line_names_a_machine(tree: Path) -> None:
    programs = [path for path in tree.iterdir() if path.is_file()]
    assert {"peft_engine", "uvicorn", "fastapi"} <= {path.name for path in programs}
    for name in ("uvicorn", "fastapi"):
        assert (tree / name).read_bytes() == (tree / "peft_engine").read_bytes()
    bin_ = [path.name for path in (tree / "python/bin").iterdir()]
    assert sorted(bin_) == ["python", "python3", "python3.12"]


def test_a_script_that_no_requirement_has_is_named_with_those_there_are(
    studio, scratch: Path
) -> None:
    asking = project(studio, scratch / "wrong", '["uvicorn", "alembic", "celery"]')
    words = ("assemble", "--offline", "--project", asking.project, "--output", asking.output)
    done = asking(*words)
    assert done.returncode == 2
    assert "alembic, celery" in done.stderr
    assert "uvicorn" in done.stderr.partition("hint:")[2]
    assert not asking.output.exists() or not list(asking.output.glob("[!.]*"))
