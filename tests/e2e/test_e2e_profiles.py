"""Two profiles of one project, assembled for real: neither touches what is the other's."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import tomli_w
from e2e.conftest import ROOT, Cli

from runtime_packager.platforms import host_target

HOST = host_target().name


@pytest.fixture(scope="module")
def editions(scratch: Path) -> Cli:
    """An app whose runtimes lie inside itself: the base, and ``extra``, which has more data."""
    project = scratch / "editions"
    (project / "app").mkdir(parents=True)
    (project / "app/main.py").write_text("print('hello')\n")
    (project / "model.bin").write_bytes(b"weights")
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["runtime-packager"]
    table |= {"app": "app", "output": "app/dist", "exclude": [], "requirements": []}
    table |= {"pins": str(ROOT / "manifests/interpreters.json"), "profile": "core"}
    table["profiles"] = {"extra": {"data": [{"from": "model.bin", "to": "model.bin"}]}}
    del table["windows"]
    (project / "pyproject.toml").write_text(tomli_w.dumps({"tool": {"runtime-packager": table}}))
    return Cli(project, project / "app/dist")


def assemble(cli: Cli, *words: str) -> dict:
    done = cli("assemble", "--project", cli.project, "--no-smoke", "--json", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = json.loads(done.stdout)["runtimes"]
    return made


def identity(runtime: Path) -> tuple[int, bytes]:
    return runtime.stat().st_ino, (runtime / "manifest/release.dsse.json").read_bytes()


def app_files(runtime: Path) -> set[str]:
    found = (path.relative_to(runtime / "app").as_posix() for path in (runtime / "app").rglob("*"))
    return {path for path in found if path.endswith((".py", ".bin")) and path[0] != "_"}


def test_each_has_its_place_and_leaves_the_others_alone(editions: Cli) -> None:
    core, extra = editions.output / HOST, editions.output / "extra" / HOST
    assert assemble(editions)["profile"] == "core"
    before = identity(core)
    made = assemble(editions, "--profile", "extra")
    assert (made["profile"], made["output"]) == ("extra", str(extra))
    assert identity(core) == before
    assert app_files(core) == {"main.py"}
    assert app_files(extra) == {"main.py", "model.bin"}

    before = identity(extra)
    assert assemble(editions)["up_to_date"]  # though another tree lies inside its app by now
    assert not assemble(editions, "--force")["up_to_date"]
    assert identity(extra) == before
    for runtime in (core, extra):
        assert editions.verify(runtime).returncode == 0
    names = {path.name for path in editions.output.iterdir() if not path.name.endswith(".lock")}
    assert names == {HOST, "extra"}


def test_locks_lie_beside_the_bases(editions: Cli) -> None:
    done = editions("lock", "--project", editions.project, "-p", HOST, "--profile", "extra")
    assert done.returncode == 0, done.stderr
    assert (editions.project / f"manifests/locks/extra/pylock.{HOST}.toml").is_file()
    assert editions("lock", "--check", "--project", editions.project).returncode == 2
    options = ("--project", editions.project, "--profile", "extra", "-p", HOST)
    assert editions("lock", "--check", *options).returncode == 0


def test_a_lock_that_does_not_fit_is_renewed_for_its_profile(editions: Cli) -> None:
    done = editions("lock", "--check", "--project", editions.project, "--profile", "extra")
    assert done.returncode == 2
    assert "hint: run `runtime-packager lock --profile extra`" in done.stderr


def test_the_summary_names_the_profile(editions: Cli) -> None:
    done = editions("assemble", "--project", editions.project, "--profile", "extra", "--no-smoke")
    assert "profile extra" in done.stderr.splitlines()[-1]
    assert "profile" not in editions("assemble", "--project", editions.project, "--no-smoke").stderr


def test_one_that_is_not_there_is_told_which_are(editions: Cli) -> None:
    done = editions("assemble", "--project", editions.project, "--profile", "huge")
    assert done.returncode == 2
    assert "there are core and extra" in done.stderr
