"""A runtime is traced, made again without what nobody imported, and still does what was traced."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runtime_packager.platforms import host_target
from runtime_packager.tree import Trace, load_trace

NAME = host_target().name

APP = '''"""An app that imports what its arguments say, in whatever process they say."""
import importlib, multiprocessing, os, signal, subprocess, sys, time


LAST = "typing_inspection"


def work():
    import h11


def end(*_):
    importlib.import_module(LAST)
    sys.exit()


if __name__ == "__main__":
    for word in sys.argv[1:]:
        match word:
            case "spawn" | "forkserver":
                child = multiprocessing.get_context(word).Process(target=work)
                child.start()
                child.join()
                assert child.exitcode == 0
            case "child":
                subprocess.run([sys.executable, "-I", "-c", "import idna"], check=True)
            case "lazy":
                import annotated_types
            case "generates":
                exec(compile("", "1 + " * 2000, "exec"))
            case "writes":
                with open(__file__, "a") as me:
                    me.write("#")
            case "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "serve":
                print("serving", flush=True)
                signal.signal(signal.SIGTERM, end)
                time.sleep(60)
            case name if name.startswith("+"):
                importlib.import_module(name[1:])
'''


@pytest.fixture(scope="module")
def project(studio, scratch: Path):
    """A project of its own, and a runtime of it that nothing was left out of."""
    place = scratch / "traced"
    shutil.copytree(studio.project, place)
    shutil.rmtree(place / "backend/peft_studio")
    (place / "backend/main.py").write_text(APP)
    cli = replace(studio, project=place, output=place / "dist")
    cli.assemble("--offline")
    return cli


@pytest.fixture
def trace_file(project) -> Iterator[Path]:
    file = project.project / f"manifests/traced/{NAME}.txt"
    yield file
    file.unlink(missing_ok=True)


def trace(cli, *words: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    where = ("--project", cli.project, "--json", *options)
    return cli("trace", cli.output / NAME, *where, "--", *words)


def modules(file: Path) -> set[str]:
    found: Trace | None = load_trace(file)
    assert found is not None
    return {module for seen in found.values() for module in seen.modules}


@contextmanager
def rule(cli, name: str) -> Iterator[None]:
    file = cli.project / "pyproject.toml"
    text = file.read_text()
    file.write_text(f"{text}\n[tool.runtime-packager.trim]\n{name} = true\n")
    try:
        yield
    finally:
        file.write_text(text)


def run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tree / "peft_engine", *words], capture_output=True, text=True)


def test_every_process_of_the_app_is_seen_and_the_runtime_stays_as_it_was(
    project, trace_file: Path
) -> None:
    done = trace(project, "spawn", "forkserver", "child", "+starlette")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {"h11", "idna.core", "starlette", "multiprocessing.spawn", "pdb"} <= modules(trace_file)
    assert "annotated_types" not in modules(trace_file)
    assert not any(module.startswith(("_runtime", "main")) for module in modules(trace_file))
    answer = json.loads(done.stdout)
    assert answer["modules"] == answer["new"] == len(modules(trace_file))
    assert answer["processes"] >= 4
    assert project.verify(project.output / NAME).returncode == 0


def test_an_app_that_writes_into_its_own_files_changes_the_copy_alone(
    project, trace_file: Path
) -> None:
    source = project.output / NAME / "app/main.py"
    before = source.read_bytes()
    assert trace(project, "writes").returncode == 0
    assert source.read_bytes() == before


def test_code_may_be_named_by_anything(project, trace_file: Path) -> None:
    """Longer than a file's name can be, say: templates and expressions are, by their text."""
    done = trace(project, "generates", "child")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "idna" in modules(trace_file)


def test_runs_add_up_until_one_is_fresh(project, trace_file: Path) -> None:
    assert trace(project, "child").returncode == 0
    done = trace(project, "lazy")
    assert 0 < json.loads(done.stdout)["new"] < 10
    assert {"idna", "annotated_types"} <= modules(trace_file)
    assert trace(project, "lazy", options=("--fresh",)).returncode == 0
    assert "idna" not in modules(trace_file)


def test_a_run_that_fails_leaves_the_trace_as_it_was(project, trace_file: Path) -> None:
    done = trace(project, "killed")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "SIGKILL" in json.loads(done.stdout)["error"]["message"]
    assert not trace_file.exists()


