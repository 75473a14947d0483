"""Wheels made to do harm, or to show each reader something else: refused before any write."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.quine import gzip_quine
from test_wheels_install import LINUX, PYTHON, keep, lock_of
from wheel_making import Made, make_wheel

from runtime_packager.errors import IntegrityError
from runtime_packager.io.cache import Cache
from runtime_packager.wheels import contents, install
from runtime_packager.wheels.unpack import unpack

SOUND = make_wheel("pkg", "1.0", files={"pkg/__init__.py": "import os\n" * 40, "pkg/b.py": ""})
OTHER = make_wheel("pkg", "1.0", files={"pkg/__init__.py": "evil = 1\n"})
FIRST = b"pkg/__init__.py"


def refused(tmp_path: Path, data: bytes, reason: str) -> None:
    """An IntegrityError that names the wheel; nothing is written."""
    blob, out = tmp_path / "blob", tmp_path / "out"
    blob.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"pkg-1\.0-py3-none-any\.whl") as caught:
        unpack(blob, SOUND.filename, out)
    assert reason in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} <= {"blob", "out"}


def written(tmp_path: Path, data: bytes) -> set[str]:
    (tmp_path / "blob").write_bytes(data)
    found = unpack(tmp_path / "blob", SOUND.filename, tmp_path / "out")
    return {entry.path for entry in found.entries}


def patched(data: bytes, offset: int, form: str, value: int) -> bytes:
    """``data`` with one number in it replaced."""
    made = bytearray(data)
    struct.pack_into(form, made, offset, value)
    return bytes(made)


def entry(data: bytes) -> int:
    """Where the index's first entry begins."""
    return data.index(b"PK\1\2")


def end(data: bytes) -> int:
    """Where the end record begins."""
    return data.rindex(b"PK\5\6")


