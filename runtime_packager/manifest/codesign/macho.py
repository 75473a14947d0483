"""Apple's programs and libraries for one processor without their code signature.

From Apple's ``<mach-o/loader.h>`` and ``cs_blobs.h``. Signing adds the command
``LC_CODE_SIGNATURE`` behind the others (or changes the one that is there), appends the signature
to the file, on a 16-byte boundary, and so to the segment ``__LINKEDIT``, and lets a string table
that ends there reach up to the boundary. The bare file has no such command and no signature; zeros
up to the boundary, also when it was never signed; and a ``__LINKEDIT``, and string table, that
ends there.

Odd, besides what contradicts itself: a signature that is not the end of the file or does not begin
with Apple's "super blob"; a ``__LINKEDIT`` that is not the last segment, in the file and in memory,
or takes more of that than a larger signature, which was replaced, explains; commands that reach
into the first section, where a further command would take its bytes. What is behind the super blob
is the signature's: codesign reserves 18,000 bytes, and leaves there what the one before had.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runtime_packager.manifest.codesign.source import OddError, Recipe, Source, Span, aligned

BOUNDARY = 16
PAGE = 0x4000
"""Bytes of a page of memory on Apple's processors; Intel's have a quarter of that."""
LARGEST_COMMANDS = 1 << 20
"""Bytes of all load commands; the largest libraries have some ten thousand."""
LARGEST_SIGNATURE = 64 * 1024 * 1024
"""Bytes; 32 for each 4 KiB of the file, and a certificate chain."""

_SYMTAB, _CODE_SIGNATURE = 0x2, 0x1D
_SUPER_BLOB = 0xFADE0CC0
_MOST_BLOBS = 64
_NO_BYTES = (0x1, 0xC, 0x12)
"""Section types without bytes in the file: ``S_ZEROFILL``, its large and thread-local kinds."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The structures of one width.

    :param header: bytes of the file's header.
    :param segment: the number of the segment command.
    :param fields: name, vmaddr, vmsize, fileoff, filesize and nsects of a segment command.
    :param section: size, offset and flags of a section.
    :param number: of a size in a segment command.
    """

    header: int
    segment: int
    fields: struct.Struct
    section: struct.Struct
    number: struct.Struct


LAYOUTS: Mapping[bytes, Layout] = {
    bytes.fromhex("cffaedfe"): Layout(
        32, 0x19, struct.Struct("<8x16sQQQQ8xI4x"), struct.Struct("<40xQI12xI12x"),
        struct.Struct("<Q"),
    ),
    bytes.fromhex("cefaedfe"): Layout(
        28, 0x1, struct.Struct("<8x16sIIII8xI4x"), struct.Struct("<36xII12xI8x"),
        struct.Struct("<I"),
    ),
}  # fmt: skip
"""By magic: 64 and 32 bit, both little-endian, as all processors that are still sold."""

_VMSIZE, _FILESIZE = 1, 3
"""Which of a segment's numbers; they begin behind 24 bytes."""


@dataclass(frozen=True, slots=True)
class _Segment:
    """A segment command, and where in the list of commands it is."""

    index: int
    name: bytes
    vmaddr: int
    vmsize: int
    fileoff: int
    filesize: int
    first: int
    """Where its bytes begin that are no header, or the end of all files."""


def recipe(source: Source) -> Recipe:
    """The bare program.

    :raises OddError: when there is none.
    """
    layout = LAYOUTS[source.read(0, 4)]
    header = bytearray(source.read(0, layout.header))
    count, size = _pair(header, 16)
    if size > LARGEST_COMMANDS:
        raise OddError(f"its load commands take {size} bytes")
    commands = _commands(source.read(layout.header, size), count)
    start = layout.header + size
    segments = [
        _segment(layout, n, c) for n, c in enumerate(commands) if _kind(c) == layout.segment
    ]
    _require_room(segments, start)
    linkedit = _linkedit(segments, source.size)
    signature = [command for command in commands if _kind(command) == _CODE_SIGNATURE]
    end = _signature(source, signature[0], linkedit) if signature else source.size
    if len(signature) > 1 or end < start:
        raise OddError("its signature is not its only one, or in its commands")
    _resize(source, layout, commands, linkedit, end)
    bare = b"".join(command for command in commands if _kind(command) != _CODE_SIGNATURE)
    struct.pack_into("<II", header, 16, count - len(signature), len(bare))
    head = bytes(header) + bare.ljust(size, b"\0")
    padding = bytes(aligned(end, BOUNDARY) - end)
    return Recipe((head, Span(start, end), padding), bool(signature))


