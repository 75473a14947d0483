"""What programs are without their signatures: the same whoever signs, another for all else."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing import (
    LINKEDIT,
    SIGNATURE,
    SYMTAB,
    apple_program,
    certificate,
    commands,
    padded,
    sign_apple,
    sign_windows,
    strip_apple,
    super_blob,
    windows_fields,
    windows_program,
)

from runtime_packager.binaries import fat
from runtime_packager.launcher.build import build
from runtime_packager.manifest.codesign import OddError, Source
from runtime_packager.manifest.codesign import bare as bare_module
from runtime_packager.manifest.codesign.bare import bare, recipe_of

MEMORY = 5 * 1024 * 1024
"""No more than this may be asked for at a time, whatever a header says."""


def source(data: bytes, size: int | None = None) -> Source:
    """``data``, perhaps as if it were the beginning of a much larger file of zeros."""

    def read_at(offset: int, length: int) -> bytes:
        assert length <= MEMORY
        found = data[offset : offset + length]
        return found if size is None else found.ljust(length, b"\0")

    return Source(read_at, len(data) if size is None else size)


def digest(data: bytes) -> str:
    return bare(source(data)).sha256


def signed(data: bytes) -> bool:
    return bare(source(data)).signed


def digest_or_odd(data: bytes) -> str:
    try:
        return digest(data)
    except OddError:
        return "odd"


def bare_bytes(data: bytes) -> bytes:
    pieces = recipe_of(source(data)).pieces
    return b"".join(p if isinstance(p, bytes) else data[p.start : p.end] for p in pieces)


@pytest.fixture(scope="module")
def launchers() -> dict[str, bytes]:
    """Real programs: the arm64 Mac's is signed ad hoc by the linker, the other two are not."""
    names = ("win-x64", "mac-x64", "mac-arm64")
    return {name: path.read_bytes() for name, path in zip(names, build(list(names)), strict=True)}


# --- Windows


@pytest.mark.parametrize("overlay", [b"", b"1", b"1234567", b"12345678"])
def test_a_windows_program_signed_or_not_has_one_digest(overlay: bytes) -> None:
    bare_program = windows_program(overlay)
    once = sign_windows(bare_program, certificate())
    another = sign_windows(bare_program, certificate(9000, 1) + certificate(3), checksum=9)
    assert digest(bare_program) == digest(once) == digest(another)
    assert (signed(bare_program), signed(once), signed(another)) == (False, True, True)


def test_the_bare_windows_program_is_the_file_without_what_signing_touches() -> None:
    data = windows_program(b"odd")
    assert bare_bytes(sign_windows(data, certificate())) == padded(data, 8)
    assert digest(padded(data, 8)) == hashlib.sha256(padded(data, 8)).hexdigest()


def own_bytes_windows(data: bytes, end: int) -> set[int]:
    checksum, entry = windows_fields(data)
    return {*range(checksum, checksum + 4), *range(entry, entry + 8), *range(end, len(data))}


def test_any_other_change_to_a_windows_program_gives_another(
    launchers: dict[str, bytes],
) -> None:
    for data in (windows_program(b"x"), launchers["win-x64"]):
        made = sign_windows(data, certificate())
        own, right = own_bytes_windows(made, len(padded(data, 8))), digest(data)
        places = range(len(made)) if len(made) < 5000 else range(0, len(made), 97)
        for place in [*range(1024), *places]:
            if place not in own:
                assert digest_or_odd(flipped(made, place)) != right, place


def flipped(data: bytes, place: int, bits: int = 1) -> bytes:
    return data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :]


