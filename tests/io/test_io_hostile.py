"""Archives made to do harm: refused by name, nothing outside touched, and a rerun succeeds."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from fakes.quine import gzip_quine
from fakes.tarball import copy, file, folder, link, special, tar, tar_gz

from runtime_packager.errors import IntegrityError
from runtime_packager.io.archive import extract
from runtime_packager.io.cache import Cache
from runtime_packager.io.policy import Limits

SOUND = [folder("a"), file("a/run", os.urandom(3000), 0o755), link("a/l", "run"), file("b")]


class Place:
    """A cache beside something precious; archives are unpacked into it as interpreters are."""

    def __init__(self, base: Path) -> None:
        self.base, self.cache = base, Cache(base / "cache")
        (base / "outside.txt").write_text("precious")

    def unpack(self, data: bytes, limits: Limits | None = None) -> list[str]:
        """The paths that lie there afterwards."""
        archive = self.base / "it.tar.gz"
        archive.write_bytes(data)
        with self.cache.building("interpreters", "it") as staging:
            found = extract(archive, staging, limits=limits)
        return [entry.path for entry in found]

    def refuses(self, data: bytes, reason: str, limits: Limits | None = None) -> None:
        """It is an IntegrityError that names the archive; then a sound one takes the same place."""
        with pytest.raises(IntegrityError, match=reason) as caught:
            self.unpack(data, limits)
        assert "it.tar.gz" in caught.value.message
        assert caught.value.exit_code == 5
        assert self.left() == {"outside.txt", "it.tar.gz"}
        assert (self.base / "outside.txt").read_text() == "precious"

    def left(self) -> set[str]:
        """Every file and link below, but the cache's locks."""
        paths = (path for path in self.base.rglob("*") if path.is_symlink() or path.is_file())
        found = {path.relative_to(self.base).as_posix() for path in paths}
        return {path for path in found if not path.startswith("cache/locks/")}

    def serves(self) -> None:
        assert self.unpack(tar_gz(SOUND)) == ["a/l", "a/run", "b"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_cut_at_each_64th_it_is_damaged_and_the_next_run_succeeds(place: Place) -> None:
    whole = tar_gz(SOUND)
    for part in range(64):
        data = whole[: len(whole) * part // 64]
        # less than gzip's two first bytes are no archive of any kind, which is another error
        if len(data) >= 2:
            place.refuses(data, "damaged")
    place.serves()


NAMES = {
    "parent": "../outside.txt",
    "absolute": "/etc/evil",
    "drive": "C:/evil",
    "drive without a slash": "C:evil",
    "UNC": "\\\\server\\share\\evil",
    "UNC with slashes": "//server/share/evil",
    "device namespace": "\\\\.\\COM1",
    "device": "CON",
    "device with an extension": "a/aux.py",
    "stream": "a:b",
    "trailing dot": "a.",
    "trailing space": "a /b",
    "right to left of a NUL": "a\0b",
    "500 folders": "/".join("a" * 500),
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize("make", [file, folder, lambda name: link(name, "x")])
def test_names_that_are_none_everywhere(place: Place, name: str, make: Any) -> None:
    info, data = make("placeholder")
    info.pax_headers = {"path": name}
    place.refuses(tar_gz([file("first"), (info, data)]), "refused: ")
    place.serves()


def test_a_name_that_is_not_utf_8(place: Place) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT, encoding="latin-1") as made:
        made.addfile(*_with_stream(file("caf\u00e9")))
    place.refuses(gzip.compress(out.getvalue()), "damaged|not Unicode")
    place.serves()


def _with_stream(member: tuple[tarfile.TarInfo, bytes]) -> tuple[tarfile.TarInfo, io.BytesIO]:
    return member[0], io.BytesIO(member[1])


HARM = {
    "file through a link made earlier": [link("d", ".."), file("d/outside.txt")],
    "hard link to a deep link": [
        folder("a"), link("a/b", ".."), link("c", "a/b/../outside.txt"), copy("d", "c")
    ],
    "hard link out, then written": [copy("d", "../outside.txt"), file("d")],
    "two links in a circle": [link("a", "b/x"), link("b", "a/x")],
    "socket": [special("a", b"s")],
    "pipe": [special("a", tarfile.FIFOTYPE)],
    "device": [special("a", tarfile.CHRTYPE)],
}  # fmt: skip


@pytest.mark.parametrize("members", HARM.values(), ids=HARM.keys())
def test_members_that_would_do_harm(place: Place, members: list[Any]) -> None:
    place.refuses(tar_gz(members), "refused: ")
    place.serves()


def test_50_megabytes_out_of_49_kilobytes(place: Place) -> None:
    bomb = gzip.compress(tar([file("zeros", bytes(50_000_000))]), 9)
    assert len(bomb) < 50_000
    place.refuses(bomb, r"refused: 'zeros': .*more than 16777216 bytes")
    place.serves()


def test_what_is_small_may_be_packed_well(place: Place) -> None:
    assert place.unpack(gzip.compress(tar([file("zeros", bytes(10_000_000))]), 9)) == ["zeros"]


def test_an_archive_within_itself_stays_a_file(place: Place) -> None:
    data = tar_gz([file("evil/../../x")])
    for _ in range(3):
        data = tar_gz([file("again.tar.gz", data)])
    assert place.unpack(data) == ["again.tar.gz"]


def test_a_gzip_that_unpacks_to_itself_is_unpacked_once(place: Place) -> None:
    quine = gzip_quine()
    assert gzip.decompress(quine) == quine
    place.refuses(quine, "is damaged")
    place.refuses(quine * 3, "is damaged")
    place.serves()
    assert "self.tar.gz" in place.unpack(tar_gz([file("self.tar.gz", quine)]))


def test_a_million_members(place: Place) -> None:
    member = tar([folder("d")])[:512]
    million = gzip.compress(member * 50_000) * 20
    assert len(million) < 10_000_000
    place.refuses(million, "more than 1000 members", Limits(members=1000))
    assert Limits().members < 1_000_000


def test_links_through_links_come_to_an_end(place: Place) -> None:
    far = "/".join(["x/.."] * 200) + "/"
    chain = [link(f"l{n}", f"{far}l{n + 1}") for n in range(35)]
    crowd = [link(f"m{n}", "l0") for n in range(400)]
    place.refuses(tar_gz([*chain, file("l35"), *crowd]), "links through links")
    place.serves()


def _extended(count: int) -> bytes:
    """Extended headers, each of which tarfile reads inside the one before."""
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 512
    return (
        info.tobuf(tarfile.USTAR_FORMAT)
        + b"30 comment=eight and twenty 123\n"[:512].ljust(512, b"\0")
    ) * count


def test_headers_of_headers_exhaust_no_stack(place: Place) -> None:
    place.refuses(gzip.compress(_extended(5000)), "more than 64 headers|damaged")
    place.serves()


def test_settings_for_all_members_exhaust_no_memory(place: Place) -> None:
    out = io.BytesIO()
    settings = {f"key{n}": "x" for n in range(100)}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers=settings) as it:
        it.addfile(*_with_stream(file("a")))
    place.refuses(gzip.compress(out.getvalue()), "settings for all members")
    place.serves()
