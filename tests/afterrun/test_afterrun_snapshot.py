"""What a snapshot of a directory sees: anything that was done to it, and by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime_packager.afterrun.snapshot import What, compare, take

LONG_AGO = (315532800 * 10**9, 315532800 * 10**9)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "app/data").mkdir(parents=True)
    (root / "app/main.py").write_text("print()\n")
    (root / "app/data/words.txt").write_text("one\n")
    (root / "link").symlink_to("app/main.py")
    for path in (root / "app/main.py", root / "app/data/words.txt"):
        os.utime(path, ns=LONG_AGO)
    return root


def differences(root: Path, act: Callable[[], object]) -> list[tuple[str, What]]:
    before = take(root)
    act()
    return [(found.path, found.what) for found in compare(before, take(root))]


def test_reading_is_no_difference(tree: Path) -> None:
    assert differences(tree, (tree / "app/main.py").read_bytes) == []


def test_a_new_file_is_named_and_its_directory_is_not(tree: Path) -> None:
    act = lambda: (tree / "app/notes.txt").write_text("x")  # noqa: E731
    assert differences(tree, act) == [("app/notes.txt", What.APPEARED)]


def test_of_a_new_directory_what_lies_in_it_is_named(tree: Path) -> None:
    def act() -> None:
        (tree / "a/b").mkdir(parents=True)
        (tree / "a/c").mkdir()
        (tree / "a/c/file").touch()

    assert differences(tree, act) == [("a/b", What.APPEARED), ("a/c/file", What.APPEARED)]


def test_a_file_that_is_gone(tree: Path) -> None:
    assert differences(tree, (tree / "link").unlink) == [("link", What.VANISHED)]


def test_a_file_that_came_and_went_shows_in_its_directory(tree: Path) -> None:
    def act() -> None:
        (tree / "app/lock").touch()
        (tree / "app/lock").unlink()

    assert differences(tree, act) == [("app", What.CHANGED)]


def test_a_write_that_restores_size_and_time(tree: Path) -> None:
    path = tree / "app/data/words.txt"

    def act() -> None:
        path.write_text("two\n")
        os.utime(path, ns=LONG_AGO)

    assert differences(tree, act) == [("app/data/words.txt", What.CHANGED)]


def test_an_equal_file_in_its_place(tree: Path) -> None:
    path = tree / "app/main.py"

    def act() -> None:
        (tree.parent / "other").write_bytes(path.read_bytes())
        os.utime(tree.parent / "other", ns=LONG_AGO)
        (tree.parent / "other").replace(path)

    before = take(tree)
    act()
    shown = "\n".join(map(str, compare(before, take(tree))))
    assert "app/main.py: another file took its place" in shown


def test_sizes_modes_and_kinds_are_said(tree: Path) -> None:
    before = take(tree)
    with (tree / "app/data/words.txt").open("a") as stream:
        stream.write("two\n")
    (tree / "app/main.py").chmod(0o600)
    (tree / "link").unlink()
    (tree / "link").mkdir()
    shown = "\n".join(map(str, compare(before, take(tree))))
    assert "app/data/words.txt: expected 4 bytes, found 8" in shown
    assert "app/main.py: expected mode 0644, found 0600" in shown
    assert "link: expected a link, found a directory" in shown


def test_another_name_for_a_file_of_the_cache_is_no_difference(tree: Path) -> None:
    path = tree / "app/main.py"
    assert differences(tree, lambda: os.link(path, tree.parent / "cached")) == []


def test_names_are_shown_safely(tree: Path) -> None:
    before = take(tree)
    (tree / "\x1b[2J").touch()
    (found,) = compare(before, take(tree))
    assert str(found).startswith("\\x1b[2J: ")