@pytest.mark.parametrize(
    "table",
    [
        certificate() + b"\0",
        certificate() + bytes(8),
        certificate() + b"appended",
        certificate()[:-8],
        struct.pack("<IHH", 8, 0x200, 2),
        struct.pack("<IHH", 0, 0x200, 2) + bytes(8),
        struct.pack("<IHH", 0xFFFFFFFF, 0x200, 2) + bytes(8),
        struct.pack("<IHH", 16, 0x300, 2) + b"\x30\x80" + bytes(6),
        struct.pack("<IHH", 24, 0x200, 1) + certificate()[8:24],
        struct.pack("<IHH", 48, 0x200, 2) + b"\x31\x82\0\x24" + bytes(36),
        struct.pack("<IHH", 48, 0x200, 2) + b"\x30\x24" + bytes(38),
        struct.pack("<IHH", 48, 0x200, 2) + b"\x30\x84\xff\xff\xff\xff" + bytes(34),
        struct.pack("<IHH", 48, 0x200, 2) + b"\x30\x82\0\x04" + bytes(36),
        struct.pack("<IHH", 48, 0x200, 2) + b"\x30\x82\0\x20" + bytes(32) + b"code",
        certificate() * 17,
    ],
)
def test_tables_that_hold_more_or_less_than_certificates_are_odd(table: bytes) -> None:
    with pytest.raises(OddError):
        digest(sign_windows(windows_program(), table))


def test_a_table_that_is_not_the_end_is_odd() -> None:
    made = sign_windows(windows_program(), certificate())
    _, entry = windows_fields(made)
    start, size = struct.unpack_from("<II", made, entry)
    for wrong in ((start + 8, size), (start, size - 8), (start - 8, size), (0, size), (start, 0),
                  (512, len(made) - 512), (start - 8, size + 8), (0xFFFFFFF8, 64)):  # fmt: skip
        changed = made[:entry] + struct.pack("<II", *wrong) + made[entry + 8 :]
        assert digest_or_odd(changed) == "odd", wrong
    with pytest.raises(OddError):
        digest(made + b"appended")
    gap = sign_windows(windows_program() + bytes(8), certificate())
    assert digest(gap) != digest(made)


@pytest.mark.parametrize("overlay", [b"PK\5\6" + bytes(18), b"x" * 4_194_302 + b"PK\5\6"])
def test_a_program_that_carries_an_archive_keeps_its_exact_bytes(overlay: bytes) -> None:
    with pytest.raises(OddError, match="archive"):
        digest(windows_program(overlay))
    in_a_section = windows_program().replace(bytes(range(1, 5)), b"PK\5\6", 1)
    assert digest(in_a_section)


@pytest.mark.parametrize(
    ("place", "form", "value"),
    [(60, "<I", 0), (60, "<I", 0xFFFFFFFF), (60, "<I", 1 << 20), (70, "<H", 0xFFFF),
     (84, "<H", 0), (84, "<H", 0xFFFF), (196, "<I", 4), (88, "<H", 0x107), (344, "<I", 0xFFFFFFFF),
     (348, "<I", 0xFFFFFFFF), (348, "<I", 256), (348, "<I", 520), (344, "<I", 513)],
)  # fmt: skip
def test_windows_headers_that_lie_are_odd(place: int, form: str, value: int) -> None:
    made = bytearray(windows_program())
    struct.pack_into(form, made, place, value)
    with pytest.raises(OddError):
        digest(bytes(made))


def test_headers_cannot_reach_into_the_certificates() -> None:
    made = bytearray(sign_windows(windows_program(), certificate()))
    struct.pack_into("<H", made, 64 + 6, 0)
    struct.pack_into("<H", made, 64 + 20, len(made) - 64 - 24)
    with pytest.raises(OddError, match="headers reach"):
        digest(bytes(made))


# --- Apple

STRINGS = [b"\0_main\0", b"\0_main\0\0", b"\0a\0", b"\0" + b"a" * 14 + b"\0", b"no end"]


