"""Gives a Windows program that has no resources a ``.rsrc`` section, on any host.

Structures and rules from Microsoft's "PE Format": the headers, "The .rsrc Section", "Checksum"
(what ``CheckSumMappedFile`` computes). Nothing in the bytes depends on time or machine, and no
byte of the program moves: its headers change, and the section is put behind it.
"""

from __future__ import annotations

import array
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from runtime_packager.errors import BuildError

ENGLISH = 0x0409
"""The language every resource is under, US English; Windows takes what there is for any user."""

_SECTION = struct.Struct("<8sIIIIIIHHI")
_DIRECTORY = struct.Struct("<IIHHHH")
_DATA_ENTRY = struct.Struct("<IIII")
_PE32_PLUS = 0x20B
_READ_ONLY_DATA = 0x40000040
"""``IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ``."""

_IS_DIRECTORY = 0x80000000
"""Set in an entry that leads to a further directory rather than to data."""

_HIGHEST = 1 << 30
"""Addresses and sizes stay below this many bytes; the launcher's are below a megabyte."""

_INITIALIZED, _ALIGNMENTS, _IMAGE_SIZE, _CHECKSUM, _DIRECTORY_COUNT, _DIRECTORIES = (
    8, 32, 56, 64, 108, 112,
)  # fmt: skip
"""Offsets in the optional header of a 64-bit program."""

_RESOURCES, _CERTIFICATES = 2, 4
"""Indices of the optional header's data directories."""


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """One resource.

    :param kind: its type, such as 16 for ``RT_VERSION``.
    :param name: its number among those of its type.
    """

    kind: int
    name: int
    data: bytes


_Tree = dict[int, dict[int, dict[int, bytes]]]
"""Kind -> name -> language -> data."""


@dataclass(frozen=True, slots=True)
class _Headers:
    """What is read from a program's headers. Offsets count from the start of the file.

    :param coff: offset of the COFF header.
    :param table: offset of the section table's end, where another section's header goes.
    :param optional: offset of the optional header.
    :param virtual_end: address behind the last section, in bytes from the image's base.
    """

    coff: int
    optional: int
    table: int
    sections: int
    section_alignment: int
    file_alignment: int
    virtual_end: int

    def directory(self, index: int) -> int:
        return self.optional + _DIRECTORIES + 8 * index


def add_resources(image: bytes, resources: Sequence[Resource]) -> bytes:
    """The 64-bit program ``image`` with ``resources`` and a valid checksum.

    :raises BuildError: when it is no such program, is signed, has resources, has data behind its
        last section, or has no room for one more section.
    """
    headers = _read(image)
    address = _aligned(headers.virtual_end, headers.section_alignment)
    content = _section(resources, address)
    padded = content.ljust(_aligned(len(content), headers.file_alignment), b"\0")
    made = bytearray(image + padded)
    place = (len(content), address, len(padded), len(image))
    section = _SECTION.pack(b".rsrc", *place, 0, 0, 0, 0, _READ_ONLY_DATA)
    made[headers.table : headers.table + _SECTION.size] = section
    struct.pack_into("<H", made, headers.coff + 2, headers.sections + 1)
    initialized = _word(image, headers.optional + _INITIALIZED) + len(padded)
    end = _aligned(address + len(content), headers.section_alignment)
    struct.pack_into("<I", made, headers.optional + _INITIALIZED, initialized)
    struct.pack_into("<I", made, headers.optional + _IMAGE_SIZE, end)
    struct.pack_into("<II", made, headers.directory(_RESOURCES), address, len(content))
    struct.pack_into("<I", made, headers.optional + _CHECKSUM, 0)
    struct.pack_into("<I", made, headers.optional + _CHECKSUM, checksum(bytes(made)))
    return bytes(made)


def checksum(image: bytes) -> int:
    """A program's checksum, its own field being zero: 16-bit words added with their carries,
    plus the length."""
    words = array.array("H", image + b"\0" * (len(image) % 2))
    if sys.byteorder == "big":
        words.byteswap()
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total + len(image)


def _read(image: bytes) -> _Headers:
    try:
        headers, problem = _parse(image)
    except (struct.error, ValueError) as error:
        raise BuildError(f"the launcher is no 64-bit Windows program: {error}") from error
    if problem:
        raise BuildError(
            f"the launcher cannot be given resources: {problem}",
            "build it anew: python -m runtime_packager.launcher.build",
        )
    return headers


