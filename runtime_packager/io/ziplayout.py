"""A zip archive that every reader reads alike: its layout, judged before its index is believed.

A zip says everything twice, in a header before each member and in an index at its end, and
readers differ in what they believe. An archive that shows one tool other files than the next is
an attack or damage, so the rules (APPNOTE.TXT 6.3.10 calls the records as we do):

1. The end record is the file's last bytes: nothing follows it, not even a comment.
2. The index lies right before it and where it says, and has as many entries as it says.
3. The members lie one behind the other from byte 0 on, without gap or overlap, up to the index.
4. A member's header says of name, method, sizes and checksum what the index says; where it leaves
   them to a descriptor behind the data (bit 3), the descriptor does.
5. A name is ASCII, or marked as UTF-8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile, ZipInfo

from runtime_packager.io.policy import Limits, Refused

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_HEADER = struct.Struct("<4s5H3L2H")
_LARGE = 0xFFFFFFFF
_DEFERRED, _UTF8 = 0x8, 0x800
_COMPARED_FLAGS = 0x1 | _DEFERRED | _UTF8
"""Encrypted, sizes behind the data, the name is UTF-8: what changes how a member is read."""
_MAX_INDEX = 128 * 1024 * 1024
"""Bytes of an index; the largest wheels have 5 MB."""


@dataclass(frozen=True, slots=True)
class _End:
    """What the end record says, and where it (or its 64-bit form) begins."""

    count: int
    size: int
    offset: int
    begins: int


def require_index(path: Path, limits: Limits) -> None:
    """Rules 1 and 2, and that there are not too many members; in bounded memory.

    :raises Refused: when one of them is broken.
    """
    with path.open("rb") as stream:
        end = _find_end(stream)
        if end.count > limits.members:
            raise Refused(f"it has more than {limits.members} members")
        if end.offset + end.size != end.begins or end.size > _MAX_INDEX:
            raise Refused("its index is not where its end record says")
        stream.seek(end.offset)
        if _count(stream.read(end.size)) != end.count:
            raise Refused("its index has not as many entries as its end record says")


def _find_end(stream: BinaryIO) -> _End:
    size = stream.seek(0, 2)
    if size < _END.size:
        raise Refused("it is too short for a zip archive")
    begins = size - _END.size
    stream.seek(begins)
    magic, disk, first, here, count, length, offset, comment = _END.unpack(stream.read(_END.size))
    if magic != b"PK\5\6" or comment:
        raise Refused("it does not end with the end record of a zip archive")
    if disk or first or here != count:
        raise Refused("it is one of several parts")
    if begins >= _LOCATOR.size + _END64.size:
        stream.seek(begins - _LOCATOR.size - _END64.size)
        end64 = stream.read(_END64.size)
        if stream.read(4) == b"PK\6\7":
            return _end64(end64, begins - _LOCATOR.size - _END64.size)
    return _End(count, length, offset, begins)


def _end64(data: bytes, begins: int) -> _End:
    magic, length, _, _, disk, first, here, count, size, offset = _END64.unpack(data)
    if magic != b"PK\6\6" or length != _END64.size - 12:
        raise Refused("its 64-bit end record is not where it belongs")
    if disk or first or here != count:
        raise Refused("it is one of several parts")
    return _End(count, size, offset, begins)


def _count(index: bytes) -> int:
    """How many entries fill ``index`` exactly; -1 when they do not."""
    position = count = 0
    while position < len(index):
        if len(index) - position < _ENTRY.size or not index.startswith(b"PK\1\2", position):
            return -1
        fields = _ENTRY.unpack_from(index, position)
        position += _ENTRY.size + fields[10] + fields[11] + fields[12]
        count += 1
    return count if position == len(index) else -1


def layout_problems(archive: ZipFile, path: Path) -> list[str]:
    """What breaks rules 3 to 5: one line each; the first gap or overlap ends the list.

    :param archive: what :func:`require_index` let pass, opened.
    """
    problems = list[str]()
    with path.open("rb") as stream:
        for info, end in _in_order(archive):
            try:
                begins = _require_same(stream, info)
                _require_end(stream, info, begins + info.compress_size, end)
            except _Misplaced as misplaced:
                return [*problems, f"{info.orig_filename!r}: {misplaced}"]
            except Refused as refused:
                problems.append(f"{info.orig_filename!r}: {refused}")
    return problems


class _Misplaced(Refused):
    """What follows cannot be where the index says either."""


def _in_order(archive: ZipFile) -> Iterator[tuple[ZipInfo, int]]:
    """Each member as it lies in the file, with where it has to end."""
    members = sorted(archive.infolist(), key=lambda info: info.header_offset)
    if members and members[0].header_offset:
        raise Refused("something lies before its first member")
    if not members and archive.start_dir:
        raise Refused("something lies before its index")
    ends = [*(info.header_offset for info in members[1:]), archive.start_dir]
    yield from zip(members, ends, strict=True) if members else ()


def _require_same(stream: BinaryIO, info: ZipInfo) -> int:
    """Compare a member's header with its index entry; where its data begins."""
    stream.seek(info.header_offset)
    head = stream.read(_HEADER.size)
    if len(head) < _HEADER.size or head[:4] != b"PK\3\4":
        raise _Misplaced("there is no member where the index says")
    _, flags, method, _, _, crc, packed, size, name_length, extra_length = _HEADER.unpack(head)[1:]
    name, extra = stream.read(name_length), stream.read(extra_length)
    if flags & _COMPARED_FLAGS != info.flag_bits & _COMPARED_FLAGS or method != info.compress_type:
        raise Refused("its header and the index differ in how it is packed")
    if not name.isascii() and not flags & _UTF8:
        raise Refused("its name is neither ASCII nor marked as UTF-8")
    if name != info.orig_filename.encode("utf-8", "surrogateescape"):
        raise Refused(f"its header calls it {name.decode('utf-8', 'replace')!r}")
    if _LARGE in (packed, size):
        packed, size = _large(extra)
    stated = (crc, packed, size)
    expected = (info.CRC, info.compress_size, info.file_size)
    if stated != expected and not (flags & _DEFERRED and not any(stated)):
        raise Refused("its header and the index differ in size or checksum")
    return stream.tell()


def _large(extra: bytes) -> tuple[int, int]:
    """(packed size, size) from a header's ZIP64 field."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1 and length >= 16 and len(extra) >= 20:
            size, packed = struct.unpack_from("<2Q", extra, 4)
            return packed, size
        extra = extra[4 + length :]
    raise Refused("its header has no size")


def _require_end(stream: BinaryIO, info: ZipInfo, data_end: int, end: int) -> None:
    """Between a member's data and what follows lies its descriptor, if it has one, or nothing."""
    gap = end - data_end
    if gap < 0:
        raise _Misplaced("it overlaps what follows it")
    if not gap and not info.flag_bits & _DEFERRED:
        return
    stream.seek(data_end)
    if gap > 24 or stream.read(gap) not in _descriptors(info):
        raise _Misplaced(f"{gap} bytes behind it belong to no member")


def _descriptors(info: ZipInfo) -> set[bytes]:
    """The spellings of a member's descriptor: with its signature or without, 32 or 64 bits."""
    if not info.flag_bits & _DEFERRED:
        return set()
    sizes = {struct.pack("<2Q", info.compress_size, info.file_size)}
    if max(info.compress_size, info.file_size) <= _LARGE:
        sizes.add(struct.pack("<2L", info.compress_size, info.file_size))
    crc = struct.pack("<L", info.CRC)
    return {start + crc + rest for start in (b"", b"PK\7\x08") for rest in sizes}
