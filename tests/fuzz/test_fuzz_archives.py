"""Whatever an archive holds: it is unpacked inside its place, or refused by name."""

from __future__ import annotations

import gzip
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from fuzzing import CORPUS, campaign

from runtime_packager.io.archive import extract
from runtime_packager.wheels.unpack import unpack

TOKENS = [
    b"../", b"..", b"/", b"\\", b"C:", b"\0", b"con", b"a:b", b"ustar\x0000", b"ustar  \0",
    b"0000000\0", b"7777777\0", b"\x80\0\0\0\0\0\0\x01", b"\xff" * 8, b"1", b"2", b"L", b"K", b"x",
    b"g", b"S", b"30 path=../../../../etc/passwd\n", b"20 size=99999999999\n", b"13 size=-512\n",
    b"22 GNU.sparse.major=1\n", b"\0" * 512, "\u00e9".encode(), b"\xe9",
]  # fmt: skip
ZIP_TOKENS = [
    b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08", b"../", b"./", b"\0", b"/",
    b"\x01\0\x10\0" + b"\xff" * 16, b"up\x09\0", b"RECORD", b"sha256=", b",,\n", b'"', b"\x08\0",
    b"\x0e\0",
]  # fmt: skip


def contained(unpacker: Callable[[Path, Path], object]) -> Callable[[bytes], None]:
    """A check that nothing but the destination is touched, and no link leads out of it."""

    def check(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as base:
            archive, out = Path(base, "it"), Path(base, "out")
            archive.write_bytes(data)
            out.mkdir()
            try:
                unpacker(archive, out)
                for path in out.rglob("*"):
                    assert Path(os.path.realpath(path)).is_relative_to(os.path.realpath(out))
            finally:
                assert {path.name for path in Path(base).iterdir()} == {"it", "out"}

    return check


def _with_checksums(tar: bytes) -> bytes:
    """The headers' checksums put right, so that what else is wrong with them is seen."""
    made = bytearray(tar)
    for at in range(0, len(made) - 511, 512):
        if made[at + 257 : at + 262] == b"ustar":
            made[at + 148 : at + 156] = b" " * 8
            made[at + 148 : at + 156] = b"%06o\0 " % sum(made[at : at + 512])
    return bytes(made)


def test_tar_archives(tmp_path: Path) -> None:
    def read(archive: Path, out: Path) -> None:
        archive.write_bytes(gzip.compress(_with_checksums(archive.read_bytes()), 1))
        extract(archive, out)

    campaign("archive", contained(read), TOKENS, tmp_path)


def test_compressed_archives(tmp_path: Path) -> None:
    campaign("gzip", contained(extract), TOKENS, tmp_path)


def test_wheels(tmp_path: Path) -> None:
    def read(wheel: Path, out: Path) -> None:
        unpack(wheel, "pkg-1.0-py3-none-any.whl", out)

    campaign("wheel", contained(read), ZIP_TOKENS, tmp_path)


RECORD = "pkg-1.0.dist-info/RECORD"


def test_records_in_sound_wheels(tmp_path: Path) -> None:
    """Where the zip is in order, what is in it is read: RECORD first of all."""
    with zipfile.ZipFile(CORPUS / "wheel" / "stored.whl") as sound:
        members = {name: sound.read(name) for name in sound.namelist()}

    def read(archive: Path, out: Path) -> None:
        record = archive.read_bytes()
        with zipfile.ZipFile(archive, "w") as made:
            for name, data in (members | {RECORD: record}).items():
                made.writestr(name, data)
        unpack(archive, "pkg-1.0-py3-none-any.whl", out)

    tokens = [b",", b'"', b"\n", b"\r", b"\0", b"sha256=", b"md5=", b"=", b"../", b"-1", b"\xff"]
    tokens += [b'"' + b"x" * 140_000, b"9" * 5000, "\u0661".encode(), members[RECORD]]
    campaign("record", contained(read), tokens, tmp_path, [members[RECORD]])