def _parse(image: bytes) -> tuple[_Headers, str | None]:
    """The headers, and why there can be no resources; raises ValueError for another format."""
    coff = _word(image, 0x3C) + 4
    optional = coff + 20
    signature, (magic,) = image[coff - 4 : coff], struct.unpack_from("<H", image, optional)
    if image[:2] != b"MZ" or signature != b"PE\0\0" or magic != _PE32_PLUS:
        raise ValueError(f"it begins with {image[:2]!r}, {signature!r}, {magic:#x}")
    count, optional_size = struct.unpack_from("<H12xH", image, coff + 2)
    start = optional + optional_size
    sections = [_SECTION.unpack_from(image, start + _SECTION.size * n) for n in range(count)]
    section_alignment, file_alignment = struct.unpack_from("<II", image, optional + _ALIGNMENTS)
    headers = _Headers(
        coff=coff,
        optional=optional,
        table=start + _SECTION.size * count,
        sections=count,
        section_alignment=section_alignment,
        file_alignment=file_alignment,
        virtual_end=max(section[2] + max(section[1], section[3]) for section in sections),
    )
    if not headers.section_alignment or not headers.file_alignment:
        raise ValueError("its sections have no alignment")
    reach = headers.virtual_end + headers.section_alignment
    if max(reach, _word(image, optional + _INITIALIZED)) > _HIGHEST:
        raise ValueError("its headers state more than a gigabyte")
    return headers, _obstacle(image, headers, [s for s in sections if s[3]])


def _obstacle(image: bytes, headers: _Headers, stored: Sequence[tuple[int, ...]]) -> str | None:
    """Why there can be no resources; ``stored`` are the sections that have bytes in the file."""
    if _word(image, headers.optional + _DIRECTORY_COUNT) <= _CERTIFICATES:
        return "its headers name too few data directories"
    if any(struct.unpack_from("<II", image, headers.directory(_RESOURCES))):
        return "it has resources already"
    if any(struct.unpack_from("<II", image, headers.directory(_CERTIFICATES))):
        return "it is signed, and another byte would break the signature"
    end = max(section[4] + section[3] for section in stored)
    if end != len(image) or end % headers.file_alignment:
        return f"its last section ends at byte {end}, the file at {len(image)}"
    room = min(section[4] for section in stored)
    free = image[headers.table : headers.table + _SECTION.size]
    if headers.table + _SECTION.size > room or any(free):
        return "its headers have no room for another section"
    return None


def _section(resources: Sequence[Resource], address: int) -> bytes:
    """The section's content: directories of kinds, names and languages, data entries, data.

    :param address: where the section will be loaded, in bytes from the image's base.
    """
    root: _Tree = {}
    for found in sorted(resources):
        root.setdefault(found.kind, {})[found.name] = {ENGLISH: found.data}
    kinds = list(root.values())
    names = [name for kind in kinds for name in kind.values()]
    directories: list[Mapping[int, object]] = [root, *kinds, *names]
    data = [content for name in names for content in name.values()]
    starts = list(accumulate((16 + 8 * len(found) for found in directories), initial=0))
    entries = starts[-1]
    begin = _aligned(entries + _DATA_ENTRY.size * len(data), 8)
    places = list(accumulate((_aligned(len(content), 8) for content in data), initial=begin))
    below = iter([
        *(_IS_DIRECTORY | start for start in starts[1:-1]),
        *range(entries, begin, _DATA_ENTRY.size),
    ])  # fmt: skip
    head = b"".join(
        _DIRECTORY.pack(0, 0, 0, 0, 0, len(found))
        + b"".join(struct.pack("<II", key, next(below)) for key in found)
        for found in directories
    )
    head += b"".join(
        _DATA_ENTRY.pack(address + place, len(content), 0, 0)
        for place, content in zip(places, data, strict=False)
    )
    padded = (content.ljust(_aligned(len(content), 8), b"\0") for content in data)
    return b"".join([head.ljust(begin, b"\0"), *padded])


def _aligned(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


def _word(image: bytes, offset: int) -> int:
    (value,) = struct.unpack_from("<I", image, offset)
    return int(value)
