"""The steps of the workflow's job ``try``, run here as the runner of this platform would."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from runtime_packager.platforms import host_target


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.skipif(os.name == "nt", reason="the runner's shell is looked for as bash")
def test_its_steps_pass_on_a_good_runtime_and_fail_on_a_broken_one(
    studio, runtime: Path, tmp_path: Path
) -> None:
    port, name = free_port(), host_target().name
    url = f"http://127.0.0.1:{port}/api/health"
    options = (
        "--arguments",
        f"--port {port} --data-dir {tmp_path}/data",
        "--health-url",
        url,
        "-o",
        "-",
    )
    done = studio("ci", "github", "--project", studio.project, "-p", name, *options)
    job = YAML(typ="safe").load(done.stdout)["jobs"]["try"]
    (row,) = job["strategy"]["matrix"]["include"]
    work = tmp_path / "work"
    work.mkdir()
    pack(runtime, work, name)
    key = Path(studio.environment()["RUNTIME_PACKAGER_CACHE"]) / "keys/development.json"
    shown = studio("keys", "show", key)
    (work / "trusted-keys.json").write_text(shown.stdout)
    env = environment(studio, work, name, row["engine"])
    assert run_steps(job, work, env) == []
    (runtime / "app/_start_app.py").unlink()
    shutil.rmtree(work / name)
    pack(runtime, work, name)
    assert {"Verify", "Start the app"} <= set(run_steps(job, work, env))


@pytest.mark.skipif(os.name == "nt", reason="the runner's shell is looked for as bash")
def test_what_was_assembled_gets_the_release_key_in_a_step_of_its_own(
    studio, runtime: Path, tmp_path: Path
) -> None:
    name = host_target().name
    done = studio("ci", "github", "--project", studio.project, "-p", name, "-o", "-")
    steps = YAML(typ="safe").load(done.stdout)["jobs"]["assemble"]["steps"]
    (sign,) = (step["run"] for step in steps if step.get("name") == "Sign")
    shutil.copytree(runtime, tmp_path / "dist" / name, symlinks=True)
    sign = sign.replace("backend/dist/", "dist/")
    (tmp_path / "packed").mkdir()
    trusted = tmp_path / "packed" / "trusted-keys.json"
    cache = Path(studio.environment()["RUNTIME_PACKAGER_CACHE"])
    trusted.write_text(studio("keys", "show", cache / "keys/development.json").stdout)
    studio("keys", "generate", tmp_path / "key.json", "--purpose", "development")
    secret = (tmp_path / "key.json").read_text()
    env = environment(studio, tmp_path, name, "") | {"RUNNER_TEMP": str(tmp_path)}
    before = trusted.read_text()
    run = ["bash", "-eo", "pipefail", "-c", sign]
    subprocess.run(run, cwd=tmp_path, env=env, check=True)
    assert trusted.read_text() == before, "without the secret nothing is signed anew"
    subprocess.run(run, cwd=tmp_path, env=env | {"SIGNING_KEY": secret}, check=True)
    assert trusted.read_text() != before
    assert not (tmp_path / "signing-key.json").exists()
    studio("verify", tmp_path / "dist" / name, "--trusted", trusted)
    (tmp_path / "dist" / name / "app.pyz").write_bytes(b"")
    trusted.write_text(before)
    done = subprocess.run(run, cwd=tmp_path, env=env | {"SIGNING_KEY": secret}, check=False)
    assert done.returncode == 5


def pack(runtime: Path, work: Path, name: str) -> None:
    with tarfile.open(work / f"{name}.tar.gz", "w:gz", compresslevel=0) as archive:
        archive.add(runtime, name)


def environment(studio, work: Path, name: str, engine: str) -> dict[str, str]:
    tool = work / "runtime-packager"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m runtime_packager "$@"\n')
    tool.chmod(0o755)
    path = f"{work}{os.pathsep}{os.environ['PATH']}"
    return studio.environment(PATH=path, PLATFORM=name, ENGINE=engine)


def run_steps(job: dict, work: Path, env: dict[str, str]) -> list[str]:
    """The names of the steps that failed; unlike a runner it goes on behind them."""
    failed = []
    for step in job["steps"]:
        if "run" not in step or "if" in step or "pip install" in step["run"]:
            continue
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", step["run"]],
            cwd=work,
            env=env,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            failed.append(step.get("name", step["run"]))
            print(json.dumps(step), done.stdout, done.stderr)  # noqa: T201 - pytest shows it
    return failed
