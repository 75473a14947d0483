"""Smaller files are made once, lie in the cache, and take their originals' places."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from elves import ALLOC, SYMTAB, Elf, Part, parse

from runtime_packager.entries import FileEntry, Layer, LinkEntry
from runtime_packager.errors import IntegrityError
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Silent
from runtime_packager.tree import Trimmed, strip_symbols

BIG = bytes(Elf((Part(".text", b"code", ALLOC), Part(".symtab", bytes(9000), kind=SYMTAB))))
SITE = "python/lib/python3.12/site-packages"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def entry(place: Path, path: str, data: bytes, *, executable: bool = False) -> FileEntry:
    source = place / hashlib.sha256(path.encode()).hexdigest()[:8]
    source.write_bytes(data)
    return FileEntry(path, len(data), hashlib.sha256(data).hexdigest(), executable, source)


def test_elf_files_are_replaced_and_all_else_is_not(tmp_path: Path, cache: Cache) -> None:
    script = entry(tmp_path, "python/bin/tool", b"#!/bin/sh\n" * 900, executable=True)
    library = entry(tmp_path, f"{SITE}/a.libs/liba-123.so.6", BIG)
    program = entry(tmp_path, "python/bin/python3.12", BIG, executable=True)
    broken = entry(tmp_path, f"{SITE}/broken.so", BIG[:5000])
    source = entry(tmp_path, f"{SITE}/a.py", b"x = 1\n" * 900)
    link = LinkEntry("python/bin/python3", "python3.12")
    layers = [Layer("x", (script, library, link, broken)), Layer("y", (program, source))]
    (one, two), rows, made = strip_symbols(layers, cache, Silent())
    assert (one.origin, two.origin, made) == ("x", "y", 4)
    assert one.entries[0] is script
    assert one.entries[2:] == (link, broken)
    assert two.entries[1] is source
    for old, new in ((library, one.entries[1]), (program, two.entries[0])):
        assert isinstance(new, FileEntry)
        data = new.source.read_bytes()
        assert (new.path, new.executable) == (old.path, old.executable)
        assert (new.size, new.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert new.source.is_relative_to(cache.root)
        assert [s.name for s in parse(data).sections] == ["", ".text", ".shstrtab"]
    assert rows == [Trimmed("debug-symbols", 2, 2 * (len(BIG) - len(data)))]


def test_a_file_is_made_once_and_again_when_somebody_changed_it(
    tmp_path: Path, cache: Cache
) -> None:
    layers = [Layer("x", (entry(tmp_path, f"{SITE}/a.so", BIG),))]
    first, _, made = strip_symbols(layers, cache, Silent())
    assert made == 1
    (tmp_path / hashlib.sha256(f"{SITE}/a.so".encode()).hexdigest()[:8]).unlink()
    second, _, made = strip_symbols(layers, cache, Silent())
    assert (second, made) == (first, 0), "the original is not needed any more"
    (file,) = first[0].entries
    assert isinstance(file, FileEntry)
    entry(tmp_path, f"{SITE}/a.so", BIG)
    file.source.write_bytes(b"an edit in a tree is one in the store")
    third, _, made = strip_symbols(layers, cache, Silent())
    assert (third, made) == (first, 1)
    assert hashlib.sha256(file.source.read_bytes()).hexdigest() == file.sha256


def test_a_file_that_rotted_is_not_made_smaller_under_its_old_name(
    tmp_path: Path, cache: Cache
) -> None:
    program = entry(tmp_path, "python/bin/python3.12", BIG, executable=True)
    program.source.write_bytes(BIG.replace(b"code", b"evil"))
    with pytest.raises(IntegrityError, match="not what was stored"):
        strip_symbols([Layer("x", (program,))], cache, Silent())
    program.source.write_bytes(BIG)
    ((layer,), _, _) = strip_symbols([Layer("x", (program,))], cache, Silent())
    assert b"evil" not in layer.entries[0].source.read_bytes()  # type: ignore[union-attr]