@pytest.mark.parametrize("strings", STRINGS)
@pytest.mark.parametrize("stretch", [True, False])
def test_an_apple_program_signed_or_not_has_one_digest(strings: bytes, stretch: bool) -> None:
    program = apple_program(strings)
    once = sign_apple(program, super_blob(100), stretch=stretch)
    assert signed(once)
    assert not signed(program)
    again = sign_apple(once, super_blob(70_000, 1), stretch=stretch, spare=5000)
    remains = sign_apple(once, super_blob(100) + super_blob(5000), stretch=stretch)
    smaller = sign_apple(again, super_blob(32), stretch=stretch)
    for other in (once, again, remains, smaller, strip_apple(once), strip_apple(smaller)):
        assert digest(other) == digest(program)


def test_the_bare_apple_program_is_its_own() -> None:
    for strings in STRINGS:
        made = bare_bytes(sign_apple(apple_program(strings), super_blob(500)))
        assert bare_bytes(made) == made
        assert strip_apple(sign_apple(apple_program(strings), super_blob(500))) == made


def test_a_signature_command_in_the_middle_is_the_same() -> None:
    made = sign_apple(apple_program(), super_blob(100))
    found = [made[at : at + size] for _, at, size in commands(made)]
    moved = [found[0], found[3], found[1], found[2]]
    assert digest(made.replace(b"".join(found), b"".join(moved))) == digest(made)
    assert digest(made.replace(b"".join(found), b"".join(found[::-1]))) != digest(made)


def test_the_linkers_signature_may_be_replaced_and_taken_away(launchers: dict[str, bytes]) -> None:
    arm64, x64 = launchers["mac-arm64"], launchers["mac-x64"]
    assert signed(arm64)
    assert not signed(x64)
    for data in (arm64, x64):
        for size in (100, 4_000, 90_000):
            assert digest(sign_apple(data, super_blob(size))) == digest(data)
    assert digest(strip_apple(arm64)) == digest(arm64)
    assert not signed(strip_apple(arm64))


def test_the_linkers_signatures_under_two_names(tmp_path: Path) -> None:
    """The name is in the signature, whose size it changes; and in the UUID, which is put back."""
    (tmp_path / "x.c").write_text("int main(void) { return 0; }\n")
    made = []
    for name in ("a", "a-name-that-makes-the-signature-larger-by-more-than-its-alignment"):
        words = ["cc", "-target", "aarch64-macos", "-o", name, "x.c"]
        command = [sys.executable, "-m", "ziglang", *words]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        data = bytearray((tmp_path / name).read_bytes())
        (at,) = (at for number, at, _ in commands(data) if number == 0x1B)
        data[at + 8 : at + 24] = bytes(16)
        made.append(bytes(data))
    assert len(made[0]) < len(made[1])
    assert digest(made[0]) == digest(made[1])
    assert all(map(signed, made))


def own_bytes_apple(data: bytes) -> set[int]:
    """What a signature, or its going, may change."""
    own: set[int] = set()
    for number, at, size in commands(data):
        if number == SIGNATURE:
            (start,) = struct.unpack_from("<I", data, at + 8)
            own |= {*range(at, at + size), *range(start, len(data))}
        elif number == SYMTAB:
            own |= set(range(at + 20, at + 24))
        elif data[at + 8 : at + 24] == LINKEDIT:
            own |= {*range(at + 32, at + 40), *range(at + 48, at + 56)}
    return own


def test_any_other_change_to_an_apple_program_gives_another(launchers: dict[str, bytes]) -> None:
    for data in (sign_apple(apple_program(), super_blob(100)), launchers["mac-arm64"]):
        own, right = own_bytes_apple(data), digest(data)
        places = range(len(data)) if len(data) < 5000 else range(0, len(data), 97)
        for place in [*range(1024), *places]:
            if place not in own:
                assert digest_or_odd(flipped(data, place)) != right, place


