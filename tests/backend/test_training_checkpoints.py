"""Checkpoints: whole, absent, or passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from peft_studio.training import checkpoints


def write(folder: Path, step: int) -> Path:
    with checkpoints.writing(folder, step) as place:
        (place / "weights").write_text(f"of step {step}")
    return folder / f"checkpoint-{step}"


def test_the_newest_is_taken_and_the_oldest_go(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path) is None
    paths = [write(tmp_path, step) for step in (9, 10, 100)]
    assert checkpoints.newest(tmp_path) == paths[-1]
    assert sorted(tmp_path.iterdir()) == sorted(paths[1:])


def test_one_that_fails_to_be_written_is_none(tmp_path: Path) -> None:
    whole = write(tmp_path, 1)
    with pytest.raises(OSError, match="full"), checkpoints.writing(tmp_path, 2) as place:
        (place / "weights").write_text("half")
        raise OSError("full")
    assert list(tmp_path.iterdir()) == [whole]


@pytest.mark.parametrize("damage", ["changed", "gone", "more", "without digests", "nonsense"])
def test_a_damaged_one_is_passed_over(tmp_path: Path, damage: str) -> None:
    older, newer = write(tmp_path, 1), write(tmp_path, 2)
    digests = newer / "sha256.json"
    match damage:
        case "changed":
            (newer / "weights").write_text("of stap 2")
        case "gone":
            (newer / "weights").unlink()
        case "more":
            (newer / "optimizer.pt").write_text("")
        case "without digests":
            digests.unlink()
        case "nonsense":
            digests.write_bytes(b"\xff[")
    assert checkpoints.newest(tmp_path) == older
    assert write(tmp_path, 2) == checkpoints.newest(tmp_path)
