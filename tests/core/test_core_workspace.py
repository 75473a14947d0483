"""What lies where an output is to be, or beside it, put there by a user or against one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime_packager.errors import InputError
from runtime_packager.io.progress import Silent
from runtime_packager.workspace import Workspace

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")

NAME = "linux-x64"


def publish(output: Path, text: str) -> None:
    """What an assembly does with its output, in small."""
    with Workspace.held(output, Silent()) as workspace, workspace.staging() as staging:
        manifest = staging / "tree/manifest"
        manifest.mkdir(parents=True)
        (manifest / "release.dsse.json").write_text(text)
        workspace.publish(staging / "tree")


def published(output: Path) -> str:
    return (output / "manifest/release.dsse.json").read_text()


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "dist").mkdir()
    return tmp_path / "dist" / NAME


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A directory of somebody's that no assembly may touch."""
    publish(tmp_path / "precious", "mine")
    return tmp_path / "precious"


def test_a_file_in_the_outputs_place_stays(output: Path) -> None:
    output.write_text("my thesis")
    with pytest.raises(InputError, match="is no directory"):
        publish(output, "new")
    assert output.read_text() == "my thesis"
    assert sorted(path.name for path in output.parent.iterdir()) == [f".{NAME}.lock", NAME]


@pytest.mark.parametrize("there", [True, False])
def test_a_link_in_the_outputs_place_stays(output: Path, precious: Path, there: bool) -> None:
    output.symlink_to(precious if there else precious / "nowhere")
    with pytest.raises(InputError, match="is a link"):
        publish(output, "new")
    assert output.is_symlink()
    assert published(precious) == "mine"


@pytest.mark.parametrize("name", [f".{NAME}.retired", f".{NAME}.staging-1"])
@pytest.mark.parametrize("make", [Path.symlink_to, Path.hardlink_to])
def test_what_lies_in_the_way_goes_and_what_it_points_to_stays(
    output: Path, precious: Path, name: str, make: Callable[[Path, Path], None]
) -> None:
    """A killed assembly leaves directories of these names; in a shared place others may, too."""
    target = precious if make is Path.symlink_to else precious / "manifest/release.dsse.json"
    make(output.parent / name, target)
    publish(output, "new")
    assert published(output) == "new"
    assert published(precious) == "mine"
    assert sorted(path.name for path in output.parent.iterdir()) == [f".{NAME}.lock", NAME]


def test_a_link_in_the_locks_place_is_not_followed(output: Path, precious: Path) -> None:
    """Opening a lock empties it, and creates it."""
    victim = precious / "manifest/release.dsse.json"
    (output.parent / f".{NAME}.lock").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        publish(output, "new")
    assert published(precious) == "mine"
