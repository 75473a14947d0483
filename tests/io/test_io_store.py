"""The store: what goes in is verified, what was touched since is noticed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from runtime_packager.entries import FileEntry, LinkEntry
from runtime_packager.errors import BuildError, InputError, IntegrityError
from runtime_packager.io.cache import Cache
from runtime_packager.io.store import admit_blob, intact, require_undamaged, seal


@pytest.fixture
def entry(tmp_path: Path) -> FileEntry:
    path = tmp_path / "file"
    path.write_bytes(b"text")
    seal(path, executable=False)
    return FileEntry("file", 4, hashlib.sha256(b"text").hexdigest(), False, path)


def test_untouched_is_intact_whatever_links_there_are(entry: FileEntry) -> None:
    assert intact([entry, LinkEntry("link", "file")])


def test_a_hardlink_is_no_change(entry: FileEntry, tmp_path: Path) -> None:
    os.link(entry.source, tmp_path / "other")
    assert intact([entry])


def test_an_edit_through_a_hardlink_is_noticed(entry: FileEntry, tmp_path: Path) -> None:
    os.link(entry.source, tmp_path / "other")
    (tmp_path / "other").write_bytes(b"TEXT")
    assert not intact([entry])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_another_mode_is_noticed(entry: FileEntry) -> None:
    entry.source.chmod(0o755)
    assert not intact([entry])


def test_absence_and_another_kind_are_noticed(entry: FileEntry) -> None:
    entry.source.unlink()
    assert not intact([entry])
    entry.source.mkdir()
    assert not intact([entry])


def test_a_file_is_admitted_under_its_digest_alone(entry: FileEntry, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    blob = admit_blob(cache, entry.source, entry.sha256, title="it")
    assert blob.read_bytes() == b"text"
    with pytest.raises(IntegrityError, match="it is not what was promised"):
        admit_blob(cache, entry.source, "0" * 64, title="it")
    assert [path for path in cache.root.rglob("*") if path.is_file()] == [blob]


def test_a_file_that_vanishes_from_the_cache_is_no_bug_but_another_is(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    with pytest.raises(BuildError, match="vanished from the cache") as caught, cache.in_use():
        (cache.root / "apps/x").read_bytes()
    assert caught.value.hint == "run it again"
    with pytest.raises(FileNotFoundError), cache.in_use():
        (tmp_path / "elsewhere").read_bytes()


def test_what_a_killed_cleaning_left_is_cleaned(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    (cache.root / ".removing-1-apps/x").mkdir(parents=True)
    cache.clean()
    assert not list(cache.root.glob(".removing*"))


def test_what_fails_while_the_cache_is_cleaned_says_so(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with pytest.raises(BuildError, match="was cleaned while it was used"), cache.in_use():
        cache.clean()
        raise IntegrityError("a child did not find its modules")


def test_what_is_damaged_leaves_the_cache_and_nothing_else(
    entry: FileEntry, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache")
    inside = tmp_path / "cache/file"
    inside.parent.mkdir()
    inside.write_bytes(b"TEXT")
    entry.source.write_bytes(b"TEXT")
    stored = FileEntry("file", 4, entry.sha256, False, inside)
    with pytest.raises(IntegrityError, match="2 files"):
        require_undamaged(cache, [entry, stored])
    assert not inside.exists()
    assert entry.source.read_bytes() == b"TEXT"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_cache_that_anybody_may_write_into_is_not_used(tmp_path: Path) -> None:
    """Whoever may write there decides what is signed: files are known by size and time."""
    cache = Cache(tmp_path / "cache")
    cache.require_usable()
    cache.root.chmod(0o1777)
    with pytest.raises(InputError, match="anybody may write"):
        cache.require_usable()
    cache.root.chmod(0o775)
    cache.require_usable()
