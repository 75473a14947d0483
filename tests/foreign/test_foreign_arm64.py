"""PEFT Studio for arm64 Linux, assembled on x64 and run by qemu on a C library of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from fakes.seals import snapshot
from foreign import debian
from foreign.backend import COMPILED_HERE, PATIENCE, healthy, ready
from foreign.qemu import Qemu

ARGUMENTS = ["two words", 'a "quoted" word', "back\\slash", "", "ü€ 漢字", "$HOME", "*"]


@pytest.fixture
def launcher(arm64_tree: Path) -> Path:
    return arm64_tree / "peft_engine"


def python(qemu: Qemu, launcher: Path, script: str, *words: str) -> subprocess.CompletedProcess:
    return qemu.run(launcher, "--runtime-python", "-c", script, *words)


def test_the_backend_answers_and_ends_in_order(arm64_system, arm64_tree, launcher) -> None:
    before = snapshot(arm64_tree)
    with arm64_system.started(launcher, "--port", "0", "--no-token") as child:
        assert healthy(ready(child)["port"])
        (pid,) = arm64_system.running(arm64_tree / f"python/bin/python{debian.SHORT}")
        os.kill(pid, signal.SIGTERM)
        child.communicate(timeout=PATIENCE)
    assert child.returncode == 0
    assert snapshot(arm64_tree) == before


def test_the_tree_verifies_after_it_ran(arm64_system, arm64_project, arm64_tree, launcher) -> None:
    done = python(arm64_system, launcher, "import peft_studio.app")
    assert (done.returncode, done.stdout) == (0, "")
    arm64_project.verify(arm64_tree)


def test_what_it_needs_is_its_own_and_compiled(arm64_system, launcher) -> None:
    done = python(arm64_system, launcher, COMPILED_HERE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_interpreter_and_compiled_modules_are_arm64s_of_the_tree(
    arm64_system, arm64_tree, launcher
) -> None:
    script = (
        "import json, platform, sys, pydantic_core._pydantic_core as compiled, _ssl;"
        "print(json.dumps([platform.machine(), sys.prefix, compiled.__file__, _ssl.__file__]))"
    )
    done = python(arm64_system, launcher, script)
    machine, prefix, *modules = json.loads(done.stdout)
    assert (machine, prefix) == ("aarch64", str(arm64_tree / "python"))
    assert all(path.startswith(prefix) and "aarch64" in path for path in modules)


def test_arguments_arrive_exactly(arm64_system, launcher) -> None:
    script = "import json, sys; print(json.dumps(sys.argv[1:]))"
    done = python(arm64_system, launcher, script, *ARGUMENTS)
    assert json.loads(done.stdout) == ARGUMENTS


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_exit_codes_pass_through(arm64_system, launcher, code) -> None:
    assert python(arm64_system, launcher, f"raise SystemExit({code})").returncode == code
