"""Unpacking: what is sound arrives whole and normalised, what is not is refused by name."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest
from fakes.tarball import copy, file, folder, link, special, tar, tar_gz
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_packager.entries import FileEntry, LinkEntry
from runtime_packager.errors import BuildError, IntegrityError
from runtime_packager.io.archive import extract, strip
from runtime_packager.io.files import FILE_TIME
from runtime_packager.io.policy import Limits


class Unpack:
    """Unpacks archives into one fresh directory that lies beside something precious."""

    def __init__(self, base: Path) -> None:
        self.archive, self.out = base / "it.tar.gz", base / "out"
        self.outside = base / "outside.txt"
        self.outside.write_text("precious")
        self.out.mkdir()

    def __call__(self, *members: Any, **options: Any) -> dict[str, FileEntry | LinkEntry]:
        return self.bytes(tar_gz(members), **options)

    def bytes(self, data: bytes, **options: Any) -> dict[str, FileEntry | LinkEntry]:
        self.archive.write_bytes(data)
        return {entry.path: entry for entry in extract(self.archive, self.out, **options)}


@pytest.fixture
def unpack(tmp_path: Path) -> Unpack:
    return Unpack(tmp_path)


def test_entries_say_what_lies_there(unpack: Unpack) -> None:
    found = unpack(folder("a"), file("a/run", b"#!", 0o755), file("b.txt", b"text"))
    place = unpack.out / "a/run"
    assert found["a/run"] == FileEntry("a/run", 2, hashlib.sha256(b"#!").hexdigest(), True, place)
    assert list(found) == ["a/run", "b.txt"]
    assert (unpack.out / "b.txt").read_bytes() == b"text"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize(
    ("given", "kept"), [(0o4755, 0o755), (0o777, 0o755), (0o600, 0o644), (0o666, 0o644), (0, 0o644)]
)
def test_modes_and_times_are_normalised(unpack: Unpack, given: int, kept: int) -> None:
    unpack(file("it", mode=given))
    status = os.lstat(unpack.out / "it")
    assert stat.S_IMODE(status.st_mode) == kept
    assert status.st_mtime_ns == FILE_TIME * 10**9


def test_links_are_kept_as_links(unpack: Unpack) -> None:
    found = unpack(file("lib/so.1"), link("lib/so", "so.1"), link("top", "lib/../lib/so"))
    assert found["top"] == LinkEntry("top", "lib/../lib/so")
    assert (unpack.out / "top").read_bytes() == b"data"


def test_an_alias_that_differs_in_case_alone_is_no_circle(unpack: Unpack) -> None:
    found = unpack(link("n/ncr", "../N/NCR"))
    assert found["n/ncr"] == LinkEntry("n/ncr", "../N/NCR")


def test_hard_links_become_files_of_their_own(unpack: Unpack) -> None:
    found = unpack(file("one", b"1", 0o755), copy("two", "one"))
    assert found["two"].sha256 == found["one"].sha256  # type: ignore[union-attr]
    assert not (unpack.out / "two").samefile(unpack.out / "one")


def test_a_prefix_is_selected_and_stripped(unpack: Unpack) -> None:
    found = unpack(file("pkg/a"), file("pkgs/b"), file("other"), rename=strip("pkg"))
    assert list(found) == ["a"]


def test_a_leading_dot_and_the_root_itself_are_fine(unpack: Unpack) -> None:
    assert list(unpack(folder("./"), file("./a/b"))) == ["a/b"]


def test_names_come_out_in_one_unicode_form(unpack: Unpack) -> None:
    assert list(unpack(file("cafe\u0301"))) == ["caf\u00e9"]


REFUSED = {
    "absolute": [file("/etc/x")],
    "parent": [file("../outside.txt")],
    "parent inside": [file("a/../../outside.txt")],
    "empty part": [file("a//b")],
    "dot part": [file("a/./b")],
    "drive": [file("C:evil")],
    "backslash": [file("..\\outside.txt")],
    "control": [file("a\nb")],
    "device": [file("lib/nul.txt")],
    "device, superscript": [file("com¹")],
    "trailing dot": [file("a./b")],
    "trailing space": [file("a ")],
    "too long": [file("a" * 256)],
    "too deep": [file("/".join("ab" for _ in range(400)))],
    "duplicate": [file("a"), file("a")],
    "case": [file("Readme"), file("README")],
    "case of a folder": [file("Lib/a"), file("lib/b")],
    "unicode form": [file("cafe\u0301"), file("caf\u00e9")],
    "case that folds to two letters": [file("stra\u00dfe"), file("strasse")],
    "file over folder": [file("a/b"), file("a")],
    "folder over file": [file("a"), file("a/b")],
    "link out": [link("a", "../outside.txt")],
    "link absolute": [link("a", "/etc/passwd")],
    "link with drive": [link("a", "C:/x")],
    "link with backslash": [link("a", "..\\x")],
    "link to nothing": [link("a", "")],
    "link out through a link": [folder("d"), link("d/up", ".."), link("a", "d/up/../x")],
    "link out through a later link": [link("x", "a/b/../../y"), link("a/b", ".")],
    "link out by case": [link("a/UP", ".."), link("x", "a/up/../y")],
    "link in a circle": [link("a", "b"), link("b", "a")],
    "link to itself": [link("a", "a/b")],
    "file through a link": [link("a", "b"), file("a/x")],
    "folder becomes link": [file("a/x"), link("a", ".")],
    "hard link to nothing": [copy("a", "b")],
    "hard link out": [copy("a", "../outside.txt")],
    "hard link to a link": [file("x/y"), link("l", "x/y"), copy("a", "l")],
    "hard link to a deep link": [link("d/l", "../../outside.txt"), copy("a", "d/l")],
    "hard link to what was left out": [file("skip/x"), copy("a", "skip/x")],
    "character device": [special("a", tarfile.CHRTYPE)],
    "block device": [special("a", tarfile.BLKTYPE)],
    "pipe": [special("a", tarfile.FIFOTYPE)],
    "sparse": [special("a", tarfile.GNUTYPE_SPARSE)],
    "unknown kind, kept as a file by tar": [special("a", b"Z"), file("a")],
}


@pytest.mark.parametrize("members", REFUSED.values(), ids=REFUSED.keys())
def test_what_breaks_a_rule_is_refused(unpack: Unpack, members: list[Any]) -> None:
    def select(name: str) -> str | None:
        return None if name.startswith("skip/") else name

    with pytest.raises(IntegrityError, match=r"it\.tar\.gz"):
        unpack(*members, rename=select)
    assert unpack.outside.read_text() == "precious"
    assert not any(path.is_symlink() for path in unpack.out.rglob("*"))


def test_the_refused_member_is_named(unpack: Unpack) -> None:
    with pytest.raises(IntegrityError, match=r"refused: 'b': .*absolute path '/etc/passwd'"):
        unpack(file("a"), link("b", "/etc/passwd"))


def test_bounds_hold_for_count_and_size(unpack: Unpack) -> None:
    with pytest.raises(IntegrityError, match="more than 2 members"):
        unpack(*(file(str(n)) for n in range(3)), limits=Limits(members=2))
    with pytest.raises(IntegrityError, match="more than 10 bytes"):
        unpack(file("x", b"123456"), copy("y", "x"), limits=Limits(total=10))


def test_a_bomb_in_a_member_left_out_is_bounded_too(unpack: Unpack) -> None:
    bomb = file("left/out", bytes(3_000_000))
    with pytest.raises(IntegrityError, match="unpacks to more than"):
        unpack(bomb, rename=strip("wanted"), limits=Limits(members=1, total=1000))


def test_a_huge_header_is_not_read_into_memory(unpack: Unpack) -> None:
    info, _ = special("pax", tarfile.XHDTYPE)
    info.size = 1 << 40
    data = gzip.compress(info.tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(IntegrityError, match="header of"):
        unpack.bytes(data)


def test_damage_is_damage(unpack: Unpack) -> None:
    whole = tar([file("a", bytes(5000)), file("b", b"x" * 5000)])
    broken = bytearray(whole)
    broken[512 + 5120 + 3] ^= 1  # in the second header
    for data in (
        gzip.compress(bytes(broken)),
        gzip.compress(whole[:3000]),
        gzip.compress(whole)[:-20],
        gzip.compress(whole)[:-8] + bytes(8),
        gzip.compress(whole + b"more"),
        gzip.compress(whole[: 512 + 5120]),
        gzip.compress(b""),
    ):
        with tempfile.TemporaryDirectory() as base, pytest.raises(IntegrityError, match="damaged"):
            Unpack(Path(base)).bytes(data)


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"\x28\xb5\x2f\xfd....", "zstd"), (b"PK\x03\x04....", "zip"), (b"<html>", "no archive")],
)
def test_other_archives_are_named(unpack: Unpack, data: bytes, kind: str) -> None:
    with pytest.raises(BuildError, match=f"{kind}.*only .tar.gz"):
        unpack.bytes(data)


names = st.lists(st.sampled_from("abcdé"), min_size=1, max_size=3).map("/".join)
files = st.dictionaries(names, st.binary(max_size=2000), max_size=8).filter(
    lambda found: not any(other.startswith(f"{name}/") for name in found for other in found)
)


@settings(max_examples=60)
@given(files)
def test_what_goes_in_comes_out(wanted: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as base:
        found = Unpack(Path(base))(*(file(name, data) for name, data in wanted.items()))
        assert {path: entry.source.read_bytes() for path, entry in found.items()} == wanted  # type: ignore[union-attr]


parts = st.sampled_from(["a", "b", "..", ".", "A"])
paths = st.lists(parts, min_size=1, max_size=4).map("/".join)
members = st.one_of(
    st.builds(file, paths), st.builds(link, paths, paths), st.builds(copy, paths, paths)
)


@settings(max_examples=300)
@given(st.lists(members, max_size=6))
def test_nothing_ever_leads_outside(hostile: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as base:
        unpack = Unpack(Path(base))
        try:
            unpack(*hostile)
        except IntegrityError:
            return
        out = unpack.out.resolve()
        for path in unpack.out.rglob("*"):
            assert Path(os.path.realpath(path)).is_relative_to(out)
