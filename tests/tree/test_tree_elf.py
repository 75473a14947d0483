"""What no loader reads goes, all else stays byte for byte; what is odd in any way is left alone."""

from __future__ import annotations

import random
import shutil
import subprocess
import sysconfig
from dataclasses import replace
from pathlib import Path

import lief
import pytest
from elves import (
    ALLOC,
    BLOCK,
    DEVICE,
    EXECINSTR,
    NOBITS,
    NOTE,
    PROGBITS,
    RELA,
    STRTAB,
    SYMTAB,
    Elf,
    Part,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from runtime_packager.tree.elf import LEAST_GAIN, slim

DEBUG = bytes(range(256)) * 40
TEXT = Part(".text", b"\x90" * 300, ALLOC | EXECINSTR, align=16)
PLAIN = Elf(
    (
        Part(".dynstr", b"\0libc.so.6\0", ALLOC, STRTAB),
        TEXT,
        Part(".bss", bytes(500), ALLOC, NOBITS),
        Part(".comment", b"GCC: 14"),
        Part(".debug_info", DEBUG),
        Part(".symtab", DEBUG[:240], kind=SYMTAB, link=7, align=8),
        Part(".strtab", DEBUG[:100], kind=STRTAB),
    )
)


def slimmed(data: bytes) -> bytes | None:
    found = slim(lambda offset, size: data[offset : offset + size], len(data))
    if found is None:
        return None
    parts = (p if isinstance(p, bytes) else data[p.start : p.stop] for p in found.parts)
    made = b"".join(parts)
    assert len(made) == found.size
    return made


def names(data: bytes) -> list[str]:
    return [section.name for section in parse(data).sections]


def loaded(data: bytes) -> bytes:
    """All that is mapped, but for the three fields of the header that say where sections are."""
    wide, end = data[4] == 2, parse(data).end
    fields = [(40, 48), (60, 64)] if wide else [(32, 36), (48, 52)]
    held = bytearray(data[:end])
    for start, stop in fields:
        held[start:stop] = bytes(stop - start)
    return bytes(held)


def require_same_but_smaller(old: bytes, new: bytes) -> None:
    """The law: what it is loaded from is unchanged, and what is left tells the same."""
    assert len(new) + LEAST_GAIN <= len(old)
    assert loaded(new) == loaded(old)
    before, after = parse(old).sections, parse(new).sections
    # Dynamic symbols name sections by number, so those of allocated ones must not change.
    for number, section in enumerate(before):
        if section.flags & ALLOC:
            assert replace(after[number], link=0, info=0) == replace(section, link=0, info=0)
    for section in after:
        if section.link:
            (twin,) = [s for s in before if s.name == section.name and s.data == section.data]
            assert after[section.link].name == before[twin.link].name
    assert slimmed(new) is None, "twice is once"


def test_symbols_and_debug_information_go() -> None:
    old = bytes(PLAIN)
    new = slimmed(old)
    assert new is not None
    require_same_but_smaller(old, new)
    assert names(new) == ["", ".dynstr", ".text", ".bss", ".shstrtab"]


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("little", [True, False])
def test_either_class_and_byte_order(wide: bool, little: bool) -> None:
    old = bytes(replace(PLAIN, wide=wide, little=little))
    new = slimmed(old)
    assert new is not None
    require_same_but_smaller(old, new)


def test_what_a_program_may_read_from_its_own_file_is_moved_and_kept() -> None:
    mine = Part(".upd_info", b"what the program looks for", align=32)
    link = Part(".gnu_debuglink", b"app.debug\0\0\0\1\2\3\4", align=4)
    probes = Part(".note.stapsdt", b"probes", kind=NOTE, align=4)
    old = bytes(replace(PLAIN, parts=(*PLAIN.parts, mine, link, probes)))
    new = slimmed(old)
    assert new is not None
    require_same_but_smaller(old, new)
    kept = {section.name: section.data for section in parse(new).sections}
    assert [kept[part.name] for part in (mine, link, probes)] == [mine.data, link.data, probes.data]


def test_a_section_in_front_of_an_allocated_one_leaves_its_number() -> None:
    parts = (PLAIN.parts[4], TEXT, Part(".rela.text", DEBUG, kind=RELA, link=4, info=2),
             Part(".symtab", DEBUG, kind=SYMTAB), Part(".data", b"data", ALLOC))  # fmt: skip
    old = bytes(replace(PLAIN, parts=parts))
    new = slimmed(old)
    assert new is not None
    require_same_but_smaller(old, new)
    assert names(new) == ["", "", ".text", "", "", ".data", ".shstrtab"]


def test_references_follow_their_sections() -> None:
    parts = (TEXT, PLAIN.parts[4], Part(".strings", b"\0name\0", kind=STRTAB),
             Part(".mine", b"refers", link=3))  # fmt: skip
    new = slimmed(bytes(replace(PLAIN, parts=parts)))
    assert new is not None
    mine = parse(new).sections[-2]
    assert parse(new).sections[mine.link].data == b"\0name\0"


@pytest.mark.parametrize(
    "elf",
    [
        replace(PLAIN, behind=b"PK\x03\x04 an archive that the program reads"),
        replace(PLAIN, behind=bytes(1 << 17)),
        replace(PLAIN, kind=1),
        replace(PLAIN, kind=4),
        replace(PLAIN, machine=DEVICE),
        replace(PLAIN, parts=(replace(TEXT, kind=NOBITS), *PLAIN.parts[3:])),
        replace(PLAIN, parts=(TEXT, Part(".debug_info", bytes(BLOCK // 2)))),
        replace(PLAIN, parts=(*PLAIN.parts, Part(".mine", b"x", link=6))),
        replace(PLAIN, parts=(*PLAIN.parts, Part(".mine", b"x", align=3))),
    ],
    ids=[
        "something behind it", "much behind it", "an object", "a core dump", "for a graphics card",
        "a file of debug symbols", "too little to gain", "needs the symbols", "odd alignment",
    ],
)  # fmt: skip
def test_is_left_alone(elf: Elf) -> None:
    assert slimmed(bytes(PLAIN)) is not None
    assert slimmed(bytes(elf)) is None


def test_sections_that_share_bytes_are_left_alone() -> None:
    data = bytearray(bytes(PLAIN))
    table = int.from_bytes(data[40:48], "little")
    header = table + 64 * names(bytes(data)).index(".debug_info")
    place = int.from_bytes(data[header + 24 : header + 32], "little")
    data[header + 24 : header + 32] = (place - 4).to_bytes(8, "little")
    assert slimmed(bytes(data)) is None


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"#!/bin/sh\n" * 1000, b"\x7fELF" * 1000])
def test_no_elf_file_is_left_alone(data: bytes) -> None:
    assert slimmed(data) is None


section = st.builds(
    Part,
    name=st.sampled_from([".text", ".data", ".mine", ".debug_line", ".comment", ".symtab", ".x"]),
    data=st.binary(max_size=200).map(lambda data: data * 60),
    flags=st.sampled_from([0, ALLOC, ALLOC | EXECINSTR]),
    kind=st.sampled_from([PROGBITS, PROGBITS, NOTE, SYMTAB, STRTAB]),
    align=st.sampled_from([1, 4, 16, 64]),
)
files = st.builds(
    Elf,
    parts=st.lists(section, min_size=1, max_size=8).map(tuple),
    wide=st.booleans(),
    little=st.booleans(),
    kind=st.sampled_from([2, 3]),
    gap=st.integers(0, 300),
)


@given(files)
def test_any_file_keeps_what_is_loaded(elf: Elf) -> None:
    old = bytes(elf)
    new = slimmed(old)
    if new is not None:
        require_same_but_smaller(old, new)


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_a_damaged_file_is_left_alone_or_keeps_what_is_loaded(seed: int, times: int) -> None:
    chance, data = random.Random(seed), bytearray(bytes(PLAIN))
    table = int.from_bytes(data[40:48], "little")
    for _ in range(times):
        place = chance.choice([chance.randrange(64), table + chance.randrange(len(data) - table)])
        data[place] = chance.choice([0, 1, 0x7F, 0xFF, chance.randrange(256)])
    old = bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
    new = slimmed(old)
    if new is not None:
        assert loaded(new) == loaded(old)


REAL = sorted(Path(sysconfig.get_path("platlib")).glob("**/*.so*"))


def test_real_files_are_read_the_same() -> None:
    """Everything compiled that is installed here: by GCC, clang, rustc, by auditwheel."""
    smaller = 0
    for file in REAL:
        old = file.read_bytes()
        if old[:4] != b"\x7fELF" or (new := slimmed(old)) is None:
            continue
        smaller += 1
        assert loaded(new) == loaded(old), file
        assert _facts(new) == _facts(old), file
    assert smaller > 3


def _facts(data: bytes) -> list[object]:
    binary = lief.ELF.parse(list(data))
    assert binary is not None
    return [
        [(s.name, s.value, s.size, s.shndx, str(s.symbol_version)) for s in binary.dynamic_symbols],
        [(r.address, str(r.type), r.has_symbol and r.symbol.name) for r in
         (*binary.dynamic_relocations, *binary.pltgot_relocations)],
        [str(entry) for entry in binary.dynamic_entries],
        [(str(s.type), s.file_offset, s.virtual_address, s.physical_size) for s in binary.segments],
        list(binary.libraries),
    ]  # fmt: skip


@pytest.mark.skipif(not shutil.which("readelf"), reason="needs binutils")
def test_binutils_finds_nothing_wrong(tmp_path: Path) -> None:
    for number, elf in enumerate([PLAIN, replace(PLAIN, wide=False, machine=3)]):
        made = slimmed(bytes(elf))
        assert made is not None
        (tmp_path / f"{number}").write_bytes(made)
    for file in (*tmp_path.iterdir(),):
        done = subprocess.run(["readelf", "-WSl", file], capture_output=True, text=True)
        assert done.returncode == 0
        assert done.stderr == ""
        assert ".debug_info" not in done.stdout


def test_a_name_that_is_too_long_to_be_one_is_left_alone() -> None:
    """Thousands of headers may share it: each would take a copy of it."""
    long = Part("n" * 5000, b"kept")
    data = bytes(Elf((Part(".text", b"x" * 64, ALLOC), long, Part(".debug_info", bytes(20000)))))
    assert slim(lambda offset, size: data[offset : offset + size], len(data)) is None
