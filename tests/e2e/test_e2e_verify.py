"""Verification of the real runtime: whatever is changed is named, and the exit code is 5."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

SITE = "python/lib/python3.12/site-packages"


def test_the_untouched_runtime_verifies_at_every_level(studio, runtime: Path) -> None:
    for level in ("full", "quick", "exe"):
        done = studio.verify(runtime, "--level", level)
        assert done.returncode == 0, done.stdout + done.stderr


def flip(root: Path) -> str:
    path = root / SITE / "fastapi/__init__.py"
    data = bytearray(path.read_bytes())
    data[10] ^= 1
    times = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return f"{SITE}/fastapi/__init__.py"


def remove(root: Path) -> str:
    (root / "app/main.py").unlink()
    return "app/main.py"


def extra_pyc(root: Path) -> str:
    (root / "app/__pycache__/evil.cpython-312.pyc").write_bytes(b"")
    return "app/__pycache__/evil.cpython-312.pyc"


def extra_pth(root: Path) -> str:
    (root / SITE / "evil.pth").write_text("import os\n")
    return f"{SITE}/evil.pth"


def mode(root: Path) -> str:
    (root / "app/main.py").chmod(0o755)
    return "app/main.py"


def link(root: Path) -> str:
    path = root / "app/main.py"
    path.rename(root.parent / "main.py")
    path.symlink_to(root.parent / "main.py")
    return "app/main.py"


def cfg(root: Path) -> str:
    path = root / "peft_engine.cfg"
    path.write_text(path.read_text().replace("script = app/_", "script = app/x"))
    return "peft_engine.cfg"


def test_every_level_sees_another_start(studio, runtime: Path) -> None:
    path = cfg(runtime)
    for level in ("full", "quick", "exe"):
        done = studio.verify(runtime, "--level", level)
        assert done.returncode == 5
        assert f"{path}: sha256 differs" in done.stderr


@pytest.mark.parametrize("harm", [flip, remove, extra_pyc, extra_pth, mode, link])
def test_what_was_changed_is_named(studio, runtime: Path, harm) -> None:
    path = harm(runtime)
    done = studio.verify(runtime)
    assert done.returncode == 5
    assert path in done.stderr


@pytest.mark.parametrize("harm", [remove, extra_pyc, extra_pth, mode, link])
def test_quick_sees_all_but_the_bytes(studio, runtime: Path, harm) -> None:
    path = harm(runtime)
    done = studio.verify(runtime, "--level", "quick")
    assert done.returncode == 5
    assert path in done.stderr


def test_another_key_is_refused_and_named(studio, runtime: Path, tmp_path: Path) -> None:
    key = tmp_path / "other.json"
    assert studio("keys", "generate", key, "--purpose", "development").returncode == 0
    trusted = tmp_path / "trusted.json"
    trusted.write_text(studio("keys", "show", key).stdout)
    done = studio.verify(runtime, "--trusted", trusted)
    assert done.returncode == 5
    assert "sign" in done.stderr
    assert studio("sign", runtime, "--key", key).returncode == 0
    assert studio.verify(runtime, "--trusted", trusted).returncode == 0


def test_a_release_key_refuses_an_unofficial_interpreter(studio, tmp_path: Path) -> None:
    source = json.loads(studio.verify(studio.output / "linux-x64", "--json").stdout)
    made = studio.assemble()
    assert made["tree_root"] == source["tree_root"]
    key = tmp_path / "release.json"
    secret = {"RUNTIME_PACKAGER_PASSPHRASE": "four words of nonsense"}
    assert studio("keys", "generate", key, **secret).returncode == 0
    options = ("assemble", "--project", studio.project, "--output", tmp_path / "out", "--key", key)
    done = studio(*options, **secret)
    if made["interpreters"][0]["official"]:
        assert done.returncode == 0
    else:
        assert done.returncode == 2
        assert "official" in done.stderr
        assert not (tmp_path / "out/linux-x64").exists()
        assert studio(*options, "--allow-unofficial-interpreter", **secret).returncode == 0
