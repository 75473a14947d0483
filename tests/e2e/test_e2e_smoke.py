"""The import check on the real runtime, alone and as a step of assembling."""

from __future__ import annotations

import base64
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.seals import snapshot

from runtime_packager.platforms import host_target

HOST = host_target().name


@pytest.fixture
def broken(studio, scratch: Path, request: pytest.FixtureRequest):
    """The project with a module more, in an output of its own."""
    project = scratch / request.node.name
    shutil.copytree(studio.project, project)
    return replace(studio, project=project, output=scratch / f"{request.node.name}-dist")


def assemble(cli, *words: str):
    options = ("--project", cli.project, "--output", cli.output, "--json")
    return cli("assemble", *options, *words)


def test_the_service_is_imported_and_stays_as_it_was(studio, runtime: Path) -> None:
    before = snapshot(runtime)
    done = studio("smoke", runtime, "--project", studio.project, "--json")
    assert done.returncode == 0, done.stdout
    found = json.loads(done.stdout)
    modules = [p for p in (runtime / "app/peft_studio").rglob("*.py") if p.name != "__init__.py"]
    assert found["modules"] > len(modules) + 10
    assert snapshot(runtime) == before


def test_a_damaged_library_is_found_with_who_imports_it(studio, runtime: Path) -> None:
    (native,) = runtime.rglob("_pydantic_core*.so")
    native.unlink()
    done = studio("smoke", runtime, "--project", studio.project)
    assert done.returncode == 4
    lines = done.stderr.splitlines()
    assert any(
        line.startswith("  fastapi (wanted by ") and "pydantic_core" in line and " -> " in line
        for line in lines
    )
    assert lines[-1].startswith("hint: ")


def test_a_runtime_for_another_platform_is_refused(studio, tmp_path: Path) -> None:
    other = "linux-x64" if HOST == "win-x64" else "win-x64"
    golden = Path(__file__).parents[1] / "golden/manifest/release.dsse.json"
    envelope = json.loads(golden.read_text())
    release = json.loads(base64.b64decode(envelope["payload"])) | {"platform": other}
    envelope["payload"] = base64.b64encode(json.dumps(release).encode()).decode()
    (tmp_path / "manifest").mkdir()
    (tmp_path / "manifest/release.dsse.json").write_text(json.dumps(envelope))
    done = studio("smoke", tmp_path, "--project", studio.project)
    assert done.returncode == 2
    assert f"is for {other} and cannot be run here, on {HOST}" in done.stderr
    assert "checks" in done.stderr


def test_what_cannot_be_imported_is_not_published(broken) -> None:
    (broken.project / "backend/extra.py").write_text("import ctypes\nctypes.string_at(0)\n")
    done = assemble(broken)
    assert done.returncode == 4
    (line,) = json.loads(done.stdout)["error"]["details"]
    assert line.startswith("extra: crash: ")
    assert not (broken.output / HOST).exists()

    skipped = json.loads(assemble(broken, "--no-smoke").stdout)
    assert "smoke" not in [step["name"] for step in skipped["runtimes"][0]["steps"]]
    assert (broken.output / HOST).is_dir()


def test_no_smoke_gives_the_same_bytes(studio) -> None:
    smoked = studio.assemble("--force")
    assert "smoke" in [step["name"] for step in smoked["steps"]]
    assert {line.split()[0] for line in smoked["imported"]} >= {"fastapi", "starlette", "uvicorn"}
    assert studio.assemble("--force", "--no-smoke")["tree_root"] == smoked["tree_root"]
    assert studio.assemble()["up_to_date"]


@pytest.mark.parametrize("name", ["cache.txt", "words.txt"])
def test_a_module_that_writes_into_the_tree_is_not_published(broken, name: str) -> None:
    """A file of its own, or other words of the same length."""
    text = f"from pathlib import Path\nPath(__file__).with_name('{name}').write_text('two')\n"
    (broken.project / "backend/extra.py").write_text(text)
    (broken.project / "backend/words.txt").write_text("one")
    done = assemble(broken)
    assert done.returncode == 4
    error = json.loads(done.stdout)["error"]
    assert "writes into the runtime when it is imported" in error["message"]
    assert any(f"app/{name}" in line for line in error["details"])
    assert not (broken.output / HOST).exists()
    assert os.listdir(broken.output) == [f".{HOST}.lock"]


def test_a_tree_that_passed_is_not_imported_again_unless_forced(studio, scratch: Path) -> None:
    other = replace(studio, output=scratch / "again")

    imported = studio.assemble("--force")["imported"]

    def cached(*words: str) -> bool:
        made = other.assemble(*words)
        assert made["imported"] == imported
        shutil.rmtree(other.output / HOST)
        return next(step["cached"] for step in made["steps"] if step["name"] == "smoke")

    assert cached("--force") is False
    assert cached() is True
