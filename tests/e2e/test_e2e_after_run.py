"""The sealed proof on real runtimes: one that keeps to itself, and one that does not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.seals import snapshot

from runtime_packager.platforms import host_target

WRITER = '''"""An app that does to itself what its arguments say."""
import pathlib, subprocess, sys

here = pathlib.Path(__file__).parent
for word in sys.argv[1:]:
    match word:
        case "write":
            (here / "notes.txt").write_text("mine")
        case "append":
            with (here / "words.txt").open("a") as stream:
                stream.write("another")
        case "come-and-go":
            (here / "peft_studio/lock").touch()
            (here / "peft_studio/lock").unlink()
        case "optimised":
            command = [sys.executable, "-I", "-OO", "-c", "import annotated_types"]
            subprocess.run(command, check=True)
        case "fail":
            sys.exit(3)
        case "home":
            (pathlib.Path.home() / "notes.txt").write_text("mine")
'''
SITE = "python/lib/python3.12/site-packages"


@pytest.fixture(scope="module")
def writer(studio, scratch: Path):
    """A project whose app can be told to write, assembled as files of its own.

    It is optimised, which its children are not told: they must find bytecode all the same.
    """
    place = scratch / "writer"
    shutil.copytree(studio.project, place)
    (place / "backend/main.py").write_text(WRITER)
    (place / "backend/words.txt").write_text("one\n")
    text = (place / "pyproject.toml").read_text()
    table = "[tool.runtime-packager]\n"
    (place / "pyproject.toml").write_text(text.replace(table, f"{table}optimize = 1\n", 1))
    cli = replace(studio, project=place, output=place / "dist")
    cli.assemble("--offline", "--link-mode", "copy")
    return cli


@pytest.fixture
def tree(writer) -> Path:
    """For tests after which it is as it was."""
    return writer.output / host_target().name


def prove(cli, tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return cli.verify(tree, "--after-run", "--run-for", "60", "--json", "--", *words)


def test_the_runtime_and_all_its_children_write_nothing(studio) -> None:
    tree = studio.output / host_target().name
    before = snapshot(tree)
    words = ("--after-run", "--run-for", "2", "--json", "--", "--port", "0", "--no-token")
    done = studio.verify(tree, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    proof = json.loads(done.stdout)["after_run"]
    assert proof["names_compared"] == len(before)
    assert len(proof["runs"]) == (2 if os.geteuid() == 0 else 1)
    for run in proof["runs"]:
        assert run["app"]["asked"]
        assert run["children"] == dict.fromkeys(run["children"], 0)
        assert {"spawn", "forkserver", "-c", "-I -c", "-E -c"} == set(run["children"])
        assert run["modules"] > 10
    assert done.stderr.count('"event": "ready"') == len(proof["runs"])
    assert snapshot(tree) == before


def test_it_says_as_whom_it_ran(writer, tree: Path) -> None:
    done = writer.verify(tree, "--after-run", "--", "home")
    assert done.returncode == 0, done.stderr
    assert "unchanged after the run" in done.stderr
    assert ("as nobody" in done.stderr) == (os.geteuid() == 0)


def test_everything_an_app_writes_into_itself_is_named(writer, tree: Path, scratch: Path) -> None:
    copy = scratch / "written" / "runtime"
    shutil.copytree(tree, copy, symlinks=True)
    done = prove(writer, copy, "optimised", "come-and-go", "write", "append")
    assert done.returncode == 5, done.stdout + done.stderr
    error = json.loads(done.stdout)["error"]
    assert {
        "app/notes.txt: a file that was not there",
        "app/peft_studio: something in it was made and removed again, or its times were set",
        "app/words.txt: expected 4 bytes, found 11",
        f"{SITE}/annotated_types/__pycache__/__init__.cpython-312.opt-2.pyc: "
        "a file that was not there",
    } <= set(error["details"])
    assert "user's data directory" in error["hint"]
    assert "-O" in error["hint"]


def test_an_app_that_fails_without_writing_is_a_failed_step(writer, tree: Path) -> None:
    done = prove(writer, tree, "fail")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "exit code 3" in json.loads(done.stdout)["error"]["details"][0]


def test_the_apps_own_json_is_not_ours(writer, tree: Path) -> None:
    done = writer.verify(tree, "--after-run", "--", "fail", "--json")
    assert done.returncode == 4, done.stderr
    assert done.stdout == ""
    assert "error: nothing was written" in done.stderr


def test_arguments_without_a_run_are_wrong_usage(studio) -> None:
    done = studio.verify(studio.output / host_target().name, "--", "--port", "0")
    assert done.returncode == 2
    assert "--after-run" in done.stderr
