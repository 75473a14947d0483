"""Icons for tests, right and wrong ones."""

from __future__ import annotations

import struct
import zlib


def bitmap(side: int, depth: int = 32) -> bytes:
    """A black bitmap as icons hold it, with its mask."""
    palette = bytes(4 << depth) if depth <= 8 else b""
    header = struct.pack("<IiiHHIIiiII", 40, side, 2 * side, 1, depth, 0, 0, 0, 0, 0, 0)
    rows = (side * depth + 31) // 32 * 4 + (side + 31) // 32 * 4
    return header + palette + bytes(rows * side)


def png(side: int) -> bytes:
    """A black PNG image."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    lines = zlib.compress(bytes((side + 1) * side))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", lines), (b"IEND", b""))
    )


def ico(*images: tuple[int, bytes], offset: int | None = None, extra: int = 0) -> bytes:
    """An icon file of (side, image) pairs.

    :param offset: stated for every image, instead of where it is.
    :param extra: bytes that each image is stated to have more.
    """
    place, entries = 6 + 16 * len(images), b""
    for side, data in images:
        stated = (len(data) + extra, place if offset is None else offset)
        entries += struct.pack("<BBBBHHII", side % 256, side % 256, 0, 0, 1, 32, *stated)
        place += len(data)
    return struct.pack("<HHH", 0, 1, len(images)) + entries + b"".join(d for _, d in images)


GOOD = ico((16, bitmap(16)), (32, bitmap(32, 8)), (256, png(256)))
