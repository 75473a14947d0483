"""Programs for Windows: a made-up one, and what others read out of one."""

from __future__ import annotations

import io
import struct

import lief
import pefile


def parsed(program: bytes) -> lief.PE.Binary:
    binary = lief.PE.parse(io.BytesIO(program))
    assert isinstance(binary, lief.PE.Binary)
    return binary


def texts(program: bytes) -> dict[str, str]:
    binary = pefile.PE(data=program)
    (children,) = binary.FileInfo
    (strings,) = [child for child in children if child.Key == b"StringFileInfo"]
    (table,) = strings.StringTable
    return {key.decode(): value.decode() for key, value in table.entries.items()}


def resources(program: bytes) -> dict[tuple[int, int], bytes]:
    """What is found by walking the directories as a loader does."""
    binary = pefile.PE(data=program)
    found = {}
    for kind in binary.DIRECTORY_ENTRY_RESOURCE.entries:
        for name in kind.directory.entries:
            (language,) = name.directory.entries
            place = language.data.struct
            found[kind.id, name.id] = binary.get_data(place.OffsetToData, place.Size)
    assert list(found) == sorted(found), "loaders search the directories by halves"
    return found


def program() -> bytes:
    """The smallest program that can be given resources: headers and one section."""
    image = bytearray(0x600)
    image[:2], image[0x80:0x84] = b"MZ", b"PE\0\0"
    struct.pack_into("<I", image, 0x3C, 0x80)
    struct.pack_into("<HH12xHH", image, 0x84, 0x8664, 1, 240, 0x22)
    struct.pack_into("<H", image, 0x98, 0x20B)
    struct.pack_into("<II", image, 0xB8, 0x1000, 0x200)  # alignments
    struct.pack_into("<II", image, 0x98 + 56, 0x2000, 0x400)  # sizes of image and headers
    struct.pack_into("<H", image, 0x98 + 68, 2)
    struct.pack_into("<I", image, 0x98 + 108, 16)
    struct.pack_into("<8sIIII12xI", image, 0x188, b".text", 16, 0x1000, 0x200, 0x400, 0x60000020)
    return bytes(image)


def damaged(at: int, form: str, *values: int) -> bytes:
    image = bytearray(program())
    struct.pack_into(form, image, at, *values)
    return bytes(image)
