"""Universal files: the parts come back byte for byte, and others' tools read them."""

import struct
from pathlib import Path

import lief
import pytest
from hypothesis import given
from hypothesis import strategies as st
from natives import ARM_MAC, LINUX, MAC, PLAIN, Compiler

from runtime_packager.binaries import extract, fat, is_macho, slices, write_fat
from runtime_packager.binaries.fat import ARM64, X86_64, _head, _layout, _thin
from runtime_packager.errors import BuildError


def thin(cpu: int, rest: bytes = bytes(64), subtype: int = 0) -> bytes:
    return struct.pack("<III", 0xFEEDFACF, cpu, subtype) + rest


bodies = st.binary(max_size=40_000)


@given(intel=bodies, arm=bodies, swapped=st.booleans())
def test_the_parts_come_back_byte_for_byte(intel: bytes, arm: bytes, swapped: bool) -> None:
    parts = {"x86_64": thin(X86_64, intel), "aarch64": thin(ARM64, arm)}
    given_ones = list(parts.values())[:: -1 if swapped else 1]
    data = fat(given_ones)
    found = slices(data)
    assert {p.architecture: data[p.offset : p.offset + p.size] for p in found} == parts
    assert [p.offset % (1 << align) for p, align in zip(found, (12, 14), strict=True)] == [0, 0]
    assert data == fat(given_ones[::-1])


def test_real_files_stay_signed_and_readable(compiler: Compiler, tmp_path: Path) -> None:
    files = [compiler.build("a.dylib", triple, PLAIN) for triple in (MAC, ARM_MAC)]
    write_fat(files, tmp_path / "fat")
    data = (tmp_path / "fat").read_bytes()
    assert data == fat([file.read_bytes() for file in files])
    assert is_macho(data[:64])
    read = lief.MachO.parse(tmp_path / "fat")
    assert read is not None
    assert [part.has_code_signature for part in read] == [False, True]
    for part, file in zip(slices(tmp_path / "fat"), files, strict=True):
        assert data[part.offset : part.offset + part.size] == file.read_bytes()


def test_one_part_can_be_taken_out(tmp_path: Path) -> None:
    intel, arm = thin(X86_64, b"intel"), thin(ARM64, b"arm")
    both, one = tmp_path / "both", tmp_path / "one"
    both.write_bytes(fat([intel, arm]))
    one.write_bytes(arm)
    assert (extract(both, "x86_64"), extract(both, "aarch64")) == (intel, arm)
    assert extract(one, "aarch64") == arm
    with pytest.raises(BuildError, match="no part for x86_64, only for aarch64"):
        extract(one, "x86_64")


def test_capability_bits_of_a_processor_are_kept() -> None:
    part = thin(ARM64, subtype=0x80000002)
    (found,) = slices(fat([part]))
    assert found.cpu == (ARM64, 0x80000002)


def test_beyond_four_gigabytes_the_table_is_a_wide_one(tmp_path: Path) -> None:
    """A file with a hole takes no room on the disk."""
    big, small = tmp_path / "big", tmp_path / "small"
    big.write_bytes(thin(X86_64))
    with big.open("r+b") as stream:
        stream.truncate((1 << 32) + 5)
    small.write_bytes(thin(ARM64, b"small"))
    with big.open("rb") as one, small.open("rb") as two:
        placed = _layout([_thin(one, "big"), _thin(two, "small")])
    head = _head(placed)
    assert head[:8] == bytes.fromhex("cafebabf 00000002")
    (_, last) = placed[-1]
    assert last.offset > 1 << 32
    assert struct.unpack_from(">IIQQII", head, 8 + 32) == (ARM64, 0, last.offset, 17, 14, 0)


def test_two_parts_for_one_processor_are_refused() -> None:
    with pytest.raises(BuildError, match="one part a processor.* x86_64, x86_64"):
        fat([thin(X86_64), thin(X86_64, b"other")])


def test_kinds_of_one_processor_differ_by_more_than_capability_bits() -> None:
    parts = [thin(ARM64), thin(ARM64, b"e", subtype=2)]
    assert len(slices(fat(parts))) == 2
    with pytest.raises(BuildError, match="one part a processor"):
        fat([*parts, thin(ARM64, b"f", subtype=0x80000002)])


def test_what_is_no_thin_file_is_refused_by_name(compiler: Compiler, tmp_path: Path) -> None:
    mac = compiler.build("a.dylib", MAC, PLAIN)
    (tmp_path / "fat").write_bytes(fat([mac.read_bytes()]))
    (tmp_path / "empty").write_bytes(b"")
    for other in (compiler.build("a.so", LINUX, PLAIN), tmp_path / "fat", tmp_path / "empty"):
        with pytest.raises(BuildError, match=str(other)):
            write_fat([mac, other], tmp_path / "out")
        assert not (tmp_path / "out").exists()
    with pytest.raises(BuildError, match="at least one part"):
        fat([])
    with pytest.raises(BuildError, match="cpu 0x12"):
        fat([thin(0x12)])


@pytest.mark.parametrize("cut", [6, 20, 5000])
def test_a_universal_file_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(BuildError, match="cut off"):
        slices(fat([thin(X86_64), thin(ARM64)])[:cut])
