"""Placing: every way of filling a tree gives the same tree."""

import hashlib
import os
from pathlib import Path

import pytest

from runtime_packager.entries import FileEntry, LinkEntry
from runtime_packager.errors import BuildError
from runtime_packager.io.files import FILE_TIME
from runtime_packager.io.progress import Silent
from runtime_packager.tree import place


@pytest.fixture
def stored(tmp_path: Path):
    """A cache with three files and the entries that place them."""
    cache = tmp_path / "cache"
    entries = []
    for path, text, runs in [("a/b/one", "1", False), ("a/two", "22", True), ("three", "", False)]:
        source = cache / "store" / path
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(text)
        source.chmod(0o755 if runs else 0o644)
        os.utime(source, (FILE_TIME, FILE_TIME))
        digest = hashlib.sha256(text.encode()).hexdigest()
        entries.append(FileEntry(path, len(text), digest, runs, source))
    return cache, [*entries, LinkEntry("a/link", "two")]


def shape(root: Path) -> dict[str, tuple]:
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.is_file() and path.read_text()
        mode = None if path.is_symlink() else oct(status.st_mode & 0o7777)
        time = int(status.st_mtime) if path.is_file() and not path.is_symlink() else None
        found[path.relative_to(root).as_posix()] = (mode, content, time)
    return found


@pytest.mark.parametrize("mode", ["auto", "hardlink", "copy"])
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_every_way_and_umask_gives_the_same_tree(stored, tmp_path: Path, mode, umask) -> None:
    cache, entries = stored
    before = os.umask(umask)
    try:
        place(entries, tmp_path / "tree", cache, mode, Silent())
    finally:
        os.umask(before)
    assert shape(tmp_path / "tree") == {
        "a": ("0o755", False, None),
        "a/b": ("0o755", False, None),
        "a/b/one": ("0o644", "1", FILE_TIME),
        "a/link": (None, "two", None),
        "a/two": ("0o755", "22", FILE_TIME),
        "three": ("0o644", "", FILE_TIME),
    }


def test_files_from_outside_the_cache_are_never_shared(tmp_path: Path) -> None:
    mine = tmp_path / "project" / "main.py"
    mine.parent.mkdir()
    mine.write_text("print()")
    mine.chmod(0o600)
    entry = FileEntry("main.py", 7, "0" * 64, False, mine)
    place([entry], tmp_path / "tree", tmp_path / "cache", "auto", Silent())
    assert (tmp_path / "tree/main.py").stat().st_ino != mine.stat().st_ino
    assert mine.stat().st_mode & 0o777 == 0o600


def test_a_source_that_vanished_is_named(stored, tmp_path: Path) -> None:
    cache, entries = stored
    entries[1].source.unlink()
    with pytest.raises(BuildError, match="two vanished from the cache"):
        place(entries, tmp_path / "tree", cache, "copy", Silent())


def test_a_link_mode_the_file_system_refuses_is_an_error(stored, tmp_path: Path) -> None:
    cache, entries = stored
    try:
        place(entries, tmp_path / "tree", cache, "reflink", Silent())
    except BuildError as error:
        assert "--link-mode copy" in str(error.hint)
    else:
        assert (tmp_path / "tree/a/two").read_text() == "22"