def test_a_string_table_may_lose_zeros_but_no_name() -> None:
    made = sign_apple(apple_program(b"\0_main\0_other\0"), super_blob(100))
    (at,) = (at for number, at, _ in commands(made) if number == SYMTAB)
    start, size = struct.unpack_from("<II", made, at + 16)
    seen = set()
    for less in range(1, 16):
        changed = made[: at + 20] + struct.pack("<I", size - less) + made[at + 24 :]
        lost = made[start + size - less : start + size]
        seen.add(any(lost))
        assert (digest(changed) == digest(made)) is not any(lost)
    assert seen == {True, False}


@pytest.mark.parametrize(
    "blob",
    [
        bytes(100),
        struct.pack(">III", 0xFADE0CC0, 101, 0) + bytes(88),
        struct.pack(">III", 0xFADE0CC0, 0xFFFFFFFF, 0) + bytes(88),
        struct.pack(">III", 0xFADE0CC0, 100, 0xFFFFFFFF) + bytes(88),
        struct.pack(">III", 0xFADE0CC0, 100, 12) + bytes(88),
        b"\xfa\xde\x0c\xc0",
    ],
)
def test_signatures_of_another_shape_are_odd(blob: bytes) -> None:
    with pytest.raises(OddError):
        digest(sign_apple(apple_program(), blob))


def test_a_signature_that_is_not_the_end_is_odd() -> None:
    made = sign_apple(apple_program(), super_blob(96))
    (at,) = (at for number, at, _ in commands(made) if number == SIGNATURE)
    start, size = struct.unpack_from("<II", made, at + 8)
    for wrong in ((start - 16, size + 16), (start, size - 16), (start + 16, size - 16), (0, size),
                  (start, 0), (0xFFFFFFF0, 0x20), (32, len(made) - 32)):  # fmt: skip
        changed = made[: at + 8] + struct.pack("<II", *wrong) + made[at + 16 :]
        assert digest_or_odd(changed) == "odd", wrong
    with pytest.raises(OddError):
        digest(made + b"appended")


def test_what_follows_a_signature_inside_linkedit_is_odd() -> None:
    made = bytearray(sign_apple(apple_program(), super_blob(96), spare=32))
    (at,) = (at for number, at, _ in commands(made) if number == SIGNATURE)
    struct.pack_into("<I", made, at + 12, 96)
    made[-32:] = b"hidden".ljust(32, b"\0")
    with pytest.raises(OddError, match="its signature is 96 bytes"):
        digest(bytes(made))


def test_a_signature_off_the_boundary_is_odd() -> None:
    with pytest.raises(OddError, match="its signature is 92 bytes"):
        digest(sign_apple(apple_program(b"\0_main\0\0\0"), super_blob(92), boundary=4))


