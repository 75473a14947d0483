"""Universal ("fat") Mach-O files: several thin ones behind one header.

The format is Apple's ``<mach-o/fat.h>``: a big-endian ``fat_header`` and one ``fat_arch`` a slice
(``fat_arch_64`` when an offset or size does not fit into 32 bits), then the slices, each at a
multiple of its page size. Order and alignment are lipo's, so the bytes are too. Nothing in a slice
is changed, and so its signature stays valid.
"""

from __future__ import annotations

import io
import shutil
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from runtime_packager.binaries.facts import format_of
from runtime_packager.errors import BuildError

FAT_MAGIC = 0xCAFEBABE
FAT_MAGIC_64 = 0xCAFEBABF
THIN_MAGIC_64 = 0xFEEDFACF

X86_64 = 0x01000007
ARM64 = 0x0100000C

_HEADER = struct.Struct(">II")
_ARCH = struct.Struct(">IIIII")
_ARCH_64 = struct.Struct(">IIQQII")
_THIN = struct.Struct("<III")

_ARCHITECTURES = {X86_64: "x86_64", ARM64: "aarch64"}
_ALIGN = {X86_64: 12, ARM64: 14}
"""Page sizes as powers of two, 4 KiB and 16 KiB, as lipo takes them."""

_SUBTYPE = 0x00FFFFFF
"""The rest of a subtype are capability bits, such as pointer authentication's version."""


@dataclass(frozen=True, slots=True)
class Part:
    """Where one architecture lies in a Mach-O file.

    :param cpu: (type, subtype) as in ``<mach/machine.h>``.
    :param offset: bytes from the file's start.
    :param size: bytes.
    """

    cpu: tuple[int, int]
    offset: int
    size: int

    @property
    def architecture(self) -> str:
        """``x86_64``, ``aarch64``, or the number of any other."""
        return _ARCHITECTURES.get(self.cpu[0], f"cpu {self.cpu[0]:#x}")


def is_macho(head: bytes) -> bool:
    """Whether a file that starts like this (64 bytes are enough) is a Mach-O, thin or fat."""
    return format_of(head) == "Mach-O"


def fat(parts: Sequence[bytes]) -> bytes:
    """Thin 64-bit Mach-O files of different architectures as one universal file.

    :raises BuildError: when one is no thin 64-bit Mach-O for x86_64 or arm64, or two are for the
        same processor.
    """
    output = io.BytesIO()
    names = [f"part {number}" for number in range(1, len(parts) + 1)]
    _write([io.BytesIO(part) for part in parts], names, output)
    return output.getvalue()


def write_fat(parts: Sequence[Path], output: Path) -> None:
    """As :func:`fat`, from files to a new file, without holding them in memory.

    :raises BuildError: as :func:`fat`; ``output`` is then not written.
    """
    with ExitStack() as stack:
        streams = [stack.enter_context(part.open("rb")) for part in parts]
        _layout([_thin(s, str(p)) for s, p in zip(streams, parts, strict=True)])
        with output.open("xb") as target:
            _write(streams, [str(part) for part in parts], target)


def slices(file: bytes | Path) -> tuple[Part, ...]:
    """The parts of a Mach-O file; a thin one has one.

    :raises BuildError: when it is no 64-bit Mach-O, or its parts reach beyond its end.
    """
    name = str(file) if isinstance(file, Path) else "the file"
    with file.open("rb") if isinstance(file, Path) else io.BytesIO(file) as stream:
        (magic,) = struct.unpack(">I", stream.read(4).rjust(4, b"\0"))
        if magic not in (FAT_MAGIC, FAT_MAGIC_64):
            return (_thin(stream, name),)
        return _table(stream, _ARCH_64 if magic == FAT_MAGIC_64 else _ARCH, name)


def extract(file: Path, architecture: str) -> bytes:
    """The part of a thin or universal file that is made for ``architecture``, as a thin file.

    :raises BuildError: as :func:`slices`, or when it has no such part.
    """
    parts = slices(file)
    part = next((part for part in parts if part.architecture == architecture), None)
    if part is None:
        present = ", ".join(part.architecture for part in parts)
        raise BuildError(f"{file} has no part for {architecture}, only for {present}")
    with file.open("rb") as stream:
        stream.seek(part.offset)
        return stream.read(part.size)


