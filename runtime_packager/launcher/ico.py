"""Reads ``.ico`` files: what Windows shows for a program, in several sizes.

The file's directory is that of Microsoft's "Icons" (``ICONDIR``, ``ICONDIRENTRY``); an image is a
PNG file, or a ``BITMAPINFOHEADER`` with its pixels and a mask, which doubles the height it states.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from runtime_packager.errors import InputError

SIZE_LIMIT = 1024 * 1024
"""Bytes an icon file may have: every size up to 256 without compression takes 400 KB."""

_HEADER = struct.Struct("<HHH")
_ENTRY = struct.Struct("<BBBBHHII")
_GROUP_ENTRY = struct.Struct("<BBBBHHIH")
_BITMAP = struct.Struct("<IiiHHI")
_ICON = 1
"""The type in the header; 2 is a cursor."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_DEPTHS = (1, 4, 8, 24, 32)
"""Bits a pixel of a bitmap may have, without compression."""


@dataclass(frozen=True, slots=True)
class Image:
    """One size of an icon.

    :param entry: what the file's directory says of it, up to the number of bytes.
    :param data: a PNG file or a bitmap.
    """

    entry: tuple[int, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Icon:
    """An icon whose every image lies in its file and has the size that is stated."""

    images: tuple[Image, ...]

    def group(self) -> bytes:
        """The resource that says which image is which; they are numbered from 1.

        ``GRPICONDIR`` of Microsoft's "Icons": as in a file, but for numbers instead of offsets.
        """
        rows = [_GROUP_ENTRY.pack(*image.entry, n) for n, image in enumerate(self.images, 1)]
        return _HEADER.pack(0, _ICON, len(rows)) + b"".join(rows)


def read_icon(data: bytes) -> Icon:
    """The icon in the bytes of an ``.ico`` file.

    :raises InputError: when it is no such file, or naming every image that Windows cannot show.
    """
    _require_icon(data)
    (count,) = struct.unpack_from("<H", data, 4)
    first = _HEADER.size + _ENTRY.size * count
    if len(data) < first:
        raise InputError(f"it is cut off: {count} images take {first} bytes, it has {len(data)}")
    images, problems = [], []
    for n in range(count):
        *entry, offset = _ENTRY.unpack_from(data, _HEADER.size + _ENTRY.size * n)
        image = Image(tuple(entry), data[offset : offset + entry[-1]])
        if offset < first or offset + entry[-1] > len(data):
            reach = f"bytes {offset} to {offset + entry[-1]}"
            problems.append(f"image {n + 1}: expected within {first} to {len(data)}, is {reach}")
        elif problem := _problem(image):
            problems.append(f"image {n + 1}: {problem}")
        images.append(image)
    if problems:
        raise InputError("Windows could not show it", details=problems)
    return Icon(tuple(images))


def _require_icon(data: bytes) -> None:
    make = "make an .ico of it, with sizes from 16 to 256"
    if len(data) > SIZE_LIMIT:
        raise InputError(f"expected at most {SIZE_LIMIT} bytes, has {len(data)} or more")
    if data.startswith(_PNG):
        raise InputError("expected an .ico file, is a PNG image", make)
    if len(data) < _HEADER.size:
        raise InputError(f"expected an .ico file, has {len(data)} bytes")
    reserved, kind, count = _HEADER.unpack_from(data)
    if (reserved, kind) != (0, _ICON):
        raise InputError(f"expected an .ico file, begins with {data[:4].hex(' ')}", make)
    if not count:
        raise InputError("it holds no image", make)


def _problem(image: Image) -> str | None:
    width, height = (side or 256 for side in image.entry[:2])
    if image.data.startswith(_PNG):
        return _png_problem(image.data, width, height)
    return _bitmap_problem(image.data, width, height)


def _png_problem(data: bytes, width: int, height: int) -> str | None:
    if len(data) < 33 or _PNG_END not in data[33:]:
        return f"expected a whole PNG image, it ends after {len(data)} bytes"
    actual = struct.unpack_from(">II", data, 16)
    if actual != (width, height):
        return f"expected {width} x {height} pixels, the PNG has {actual[0]} x {actual[1]}"
    return None


def _bitmap_problem(data: bytes, width: int, height: int) -> str | None:
    if len(data) < 40:
        return f"expected a PNG image or a bitmap, has {len(data)} bytes"
    header, wide, high, planes, depth, compression = _BITMAP.unpack_from(data)
    if (header, planes, compression) != (40, 1, 0) or depth not in _DEPTHS:
        return f"expected a PNG image or a plain bitmap, begins with {data[:16].hex(' ')}"
    if (wide, high) != (width, 2 * height):
        return f"expected {width} x {height} pixels, the bitmap has {wide} x {high / 2:g}"
    palette = (struct.unpack_from("<I", data, 32)[0] or 1 << depth) if depth <= 8 else 0
    need = 40 + 4 * palette + height * _row(width * depth) + height * _row(width)
    if len(data) < need:
        return f"expected {need} bytes of bitmap and mask, has {len(data)}"
    return None


def _row(bits: int) -> int:
    """Bytes of a bitmap's row: whole groups of four."""
    return (bits + 31) // 32 * 4
