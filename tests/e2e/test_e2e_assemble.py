"""Assembling for real: cost follows the change, the same input gives the same bytes, and
whatever ends an assembly early leaves the output before it whole."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from e2e.conftest import Cli

from runtime_packager.io.files import sha256_file

HEAVY = {"wheels", "interpreter", "bytecode", "lock"}


def cached(made: dict) -> dict[str, bool]:
    return {step["name"]: step["cached"] for step in made["steps"]}


def tree(root: Path) -> dict[str, tuple]:
    """Everything about a tree but the manifest's signature, which is the key's."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name != "manifest/release.dsse.json":
            status = path.lstat()
            content = os.readlink(path) if path.is_symlink() else ""
            if path.is_file() and not path.is_symlink():
                content = sha256_file(path)
            found[name] = (oct(status.st_mode), content)
    return found


def test_nothing_changed_nothing_done(studio) -> None:
    before = (studio.output / "linux-x64").stat().st_ino
    made = studio.assemble()
    assert made["up_to_date"] is True
    assert (studio.output / "linux-x64").stat().st_ino == before


def test_one_changed_line_rebuilds_the_app_and_nothing_heavy(studio) -> None:
    main = studio.project / "backend/main.py"
    text = main.read_text()
    try:
        main.write_text(f"{text}# a line no cache has seen: {uuid.uuid4()}\n")
        made = studio.assemble("--offline")
        assert made["up_to_date"] is False
        steps = cached(made)
        assert steps["app"] is False
        assert all(steps[name] is True for name in ("lock", "interpreter", "wheels"))
        notes = {step["name"]: step["note"] for step in made["steps"]}
        app = sum(1 for _ in (studio.project / "backend/peft_studio").rglob("*.py"))
        assert int(notes["bytecode"].split()[0]) < app + 5
    finally:
        main.write_text(text)
        studio.assemble("--offline")


def test_a_damaged_output_is_made_again(studio) -> None:
    (studio.output / "linux-x64/app/extra.py").write_text("")
    assert studio.assemble()["up_to_date"] is False
    assert studio.verify(studio.output / "linux-x64").returncode == 0


def test_an_edit_in_place_does_not_reach_the_next_tree(studio, scratch: Path) -> None:
    """Trees may share files with the cache: an edit of one is found out and mended there.

    With a cache of its own, or the edit would reach the developer's runtime too.
    """
    cache = own_cache(studio, scratch / "edited-cache")
    other = replace(studio, output=scratch / "edited")
    env = {"RUNTIME_PACKAGER_CACHE": str(cache)}
    first = other.assemble("--offline", **env)
    victim = other.output / "linux-x64/python/lib/python3.12/site-packages/fastapi/__init__.py"
    victim.write_text("raise SystemExit('edited')")
    second = other.assemble("--force", "--offline", **env)
    assert second["tree_root"] == first["tree_root"]
    done = other("verify", other.output / "linux-x64", "--project", other.project, **env)
    assert done.returncode == 0, done.stderr


def own_cache(studio, cache: Path) -> Path:
    """A new cache that has the downloads and nothing made from them."""
    shared = Path(studio.environment()["RUNTIME_PACKAGER_CACHE"])
    shutil.copytree(shared / "blobs", cache / "blobs")
    return cache


SHUFFLED = """
import os, random

scan, names = os.scandir, os.listdir


class Shuffled:
    def __init__(self, *where):
        self.source = scan(*where)
        self.items = list(self.source)
        random.shuffle(self.items)
        self.iterator = iter(self.items)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.iterator)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.source.close()


os.scandir = Shuffled
os.listdir = lambda *where: random.sample(found := names(*where), len(found))
print(os.getuid(), file=open(os.environ["SEEN_BY"], "w"))
"""
"""A sitecustomize: directories are read in another order each time, as file systems differ."""


@pytest.mark.parametrize(("link_mode", "umask"), [("auto", 0o077), ("copy", 0o000)])
def test_elsewhere_otherwise_set_up_gives_the_same_bytes(
    studio, scratch: Path, link_mode: str, umask: int
) -> None:
    """Another directory, user, cache, umask, locale, time zone, home, order of files: one tree."""
    project = scratch / f"ändere-{link_mode}" / "project"
    shutil.copytree(studio.project, project)
    for path in project.rglob("*"):
        os.utime(path, (0, 0))
        if path.is_file():
            path.chmod(0o600)
    cache = own_cache(studio, scratch / f"cache-{link_mode}")
    (cache / "shuffled").mkdir()
    (cache / "shuffled/sitecustomize.py").write_text(SHUFFLED)
    env = {
        "RUNTIME_PACKAGER_CACHE": str(cache),
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "HOME": str(scratch / "home"),
        "USER": "somebody",
        "PYTHONHASHSEED": "1",
        "PYTHONPATH": str(cache / "shuffled"),
        "SEEN_BY": str(cache / "shuffled/user"),
    }
    other = Elsewhere(project, scratch / f"out-{link_mode}")
    before = os.umask(umask)
    try:
        made = other.assemble("--offline", "--link-mode", link_mode, **env)
    finally:
        os.umask(before)
    assert (cache / "shuffled/user").read_text() == "4321\n"
    first = studio.assemble()
    assert made["tree_root"] == first["tree_root"]
    assert tree(other.output / "linux-x64") == tree(studio.output / "linux-x64")
    assert stated(other.output / "linux-x64") == stated(studio.output / "linux-x64")
    folders = [folder for folder, _, _ in os.walk(other.output / "linux-x64")]
    assert {stat.S_IMODE(os.lstat(folder).st_mode) for folder in folders} == {0o755}