@pytest.mark.parametrize("by", ["time", "Ctrl-C"])
def test_an_app_that_runs_on_is_ended_in_order(project, trace_file: Path, by: str) -> None:
    """What it imports while it ends is seen too."""
    options = ["--run-for", "3"] if by == "time" else []
    words = project.command("trace", project.output / NAME, "--project", project.project, *options,
                            "--", "serve")  # fmt: skip
    environment = project.environment()
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr
        while "serving" not in child.stderr.readline():
            assert child.poll() is None
        if by == "Ctrl-C":
            os.kill(child.pid, signal.SIGINT)
        said = child.stderr.read()
    assert child.returncode == 0, said
    assert "traced" in said
    assert "typing_inspection" in modules(trace_file)


def test_a_lean_runtime_does_what_was_traced_and_says_what_it_lacks(
    project, trace_file: Path
) -> None:
    whole = project.assemble("--offline")
    words = ("spawn", "child", "lazy", "+h11")
    assert trace(project, *words).returncode == 0
    with rule(project, "untraced"):
        lean = project.assemble("--offline")
        assert lean["size"] < whole["size"] * 0.8
        assert "untraced" in {row["rule"] for row in lean["trimmed"]}
        tree = project.output / NAME
        done = run(tree, *words)
        assert done.returncode == 0, done.stderr
        for missing, left_out in (("sqlite3", "sqlite3"), ("starlette.routing", "starlette")):
            done = run(tree, f"+{missing}")
            assert done.returncode == 1
            assert (
                f"No module named {left_out!r}: the trim rule untraced left it out" in done.stderr
            )
            assert f"runtime-packager trace` on what imports it, or add {left_out}.*" in done.stderr
        assert project("smoke", tree, "--project", project.project).returncode == 0
        assert project.verify(tree).returncode == 0
        assert trace(project, "lazy").returncode == 2, "what is missing cannot be seen"
        again = project.assemble("--offline", "--keep-untraced")
        assert again["tree_root"] == whole["tree_root"]


def test_wheels_without_sources_run_and_can_be_traced(project, trace_file: Path) -> None:
    with rule(project, "wheel-sources"):
        made = project.assemble("--offline")
    assert "wheel-sources" in {row["rule"] for row in made["trimmed"]}
    tree = project.output / NAME
    (site,) = (tree / "python").rglob("site-packages")
    assert not list(site.glob("starlette/**/*.py"))
    assert (tree / "app/main.py").is_file()
    done = run(tree, "spawn", "child", "lazy", "+starlette.routing")
    assert done.returncode == 0, done.stderr
    assert trace(project, "spawn", "+starlette.routing").returncode == 0
    assert {"h11", "starlette.routing"} <= modules(trace_file)
    project.assemble("--offline")


def test_what_the_app_imports_anywhere_has_to_be_traced(project, trace_file: Path) -> None:
    assert trace(project, "child").returncode == 0
    with rule(project, "untraced"):
        done = project("assemble", "--project", project.project, "--output", project.output,
                       "--offline", "--json")  # fmt: skip
    assert done.returncode == 4, done.stdout
    details = json.loads(done.stdout)["error"]["details"]
    assert [line.partition(",")[0] for line in details] == ["annotated_types", "h11"]
    assert "run `runtime-packager trace` on what imports it" in details[0]


def test_without_a_trace_nothing_is_left_out_and_that_is_said(project) -> None:
    with rule(project, "untraced"):
        made = project.assemble("--offline", "--force")
    assert "untraced" not in {row["rule"] for row in made["trimmed"]}
    (notice,) = [line for line in made["notices"] if "untraced" in line]
    assert NAME in notice


def test_a_trace_is_an_input(project, trace_file: Path) -> None:
    assert trace(project, "spawn", "child", "lazy").returncode == 0
    with rule(project, "untraced"):
        project.assemble("--offline")
        assert project.assemble("--offline")["up_to_date"]
        trace_file.write_text(trace_file.read_text() + "annotated_doc.*\n")
        assert not project.assemble("--offline")["up_to_date"]
        assert list((project.output / NAME / "python").rglob("annotated_doc/main.py"))
