"""Small programs, and what signing tools do to any: from the formats, apart from our readers."""

from __future__ import annotations

import struct
from collections.abc import Iterator

PAGE = 0x4000
DATA = bytes(range(1, 256)) * 3


# --- Windows


def windows_program(overlay: bytes = b"") -> bytes:
    """A 64-bit program with one section; nothing could run it."""
    optional = struct.pack("<H106xI", 0x20B, 16) + bytes(128)
    coff = struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, len(optional), 0x22)
    section = struct.pack("<8sIIII16x", b".text", 512, 0x1000, 512, 512)
    head = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + coff + optional + section
    return head.ljust(512, b"\0") + (DATA * 2)[:512] + overlay


def windows_fields(data: bytes) -> tuple[int, int]:
    """Where a 64-bit program's checksum and its certificate table's directory entry are."""
    (header,) = struct.unpack_from("<I", data, 60)
    return header + 24 + 64, header + 24 + 144


def certificate(content: int = 40, fill: int = 7) -> bytes:
    """A certificate that holds something of the right shape."""
    body = bytes([0x30, 0x82]) + struct.pack(">H", content) + bytes([fill]) * content
    return struct.pack("<IHH", 8 + len(body), 0x200, 2) + padded(body, 8)


def sign_windows(data: bytes, table: bytes, *, checksum: int = 0x1234) -> bytes:
    """``data``, unsigned, with a certificate table."""
    made = bytearray(padded(data, 8))
    where, entry = windows_fields(data)
    struct.pack_into("<I", made, where, checksum)
    struct.pack_into("<II", made, entry, len(made), len(table))
    return bytes(made) + table


# --- Apple

LINKEDIT, SYMTAB, SIGNATURE = b"__LINKEDIT".ljust(16, b"\0"), 0x2, 0x1D


def apple_program(strings: bytes = b"\0_main\0", room: int = 64) -> bytes:
    """A 64-bit program with a section, symbols and no signature; nothing could run it.

    :param room: bytes between the load commands and the first section.
    """
    text, table = DATA[:640], bytes(range(32))
    commands = 152 + 72 + 24
    first = 32 + commands + room
    end = first + len(text)
    symbols = struct.pack("<IIIIII", SYMTAB, 24, end, 2, end + len(table), len(strings))
    section = struct.pack("<16s16sQQI28x", b"__text", b"__TEXT", first, len(text), first)
    size = len(table) + len(strings)
    whole = (
        struct.pack("<II16sQQQQIIII", 0x19, 152, b"__TEXT", 0, PAGE, 0, end, 5, 5, 1, 0) + section,
        symbols,
        struct.pack("<II16sQQQQIIII", 0x19, 72, LINKEDIT, PAGE, PAGE, end, size, 1, 1, 0, 0),
    )
    header = struct.pack("<IIIIIIII", 0xFEEDFACF, 0x01000007, 3, 2, 3, commands, 0, 0)
    return header + b"".join(whole) + bytes(room) + text + table + strings


def commands(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Number, offset and size of each load command."""
    (count,) = struct.unpack_from("<I", data, 16)
    at = 32
    for _ in range(count):
        number, size = struct.unpack_from("<II", data, at)
        yield number, at, size
        at += size


def super_blob(size: int, fill: int = 7) -> bytes:
    """Something with a signature's outer shape, ``size`` bytes from 32 on."""
    inner = struct.pack(">II", 0xFADE0C02, size - 20) + bytes([fill]) * (size - 28)
    return struct.pack(">IIIII", 0xFADE0CC0, size, 1, 0, 20) + inner


def sign_apple(
    data: bytes, blob: bytes, *, stretch: bool = True, spare: int = 0, boundary: int = 16
) -> bytes:
    """``data`` with this signature in place of the one it may have, as codesign does it.

    :param stretch: let the string table reach up to the signature, as some tools do.
    :param spare: zeros behind the blob, as where room was reserved for a larger one.
    :param boundary: of the signature, in bytes; real ones have 16.
    """
    made = bytearray(data)
    place = next((at for number, at, _ in commands(data) if number == SIGNATURE), None)
    end = struct.unpack_from("<I", data, place + 8)[0] if place else len(data)
    if place is None:
        count, size = struct.unpack_from("<II", made, 16)
        place = 32 + size
        assert not any(made[place : place + 16])
        struct.pack_into("<II", made, 16, count + 1, size + 16)
    made = bytearray(padded(bytes(made[:end]), boundary))
    content = blob + bytes(spare)
    struct.pack_into("<IIII", made, place, SIGNATURE, 16, len(made), len(content))
    _resize(made, len(made) + len(content))
    if stretch:
        _stretch(made, len(made))
    return bytes(made) + content


def strip_apple(data: bytes) -> bytes:
    """``data`` without its signature, as ``codesign --remove-signature`` leaves it."""
    found = list(commands(data))
    (place,) = (at for number, at, _ in found if number == SIGNATURE)
    (end,) = struct.unpack_from("<I", data, place + 8)
    made = bytearray(data[:end])
    last = found[-1][1] + found[-1][2]
    made[place:last] = made[place + 16 : last] + bytes(16)
    count, size = struct.unpack_from("<II", made, 16)
    struct.pack_into("<II", made, 16, count - 1, size - 16)
    _resize(made, end)
    return bytes(made)


def _resize(made: bytearray, end: int) -> None:
    (at,) = (at for number, at, _ in commands(made) if made[at + 8 : at + 24] == LINKEDIT)
    (start,) = struct.unpack_from("<Q", made, at + 40)
    struct.pack_into("<Q", made, at + 32, -(-(end - start) // PAGE) * PAGE)
    struct.pack_into("<Q", made, at + 48, end - start)


def _stretch(made: bytearray, end: int) -> None:
    for number, at, _ in commands(made):
        start, size = struct.unpack_from("<II", made, at + 16) if number == SYMTAB else (0, 0)
        if size and end - 16 < start + size:
            struct.pack_into("<I", made, at + 20, end - start)


def padded(data: bytes, alignment: int) -> bytes:
    return data + bytes(-len(data) % alignment)