def test_cut_at_each_64th_it_is_no_wheel_and_the_next_run_succeeds(
    cache: Cache, tmp_path: Path
) -> None:
    whole = SOUND.data
    for part in range(64):
        made = Made(SOUND.filename, whole[: len(whole) * part // 64])
        keep(cache, tmp_path, made)
        with pytest.raises(IntegrityError, match=r"pkg-1\.0-py3-none-any\.whl"):
            install(lock_of(made), LINUX, PYTHON, cache)
    assert list((cache.root / "wheels").iterdir()) == []
    keep(cache, tmp_path, SOUND)
    assert len(install(lock_of(SOUND), LINUX, PYTHON, cache)) == 1


def local_says(name: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(FIRST, name, 1)


DIFFERENT = {
    "name": (local_says(b"pkg/__exit__.py"), "its header calls it"),
    "packed size": (lambda d: patched(d, 18, "<L", 7), "differ in size"),
    "size": (lambda d: patched(d, 22, "<L", 7), "differ in size"),
    "checksum": (lambda d: patched(d, 14, "<L", 7), "differ in size or checksum"),
    "method": (lambda d: patched(d, 8, "<H", 8), "differ in how it is packed"),
    "descriptor": (lambda d: patched(d, 6, "<H", 8), "differ in how it is packed"),
    "encryption": (lambda d: patched(d, 6, "<H", 1), "differ in how it is packed"),
    "encrypted in both": (
        lambda d: patched(patched(d, 6, "<H", 1), entry(d) + 8, "<H", 1),
        "it is encrypted",
    ),
    "packed by LZMA in both": (
        lambda d: patched(patched(d, 8, "<H", 14), entry(d) + 10, "<H", 14),
        "packed by method 14",
    ),
}


@pytest.mark.parametrize(("change", "reason"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_headers_that_differ_from_the_index(
    tmp_path: Path, change: Callable[[bytes], bytes], reason: str
) -> None:
    refused(tmp_path, change(SOUND.data), reason)


STACKED = {
    "one behind the other": lambda d: OTHER.data + d,
    "one behind the other, offsets right": lambda d: shifted(d, OTHER.data),
    "something in front": lambda d: b"#!/bin/sh\n" + d,
    "something behind": lambda d: d + b"more",
    "a comment": lambda d: d[:-2] + b"\4\0more",
    "an archive in the comment": lambda d: d[:-2] + struct.pack("<H", len(OTHER.data)) + OTHER.data,
    "a gap before the index": lambda d: (
        d[: entry(d)] + b"hidden" + patched(d, end(d) + 16, "<L", entry(d) + 6)[entry(d) :]
    ),
    "fewer entries than said": lambda d: patched(
        patched(d, end(d) + 8, "<H", 9), end(d) + 10, "<H", 9
    ),
    "parts": lambda d: patched(d, end(d) + 4, "<H", 1),
}


def shifted(data: bytes, front: bytes) -> bytes:
    """``data`` behind ``front``, sound for who starts at its end."""
    by, index = len(front), entry(data)
    made = patched(data, end(data) + 16, "<L", index + by)
    while index < end(data):
        (offset,) = struct.unpack_from("<L", made, index + 42)
        made = patched(made, index + 42, "<L", offset + by)
        index += 46 + sum(struct.unpack_from("<3H", made, index + 28))
    return front + made


@pytest.mark.parametrize("change", STACKED.values(), ids=STACKED.keys())
def test_stacked_archives_and_what_lies_between(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    refused(tmp_path, change(SOUND.data), "")


def test_members_that_share_their_bytes(tmp_path: Path) -> None:
    """A bomb without a ratio: many entries for the same data."""
    first = entry(SOUND.data)
    second = SOUND.data.index(b"PK\1\2", first + 4)
    refused(tmp_path, patched(SOUND.data, second + 42, "<L", 0), "overlaps what follows")


def streamed(members: dict[str, bytes]) -> bytes:
    """A zip as it is written where one cannot seek: sizes behind the data."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.parts: list[bytes] = []

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:
            self.parts.append(bytes(data))
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as made:  # type: ignore[arg-type]
        for name, data in members.items():
            made.writestr(name, data)
    return b"".join(pipe.parts)


def contents_of(made: Made) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(made.data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_sizes_behind_the_data_are_fine_while_they_agree(tmp_path: Path) -> None:
    data = streamed(contents_of(SOUND))
    assert "purelib/pkg/__init__.py" in written(tmp_path, data)
    (tmp_path / "again").mkdir()
    at = data.index(b"PK\7\x08")
    refused(tmp_path / "again", patched(data, at + 12, "<L", 7), "belong to no member")


def test_64_bit_sizes_are_fine(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in contents_of(SOUND).items():
            with made.open(name, "w", force_zip64=True) as member:
                member.write(data)
    assert "purelib/pkg/__init__.py" in written(tmp_path, out.getvalue())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("./pkg/evil.py", "an empty, '.' or '..' part"),
        ("//server/share/evil.py", "absolute"),
        ("\\\\server\\share\\evil.py", "character"),
        ("pkg/evil.py:stream", "character ':'"),
        ("pkg/evil.", "dot or a space"),
        ("pkg /evil.py", "dot or a space"),
        ("pkg/com1.py", "device"),
        ("/".join("a" * 400), "more than 64 parts"),
    ],
)
def test_names_that_are_none_everywhere(tmp_path: Path, name: str, reason: str) -> None:
    made = make_wheel("pkg", "1.0", files={"pkg/__init__.py": "", name: ""})
    refused(tmp_path, made.data, reason)


def test_names_that_are_one_in_another_unicode_form(tmp_path: Path) -> None:
    files = {"pkg/__init__.py": "", "pkg/caf\u00e9": "", "pkg/cafe\u0301": ""}
    refused(tmp_path, make_wheel("pkg", "1.0", files=files).data, "pkg")


def test_names_in_an_unknown_encoding(tmp_path: Path) -> None:
    made = make_wheel("pkg", "1.0", files={"pkg/caf\u00e9": ""})
    data = made.data.replace("pkg/caf\u00e9".encode(), b"pkg/caf\xff\xfe")
    refused(tmp_path, data, "cannot be read as a wheel")
    at = made.data.index("pkg/caf\u00e9".encode()) - 30
    index = made.data.index("pkg/caf\u00e9".encode(), made.data.index(b"PK\1\2")) - 46
    plain = patched(patched(made.data, at + 6, "<H", 0), index + 8, "<H", 0)
    refused(tmp_path, plain, "neither ASCII nor marked as UTF-8")


@pytest.mark.parametrize("kind", [0o010000, 0o020000, 0o060000, 0o120000, 0o140000])
def test_pipes_devices_links_and_sockets(tmp_path: Path, kind: int) -> None:
    made = make_wheel(
        "pkg", "1.0", files={"pkg/__init__.py": ""}, modes={"pkg/__init__.py": kind | 0o644}
    )
    refused(tmp_path, made.data, "neither file nor directory")


def test_setuid_is_forgotten(tmp_path: Path) -> None:
    made = make_wheel("pkg", "1.0", files={"pkg/tool": "x"}, modes={"pkg/tool": 0o104755})
    (tmp_path / "blob").write_bytes(made.data)
    found = unpack(tmp_path / "blob", made.filename, tmp_path / "out")
    (tool,) = (entry for entry in found.entries if entry.path.endswith("tool"))
    assert tool.source.stat().st_mode & 0o7777 == 0o755


def deflated(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return out.getvalue()


def test_50_megabytes_out_of_49_kilobytes(tmp_path: Path) -> None:
    made = make_wheel("pkg", "1.0", files={"pkg/zeros": bytes(50_000_000)})
    bomb = deflated(contents_of(made))
    assert len(bomb) < 51_000
    refused(tmp_path, bomb, "unpacks to more than 16777216 bytes")


def test_a_record_too_large_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_MAX_TEXT", 100)
    refused(tmp_path, SOUND.data, "at most 100 expected")


def test_a_record_with_an_endless_field(tmp_path: Path) -> None:
    made = make_wheel(
        "pkg", "1.0", files={"pkg/a.py": ""}, misrecorded={"pkg/a.py": '"' + "x" * 200_000}
    )
    refused(tmp_path, made.data, "RECORD cannot be read")


def test_a_wheel_within_a_wheel_stays_a_file(tmp_path: Path) -> None:
    inner = make_wheel("pkg", "1.0", files={"../../evil": ""}).data
    made = make_wheel("pkg", "1.0", files={"pkg/inner.whl": inner})
    assert "purelib/pkg/inner.whl" in written(tmp_path, made.data)


def test_a_gzip_that_unpacks_to_itself_stays_a_file(tmp_path: Path) -> None:
    refused(tmp_path, gzip_quine(), "cannot be read as a wheel")
    made = make_wheel("pkg", "1.0", files={"pkg/self.gz": gzip_quine()})
    assert "purelib/pkg/self.gz" in written(tmp_path, made.data)
    assert (tmp_path / "out/purelib/pkg/self.gz").read_bytes() == gzip_quine()


def test_a_million_members_are_counted_before_they_are_read(tmp_path: Path) -> None:
    name = b"d/"
    row = struct.pack("<4s6H3L5H2L", b"PK\1\2", *[0] * 9, len(name), *[0] * 6) + name
    count, size = 1_000_000, 1_000_000 * len(row)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, size, 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    refused(tmp_path, row * count + end64 + locator + last, "more than 200000 members")
    few = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 3, 3, size, 0, 0)
    refused(tmp_path, row * count + few, "not as many entries")