def stated(root: Path) -> dict:
    """What was signed, whoever signed it."""
    envelope = json.loads((root / "manifest/release.dsse.json").read_bytes())
    return json.loads(base64.b64decode(envelope["payload"]))


class Elsewhere(Cli):
    """The command line, for which we are another user."""

    def command(self, *words: object) -> list[str]:
        user = ["unshare", "--user", "--map-user=4321", "--map-group=4321"]
        return [*user, *super().command(*words)]


def killed_at(studio, line: str, number: signal.Signals) -> int:
    """Assemble by force and send the signal as soon as ``line`` shows; the exit code."""
    words = ("assemble", "--force", "--project", studio.project, "--output", studio.output)
    # A shell starts background jobs deaf to Ctrl-C, and CI may be one.
    child = subprocess.Popen(
        studio.command(*words),
        stderr=subprocess.PIPE,
        text=True,
        env=studio.environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    for shown in child.stderr:
        if line in shown:
            child.send_signal(number)
            break
    child.stderr.read()
    child.stderr.close()
    return child.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_assembly_that_is_ended_leaves_the_output_whole(studio, number) -> None:
    output = studio.output / "linux-x64"
    before = output.stat().st_ino
    code = killed_at(studio, "writing the tree", number)
    assert code == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert output.stat().st_ino == before
    assert studio.verify(output).returncode == 0
    made = studio.assemble("--force", "--offline")
    assert all(cached(made)[name] is not False for name in HEAVY)
    leftovers = [path.name for path in studio.output.iterdir() if path.is_dir()]
    assert leftovers == ["linux-x64"]


def test_an_unreachable_network_names_every_source_and_the_way_out(studio, scratch: Path) -> None:
    project = scratch / "unreachable"
    shutil.copytree(studio.project, project, dirs_exist_ok=True)
    config = project / "pyproject.toml"
    text = config.read_text()
    head, _, _ = text.partition('[[tool.runtime-packager.sources]]\nkind = "npm"')
    config.write_text(head)
    env = {
        "RUNTIME_PACKAGER_CACHE": str(scratch / "empty-cache"),
        "UV_PYTHON_INSTALL_MIRROR": "http://127.0.0.1:9/pbs",
        "no_proxy": "127.0.0.1",
    }
    before = tree(studio.output / "linux-x64")
    words = ("assemble", "--project", project, "--output", studio.output)
    done = studio(*words, "--force", "--json", **env)
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert any("127.0.0.1" in line for line in [error["message"], *error["details"]])
    assert "UV_PYTHON_INSTALL_MIRROR" in error["hint"]
    assert tree(studio.output / "linux-x64") == before


def test_a_download_that_rotted_in_the_cache_is_fetched_again_or_refused(studio, scratch) -> None:
    """A changed wheel under its locked digest never reaches a tree."""
    cache = own_cache(studio, scratch / "rotten-cache")
    lock = (studio.project / "manifests/locks/pylock.linux-x64.toml").read_text()
    (digest,) = re.findall('name = "h11"(?:.*\\n)*?sha256 = "(\\w+)"', lock)[:1]
    blob = cache / "blobs" / digest[:2] / digest
    blob.write_bytes(blob.read_bytes() + b"evil")
    words = ("assemble", "--project", studio.project, "--output", scratch / "rotten", "--offline")
    done = studio(*words, "--json", RUNTIME_PACKAGER_CACHE=str(cache))
    assert done.returncode == 3
    assert "h11" in done.stdout
    assert not (scratch / "rotten/linux-x64").exists()


def test_a_directory_that_is_no_runtime_is_not_replaced(studio, scratch: Path) -> None:
    mine = scratch / "precious/linux-x64/mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    words = ("assemble", "--project", studio.project, "--output", scratch / "precious", "--json")
    done = studio(*words)
    assert done.returncode == 2
    assert "is no runtime" in json.loads(done.stdout)["error"]["message"]
    assert mine.read_text() == "mine"


def test_changed_requirements_need_a_new_lock(studio, scratch: Path) -> None:
    project = scratch / "relocked"
    shutil.copytree(studio.project, project)
    requirements = project / "backend/requirements.txt"
    requirements.write_text(requirements.read_text() + "packaging\n")
    done = studio("assemble", "--project", project, "--locked", "--json")
    assert done.returncode == 2
    assert "requirements have changed" in json.loads(done.stdout)["error"]["message"]


def test_a_full_disk_leaves_the_output_whole(studio, scratch: Path, monkeypatch) -> None:
    """The real thing where we may mount one, which root may on Linux."""
    small = scratch / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", small], capture_output=True
    )
    if mounted.returncode:
        _full_disk_by_quota(studio, small)
        return
    try:
        words = ("assemble", "--project", studio.project, "--output", small, "--json")
        done = studio(*words)
        assert done.returncode == 4
        error = json.loads(done.stdout)["error"]
        assert "No space left" in error["message"]
        assert [path.name for path in small.iterdir() if path.is_dir()] == []
    finally:
        subprocess.run(["umount", small], check=True)


def _full_disk_by_quota(studio, small: Path) -> None:
    """A limit on file size stands in: the same write fails, with another reason."""
    script = f'ulimit -f 100; exec {" ".join(map(repr, studio.command()))} "$@"'
    words = ("assemble", "--project", studio.project, "--output", small, "--link-mode", "copy")
    done = subprocess.run(
        ["sh", "-c", script, "sh", *map(str, words), "--json"],
        capture_output=True,
        text=True,
        env=studio.environment(),
    )
    assert done.returncode == 4, done.stdout + done.stderr
    assert [path.name for path in small.iterdir() if path.is_dir()] == []
