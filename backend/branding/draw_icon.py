"""Draws the icons: a low-rank update, one column times one row.

``peft-studio.ico`` beside this file is Windows': the two small sizes are bitmaps, which every
reader of icons knows, the others PNG images. From ``electron/build/icon.png`` electron-builder
makes the icons of Linux and macOS.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

BITMAPS, PNGS = (16, 32), (24, 48, 256)
DESKTOP = Path(__file__).parents[2] / "electron/build/icon.png"
DESKTOP_SIDE = 512
"""Pixels; macOS wants that many at least."""

SAMPLES = 4
"""Points a side at which each pixel is looked at, so that its edges are smooth."""

Colour = tuple[int, int, int]
BACKGROUND, PRODUCT, COLUMN, ROW = (38, 40, 96), (84, 88, 168), (255, 183, 77), (77, 208, 196)

SHAPES: tuple[tuple[float, float, float, float, Colour], ...] = (
    (0.42, 0.42, 0.82, 0.82, PRODUCT),
    (0.18, 0.42, 0.32, 0.82, COLUMN),
    (0.42, 0.18, 0.82, 0.32, ROW),
)
"""Rectangles on the unit square: left, top, right, bottom, colour."""

CORNER = 0.18


def main() -> None:
    """Write the files."""
    images = {side: bitmap(draw(side)) for side in BITMAPS}
    images |= {side: png(draw(side)) for side in PNGS}
    offset = 6 + 16 * len(images)
    entries = data = b""
    for side in sorted(images):
        stated = side % 256
        row = (stated, stated, 0, 0, 1, 32, len(images[side]), offset + len(data))
        entries += struct.pack("<BBBBHHII", *row)
        data += images[side]
    icon = struct.pack("<HHH", 0, 1, len(images)) + entries + data
    Path(__file__).with_name("peft-studio.ico").write_bytes(icon)
    DESKTOP.write_bytes(png(draw(DESKTOP_SIDE)))


def draw(side: int) -> list[list[tuple[int, int, int, int]]]:
    """Rows of red, green, blue and opacity."""
    return [[pixel(x, y, side) for x in range(side)] for y in range(side)]


def pixel(x: int, y: int, side: int) -> tuple[int, int, int, int]:
    """The mean of the points inside one pixel."""
    step = 1 / (side * SAMPLES)
    points = [
        colour(x / side + (i + 0.5) * step, y / side + (j + 0.5) * step)
        for i in range(SAMPLES)
        for j in range(SAMPLES)
    ]
    inside = [point for point in points if point]
    if not inside:
        return 0, 0, 0, 0
    red, green, blue = (round(sum(point[n] for point in inside) / len(inside)) for n in range(3))
    return red, green, blue, round(255 * len(inside) / len(points))


def colour(x: float, y: float) -> Colour | None:
    """What is at a point of the unit square; nothing outside the rounded background."""
    dx, dy = max(CORNER - x, x - 1 + CORNER, 0), max(CORNER - y, y - 1 + CORNER, 0)
    if dx * dx + dy * dy > CORNER * CORNER:
        return None
    for left, top, right, bottom, found in SHAPES:
        if left <= x < right and top <= y < bottom:
            return found
    return BACKGROUND


def bitmap(rows: list[list[tuple[int, int, int, int]]]) -> bytes:
    """A bitmap as icons hold it: from the bottom up, and a mask that hides nothing."""
    side = len(rows)
    header = struct.pack("<IiiHHIIiiII", 40, side, 2 * side, 1, 32, 0, 0, 0, 0, 0, 0)
    pixels = b"".join(bytes((b, g, r, a)) for row in reversed(rows) for r, g, b, a in row)
    return header + pixels + bytes((side + 31) // 32 * 4 * side)


def png(rows: list[list[tuple[int, int, int, int]]]) -> bytes:
    """The same as a PNG image."""
    lines = b"".join(b"\0" + b"".join(bytes(point) for point in row) for row in rows)
    header = struct.pack(">IIBBBBB", len(rows), len(rows), 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


if __name__ == "__main__":
    main()