def test_a_program_of_32_bits() -> None:
    program = narrow_program()
    made = narrow_program(super_blob(200))
    assert digest(made) == digest(program) == digest(narrow_program(super_blob(4000)))
    assert signed(made)
    assert digest_or_odd(flipped(made, len(program) // 2)) != digest(program)
    huge = bytearray(program)
    struct.pack_into("<II", huge, 28 + 56 + 32, 512, 0xFFFFFFF1)
    struct.pack_into("<I", huge, 28 + 56 + 28, 0xFFFFFFFF)
    with pytest.raises(OddError, match="out of range"):
        bare(source(bytes(huge), 512 + 0xFFFFFFF1))


def narrow_program(blob: bytes = b"") -> bytes:
    """A program of 32 bits and what it becomes signed."""
    content = (bytes(range(250)) * 4)[:512]
    text = struct.pack("<II16sIIIIIIII", 1, 56, b"__TEXT", 0, 4096, 0, 512, 5, 5, 0, 0)
    last = (4096, -(-(512 + len(blob)) // 4096) * 4096, 512, 512 + len(blob))
    linkedit = struct.pack("<II16sIIIIIIII", 1, 56, LINKEDIT, *last, 1, 1, 0, 0)
    listed = [text, linkedit]
    if blob:
        listed.append(struct.pack("<IIII", SIGNATURE, 16, 1024, len(blob)))
    whole = b"".join(listed)
    head = struct.pack("<IIIIIII", 0xFEEDFACE, 7, 3, 2, len(listed), len(whole), 0)
    return (head + whole).ljust(512, b"\0") + content + blob


def test_a_command_where_the_first_section_is_cannot_hide_it() -> None:
    """Sixteen zero bytes at the section's start would look like the room for the command."""
    program = bytearray(apple_program(room=0))
    first = 32 + struct.unpack_from("<I", program, 20)[0]
    program[first : first + 16] = bytes(16)
    assert digest(bytes(program))
    with pytest.raises(OddError, match="first section"):
        digest(sign_apple(bytes(program), super_blob(100)))


def test_two_signature_commands_are_odd() -> None:
    made = bytearray(sign_apple(apple_program(), super_blob(100)))
    count, size = struct.unpack_from("<II", made, 16)
    made[32 + size : 48 + size] = made[16 + size : 32 + size]
    struct.pack_into("<II", made, 16, count + 1, size + 16)
    with pytest.raises(OddError):
        digest(bytes(made))


@pytest.mark.parametrize(
    ("place", "form", "value"),
    [(16, "<I", 0xFFFFFFFF), (16, "<I", 2), (20, "<I", 0xFFFFFFFF), (20, "<I", 1 << 19),
     (20, "<I", 0), (36, "<I", 0), (36, "<I", 4), (36, "<I", 0xFFFFFFF8), (36, "<I", 150),
     (96, "<I", 0xFFFFFFFF), (64, "<Q", 1 << 63), (72, "<Q", 1 << 62), (80, "<Q", 1 << 63)],
)  # fmt: skip
def test_apple_headers_that_lie_are_odd(place: int, form: str, value: int) -> None:
    made = bytearray(apple_program())
    struct.pack_into(form, made, place, value)
    with pytest.raises(OddError):
        digest(bytes(made))


# --- universal


def wide_program(reserved: int = 0) -> bytes:
    """A universal program whose offsets have 64 bits."""
    made = apple_program()
    row = struct.pack(">IIQQII", 0x01000007, 3, 48, len(made), 4, reserved)
    return (b"\xca\xfe\xba\xbf" + struct.pack(">I", 1) + row).ljust(48, b"\0") + made


def test_a_universal_program_is_its_programs(launchers: dict[str, bytes]) -> None:
    x64, arm64 = launchers["mac-x64"], launchers["mac-arm64"]
    right = digest(fat([x64, arm64]))
    for blob in (super_blob(100), super_blob(70_000)):
        both = fat([sign_apple(x64, blob), sign_apple(arm64, blob)])
        assert digest(both) == right
        assert signed(both)
    half = fat([x64, sign_apple(arm64, super_blob(5000))])
    assert digest(half) == right
    assert not signed(half)
    assert digest(fat([x64])) != right
    assert digest(fat([x64])) != digest(x64)
    for place in (20, len(x64) // 2):
        assert digest_or_odd(fat([flipped(x64, place), arm64])) != right


def test_wide_offsets_and_two_programs_for_one_processor() -> None:
    assert digest(wide_program())
    made = apple_program()
    rows = [(0x01000007, 3, place, len(made), 4) for place in (48, 48 + len(padded(made, 16)))]
    head = b"\xca\xfe\xba\xbe" + struct.pack(">I", 2)
    head += b"".join(struct.pack(">IIIII", *row) for row in rows)
    with pytest.raises(OddError, match="one processor"):
        digest(head + padded(made, 16) + made)


def test_nothing_hides_between_universal_programs(launchers: dict[str, bytes]) -> None:
    made = fat([launchers["mac-x64"], launchers["mac-arm64"]])
    own = set()
    for at in (8, 28):
        offset, size = struct.unpack_from(">II", made, at + 8)
        own |= {*range(offset, offset + size), *range(at + 16, at + 20)}  # it, its alignment
    gaps = [place for place in range(len(made)) if place not in own]
    for place in [*gaps[:300], *gaps[300::61]]:
        assert digest_or_odd(flipped(made, place)) != digest(made), place
    with pytest.raises(OddError):
        digest(made + bytes(1))


@pytest.mark.parametrize(
    "data",
    [
        b"\xca\xfe\xba\xbe" + struct.pack(">I", 0xFFFFFFFF) + bytes(100),
        b"\xca\xfe\xba\xbe" + struct.pack(">I", 0),
        b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(4000),
        b"\xca\xfe\xba\xbe" + struct.pack(">IIIIII", 1, 7, 3, 0, 0xFFFFFFFF, 0),
        b"\xca\xfe\xba\xbe" + struct.pack(">IIIIII", 1, 7, 3, 28, 0xFFFFFFFF, 0),
        b"\xca\xfe\xba\xbe" + struct.pack(">IIIIII", 1, 7, 3, 28, 0, 0),
        b"\xca\xfe\xba\xbe" + struct.pack(">IIIIII", 1, 7, 3, 28, 32, 0xFFFFFFFF) + bytes(32),
        b"\xca\xfe\xba\xbf" + struct.pack(">IIIQQII", 1, 7, 3, 1 << 63, 1 << 63, 0, 0),
        b"\xca\xfe\xba\xbf" + struct.pack(">IIIQQII", 1, 7, 3, 40, 8, 0, 0) + b"!<arch>\n",
        wide_program(reserved=1),
        apple_program()[:20] + b"\xff\xff\xff\xff" + apple_program()[24:],
        b"MZ",
        b"",
        b"\xcf\xfa\xed\xfe",
        b"\x7fELF" + bytes(200),
    ],
)
def test_hostile_heads_are_odd(data: bytes) -> None:
    for size in (None, 1 << 40):
        with pytest.raises(OddError):
            bare(source(data, size))


# --- all of them

PROGRAMS: list[Callable[[], bytes]] = [
    lambda: sign_windows(windows_program(b"x"), certificate()),
    lambda: sign_apple(apple_program(), super_blob(100)),
    lambda: fat([apple_program(), arm_program()]),
]


def arm_program() -> bytes:
    made = bytearray(sign_apple(apple_program(), super_blob(64)))
    struct.pack_into("<I", made, 4, 0x0100000C)
    return bytes(made)


@pytest.mark.parametrize("make", PROGRAMS)
def test_a_program_cut_off_anywhere_is_another(make: Callable[[], bytes]) -> None:
    data = make()
    ends = {*range(1500), *range(0, len(data), 61), *range(len(data) - 200, len(data))}
    for end in sorted(ends & set(range(len(data)))):
        assert digest_or_odd(data[:end]) != digest(data), end


@pytest.mark.parametrize("make", PROGRAMS)
@given(data=st.data())
def test_wild_headers_are_read_or_odd(make: Callable[[], bytes], data: st.DataObject) -> None:
    """Never another exception, never much memory; and the bare file is its own bare file."""
    made = bytearray(make())
    for _ in range(data.draw(st.integers(1, 4))):
        place = 4 * data.draw(st.integers(0, 110))
        value = data.draw(st.sampled_from([0, 1, 8, 16, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]))
        struct.pack_into(data.draw(st.sampled_from("<>")) + "I", made, place, value)
    size = data.draw(st.sampled_from([None, 1 << 22]))
    try:
        found = bare(source(bytes(made), size))
    except OddError:
        return
    if size is None and not made.startswith(b"\xca\xfe"):
        assert digest(bare_bytes(bytes(made))) == found.sha256


def test_only_programs_of_these_systems_are_looked_at() -> None:
    heads = {b"MZ\x90\0": True, b"\x7fELF": False, b"\xcf\xfa\xed\xfe": True, b"": False}
    for head, expected in heads.items():
        assert bare_module.is_signable(head) is expected
