"""The workflow, held to GitHub's own schema; tests/e2e runs its steps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from runtime_packager.cli import main

CONFIG = """\
[tool.runtime-packager]
name = "demo"
version = "1.0"
app = "backend"
python = "3.12.14"
output = "out put"
platforms = ["linux-x64", "win-x64", "mac-arm64", "mac-universal", "linux-x64-musl"]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "project"
    (place / "backend").mkdir(parents=True)
    (place / "backend/main.py").write_text("print('hello')\n")
    (place / "pyproject.toml").write_text(CONFIG)
    monkeypatch.chdir(place)
    monkeypatch.setenv("NO_COLOR", "1")
    return place


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["ci", "github", *map(str, words)])
    return int(caught.value.code or 0)


def written(project: Path) -> dict:
    return YAML(typ="safe").load(project / ".github/workflows/runtimes.yml")


def test_it_is_a_workflow_by_githubs_schema(project: Path) -> None:
    assert run("--arguments", "--port '81 23'", "--health-url", "http://127.0.0.1:1/a?b=c&d") == 0
    file = project / ".github/workflows/runtimes.yml"
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    command = [*check, "vendor.github-workflows", str(file)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_platform_is_assembled_and_tried_on_a_runner_of_its_own(project: Path) -> None:
    assert run() == 0
    jobs = written(project)["jobs"]
    steps = {step.get("name"): step for step in jobs["assemble"]["steps"]}
    words = steps["Assemble"]["run"].split()
    platforms = [name for name in words if f"--platform {name}" in steps["Assemble"]["run"]]
    assert platforms == ["linux-x64", "win-x64", "mac-arm64", "mac-universal", "linux-x64-musl"]
    rows = {row["platform"]: row for row in jobs["try"]["strategy"]["matrix"]["include"]}
    assert rows["win-x64"] == {
        "platform": "win-x64",
        "runner": "windows-2025",
        "engine": "win-x64/peft_engine.exe",
    }
    assert rows["mac-universal"]["runner"].startswith("macos-")
    assert "linux-x64-musl" not in rows


def test_a_project_in_a_folder_of_the_repository_has_its_workflow_at_the_root(
    project: Path,
) -> None:
    (project.parent / ".git").mkdir()
    assert run() == 0
    root, folder = project.parent, project.name
    found = YAML(typ="safe").load(root / ".github/workflows/runtimes.yml")
    assert found["defaults"]["run"]["working-directory"] == folder
    text = json.dumps(found)
    assert f"hashFiles('{folder}/manifests/locks/*.toml'" in text
    upload = found["jobs"]["assemble"]["steps"][-1]["with"]
    assert upload["path"] == f"{folder}/packed"
    (download,) = (s for s in found["jobs"]["try"]["steps"] if "download" in s.get("uses", ""))
    assert download["with"]["path"] == folder
    assert not (project / ".github").exists()


def test_secrets_reach_only_the_step_that_signs(project: Path) -> None:
    assert run() == 0
    jobs = written(project)["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    assert [step["name"] for step in steps if "secrets." in json.dumps(step)] == ["Sign"]
    assert "secrets." not in json.dumps([{**job, "steps": []} for job in jobs.values()])
    assert written(project)["permissions"] == {"contents": "read"}


def test_it_is_written_again_but_never_over_a_strangers_file(project: Path, capsys) -> None:
    assert run() == 0
    assert run("--platform", "win-x64") == 0
    assert "mac-arm64" not in (project / ".github/workflows/runtimes.yml").read_text()
    (project / "mine.yml").write_text("name: mine\n")
    assert run("-o", "mine.yml") == 2
    assert "was not written by this command" in capsys.readouterr().err
    assert (project / "mine.yml").read_text() == "name: mine\n"


def test_standard_output_and_json(project: Path, capsys) -> None:
    assert run("-o", "-") == 0
    assert capsys.readouterr().out.startswith("# Written by `runtime-packager ci github`")
    assert run("--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["untried"] == ["linux-x64-musl"]
    assert run("--arguments", "'open") == 2


def test_a_workflow_that_could_try_nothing_is_not_written(project: Path, capsys) -> None:
    assert run("-p", "linux-x64-musl") == 2
    assert "no runner that tries linux-x64-musl" in capsys.readouterr().err
    assert not (project / ".github").exists()
