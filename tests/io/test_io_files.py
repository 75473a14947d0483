"""Trees removed, and faults on the way: nobody else's file may feel it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from runtime_packager.errors import BuildError, machine_faults
from runtime_packager.io.durable import sync_tree
from runtime_packager.io.files import remove_tree

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


def test_write_protected_directories_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "tree/inner").mkdir(parents=True)
    (tmp_path / "tree/inner/file").touch()
    (tmp_path / "tree/inner").chmod(0o555)
    remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), PermissionError(1, "no")])
def test_a_file_that_other_trees_share_keeps_its_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    """Both are hard links of one file, and its mode is part of what was signed."""
    (tmp_path / "tree").mkdir()
    shared = tmp_path / "shared"
    shared.touch(0o644)
    os.link(shared, tmp_path / "tree/file")

    def fails(*_: object, **__: object) -> None:
        raise error

    # rmtree takes what os has; no disk here fails when it is asked to.
    monkeypatch.setattr(shutil.os, "unlink", fails)
    with pytest.raises(OSError):
        remove_tree(tmp_path / "tree")
    assert shared.stat().st_mode & 0o777 == 0o644


def test_a_full_disk_is_nobodys_bug() -> None:
    with pytest.raises(BuildError, match="/x: No space left") as caught, machine_faults():
        raise OSError(28, "No space left on device", "/x")
    assert caught.value.hint


def test_a_missing_file_that_nobody_expected_is_a_bug() -> None:
    with pytest.raises(FileNotFoundError), machine_faults():
        raise FileNotFoundError(2, "No such file", "/x")


def test_each_file_is_synced_where_a_file_system_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file").touch()
    (tmp_path / "a/link").symlink_to("nowhere")
    synced = set()
    monkeypatch.setattr("runtime_packager.io.durable.sys.platform", "darwin")
    monkeypatch.setattr(os, "fsync", lambda handle: synced.add(os.fstat(handle).st_ino))
    sync_tree(tmp_path)
    assert synced == {
        path.stat().st_ino for path in (tmp_path, tmp_path / "a", tmp_path / "a/file")
    }