def _commands(data: bytes, count: int) -> list[bytearray]:
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if size < 8 or size % 4 or at + size > len(data):
            raise OddError(f"the load command at byte {at} of them takes {size}")
        found.append(bytearray(data[at : at + size]))
        at += size
    if len(found) != count:
        raise OddError(f"it has {len(found)} load commands, and says {count}")
    return found


def _kind(command: bytearray) -> int:
    return int.from_bytes(command[:4], "little")


def _pair(data: bytearray, offset: int) -> tuple[int, int]:
    first, second = struct.unpack_from("<II", data, offset)
    return int(first), int(second)


def _segment(layout: Layout, index: int, command: bytearray) -> _Segment:
    if len(command) < layout.fields.size:
        raise OddError("a segment's command is cut off")
    name, vmaddr, vmsize, fileoff, filesize, count = layout.fields.unpack_from(command)
    if len(command) != layout.fields.size + count * layout.section.size:
        raise OddError(f"a segment says it has {count} sections")
    rows = layout.section.iter_unpack(bytes(command[layout.fields.size :]))
    first = [offset for size, offset, flags in rows if size and flags & 0xFF not in _NO_BYTES]
    if fileoff and filesize:
        first.append(fileoff)
    lowest = min(first, default=1 << 64)
    return _Segment(index, name.rstrip(b"\0"), vmaddr, vmsize, fileoff, filesize, lowest)


def _require_room(segments: Sequence[_Segment], start: int) -> None:
    """:raises OddError: when the commands, which end at ``start``, reach into something else."""
    if any(segment.first < start for segment in segments):
        raise OddError("its load commands reach into its first section")


def _linkedit(segments: Sequence[_Segment], size: int) -> _Segment:
    found = [segment for segment in segments if segment.name == b"__LINKEDIT"]
    if len(found) != 1 or not found[0].fileoff:
        raise OddError("it has no segment __LINKEDIT")
    (last,) = found
    if last.fileoff + last.filesize != size:
        raise OddError(f"__LINKEDIT ends at {last.fileoff + last.filesize}, the file at {size}")
    if not 0 <= last.vmsize - last.filesize < LARGEST_SIGNATURE:
        raise OddError(f"__LINKEDIT has {last.filesize} bytes and takes {last.vmsize} in memory")
    for other in segments:
        before = other.fileoff + other.filesize <= last.fileoff
        if other is not last and not (before and other.vmaddr + other.vmsize <= last.vmaddr):
            raise OddError("__LINKEDIT is not its last segment")
    return last


def _signature(source: Source, command: bytearray, linkedit: _Segment) -> int:
    """Where the signature begins.

    :raises OddError: when it is not the end of the file, or not well formed.
    """
    if len(command) != 16:
        raise OddError("the command of its signature has another size")
    start, size = _pair(command, 8)
    if start % BOUNDARY or start < linkedit.fileoff or start + size != source.size:
        raise OddError(f"its signature is {size} bytes at {start} of {source.size}")
    if not 12 <= size <= LARGEST_SIGNATURE:
        raise OddError(f"its signature has {size} bytes")
    magic, length, count = struct.unpack(">III", source.read(start, 12))
    if magic != _SUPER_BLOB or not count <= _MOST_BLOBS or not 12 + 8 * count <= length <= size:
        raise OddError("its signature is no super blob")
    return start


def _resize(
    source: Source, layout: Layout, commands: list[bytearray], linkedit: _Segment, end: int
) -> None:
    """Let ``__LINKEDIT``, and a string table at its end, reach to the boundary behind ``end``."""
    boundary = aligned(end, BOUNDARY)
    size = boundary - linkedit.fileoff
    for which, value in ((_FILESIZE, size), (_VMSIZE, aligned(size, PAGE))):
        place = 24 + which * layout.number.size
        layout.number.pack_into(commands[linkedit.index], place, value)
    for command in commands:
        if _kind(command) == _SYMTAB:
            _stretch(source, command, end, boundary)


def _stretch(source: Source, command: bytearray, end: int, boundary: int) -> None:
    if len(command) != 24:
        raise OddError("the command of its symbols has another size")
    start, size = _pair(command, 16)
    if size and end - BOUNDARY < start + size <= end and source.is_zero(Span(start + size, end)):
        struct.pack_into("<I", command, 20, boundary - start)
