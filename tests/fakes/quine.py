"""A gzip file that unpacks to itself: who unpacks whatever comes out never comes to an end.

Deflate as a language of two instructions, as Russ Cox described it ("Zip Files All The Way Down",
2010): *say* puts out the bytes that stand behind it, *repeat* the last bytes that were put out.
With every repeated piece 20 bytes long there is one repeat, and it is as long as a say. What is
left is the file's own CRC-32, which stands in it twice: a CRC is linear in the bits of what it is
of, so 32 equations say which value comes out as itself.
"""

from __future__ import annotations

import struct
import zlib

UNIT = 20
"""Bytes in every piece that is repeated."""

_NAME = b"self\0"
_HEAD = struct.pack("<2sBBL2B", b"\x1f\x8b", 8, 8, 0, 0, 255) + _NAME
"""RFC 1952: deflate, a name, no time; 15 bytes, with the say behind it 20."""
_EMPTY = b"\x00\x00\x00\xff\xff"
_LAST = b"\x03\x00"
"""A last block that holds nothing."""


def gzip_quine() -> bytes:
    """The same bytes on every machine."""
    size = len(_with_crc(0, 0))
    base = zlib.crc32(_with_crc(0, size))
    columns = [zlib.crc32(_with_crc(1 << bit, size)) ^ base ^ 1 << bit for bit in range(32)]
    return _with_crc(_solved(columns, base), size)


def _with_crc(crc: int, size: int) -> bytes:
    tail = _EMPTY + _LAST + struct.pack("<2L", crc, size)
    one, four, repeat = _say(5), _say(UNIT), _repeat()
    # Each of these is said once and repeated once, so it stands twice in what comes out.
    first = _HEAD + four
    second = repeat + one + one + four
    third = repeat + four + repeat + four
    fourth = repeat + _EMPTY * 2 + four
    last = repeat + tail
    return b"".join(
        (
            *(_HEAD, four, first, repeat),
            *(one, repeat, one, one),
            *(four, second, repeat),
            *(four, third, repeat),
            *(four, fourth, repeat),
            *(_EMPTY * 2, four, last, repeat, tail),
        )
    )


def _say(size: int) -> bytes:
    """RFC 1951, 3.2.4: a stored block's header; its bytes follow."""
    return struct.pack("<BHH", 0, size, size ^ 0xFFFF)


def _repeat() -> bytes:
    """RFC 1951, 3.2.6: fixed codes, twice 10 bytes from 20 before; 40 bits, as long as a say."""
    half = f"{264 - 256:07b}" + f"{8:05b}" + f"{UNIT - 17:03b}"[::-1]
    bits = "0" + "10" + half * 2 + "0" * 7
    return int(bits[::-1], 2).to_bytes(len(bits) // 8, "little")


def _solved(columns: list[int], wanted: int) -> int:
    """The bits of which the columns add up to ``wanted``, by elimination over GF(2)."""
    rows: dict[int, tuple[int, int]] = {}
    for bit, column in enumerate(columns):
        left, of = _reduced(column, 1 << bit, rows)
        assert left, "another name gives another system"
        rows[left.bit_length()] = (left, of)
    left, of = _reduced(wanted, 0, rows)
    assert not left
    return of


def _reduced(value: int, of: int, rows: dict[int, tuple[int, int]]) -> tuple[int, int]:
    for top in sorted(rows, reverse=True):
        if value.bit_length() == top:
            value, of = value ^ rows[top][0], of ^ rows[top][1]
    return value, of