def _table(stream: BinaryIO, row: struct.Struct, name: str) -> tuple[Part, ...]:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    head = stream.read(_HEADER.size)
    count = _HEADER.unpack(head)[1] if len(head) == _HEADER.size else 0
    if not count:
        raise BuildError(f"{name} is no Mach-O file: its table of parts is empty or cut off")
    table = stream.read(min(count, size) * row.size)
    parts = []
    for number in range(count):
        if (number + 1) * row.size > len(table):
            raise BuildError(f"{name} is no Mach-O file: its table of {count} parts is cut off")
        cpu, subtype, offset, length, *_ = row.unpack_from(table, number * row.size)
        if offset + length > size:
            raise BuildError(
                f"{name} is cut off: part {number + 1} reaches to byte {offset + length}, "
                f"the file has {size}"
            )
        parts.append(Part((cpu, subtype), offset, length))
    return tuple(parts)


def _thin(stream: BinaryIO, name: str) -> Part:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    head = stream.read(_THIN.size)
    if len(head) < _THIN.size or _THIN.unpack(head)[0] != THIN_MAGIC_64:
        raise BuildError(
            f"{name} is no 64-bit Mach-O file for one processor",
            "only thin x86_64 and arm64 files can be joined",
        )
    _, cpu, subtype = _THIN.unpack(head)
    return Part((cpu, subtype), 0, size)


def _layout(thin: Sequence[Part]) -> list[tuple[int, Part]]:
    """(index into ``thin``, its place in the fat file), in the order of the file.

    arm64 comes last and the others by alignment, as in lipo.

    :raises BuildError: as :func:`fat`, or when there is no part at all.
    """
    if not thin:
        raise BuildError("a universal file needs at least one part")
    for part in thin:
        if part.cpu[0] not in _ALIGN:
            raise BuildError(f"{part.architecture} cannot be part of a universal file")
    kinds = [(part.cpu[0], part.cpu[1] & _SUBTYPE) for part in thin]
    if len(set(kinds)) != len(kinds):
        listed = ", ".join(part.architecture for part in thin)
        raise BuildError(
            f"a universal file holds one part a processor, these are for {listed}",
            "build each part for a different processor",
        )
    order = sorted(range(len(thin)), key=lambda i: (_ALIGN[kinds[i][0]], kinds[i]))
    return _placed(order, thin, _ARCH) or _placed(order, thin, _ARCH_64)


def _placed(
    order: Sequence[int], thin: Sequence[Part], row: struct.Struct
) -> list[tuple[int, Part]]:
    """The layout with rows of this kind; empty when an offset or size does not fit into it."""
    end, placed = _HEADER.size + row.size * len(order), []
    for index in order:
        part, align = thin[index], 1 << _ALIGN[thin[index].cpu[0]]
        offset = -(-end // align) * align
        end = offset + part.size
        if row is _ARCH and max(offset, part.size) >= 1 << 32:
            return []
        placed.append((index, Part(part.cpu, offset, part.size)))
    return placed


def _head(placed: Sequence[tuple[int, Part]]) -> bytes:
    wide = any(max(part.offset, part.size) >= 1 << 32 for _, part in placed)
    rows = [_HEADER.pack(FAT_MAGIC_64 if wide else FAT_MAGIC, len(placed))]
    for _, part in placed:
        align = _ALIGN[part.cpu[0]]
        if wide:
            rows.append(_ARCH_64.pack(*part.cpu, part.offset, part.size, align, 0))
        else:
            rows.append(_ARCH.pack(*part.cpu, part.offset, part.size, align))
    return b"".join(rows)


def _write(streams: Sequence[BinaryIO], names: Sequence[str], output: BinaryIO) -> None:
    thin = [_thin(stream, name) for stream, name in zip(streams, names, strict=True)]
    placed = _layout(thin)
    output.write(_head(placed))
    for index, part in placed:
        output.write(bytes(part.offset - output.tell()))
        streams[index].seek(0)
        shutil.copyfileobj(streams[index], output)
