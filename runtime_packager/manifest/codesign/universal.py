"""Universal programs: one for each of several processors behind one header, signed one by one.

From Apple's ``<mach-o/fat.h>``. A signature of another size moves the programs behind it, so the
bare file is none that could run: the magic and the number of programs (both as they are), and for
each, by processor, its kind and alignment and the SHA-256 of the bare program.

Odd, besides what contradicts itself: two programs for one processor, and anything but zeros
between the programs, or zeros for more than their alignment.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from runtime_packager.manifest.codesign import macho
from runtime_packager.manifest.codesign.source import OddError, Recipe, Source, Span, aligned

ROWS: Mapping[bytes, struct.Struct] = {
    bytes.fromhex("cafebabe"): struct.Struct(">IIIII"),
    bytes.fromhex("cafebabf"): struct.Struct(">IIQQII"),
}
"""By magic, what stands there of each program."""

MOST_PROGRAMS = 30
"""A Java class file starts alike; its version, 45 or more, stands where the number would."""
LARGEST_ALIGNMENT = 16
"""As a power of two: the programs are aligned to pages."""


class _Program(NamedTuple):
    cpu: int
    subtype: int
    offset: int
    size: int
    align: int
    reserved: int = 0


def recipe(source: Source) -> Recipe:
    """What stands for the bare file.

    :raises OddError: when there is none.
    """
    head = source.read(0, 8)
    row, (count,) = ROWS[head[:4]], struct.unpack_from(">I", head, 4)
    if not 0 < count <= MOST_PROGRAMS:
        raise OddError(f"it says it has {count} programs")
    programs = [
        _Program(*row.unpack(source.read(8 + n * row.size, row.size))) for n in range(count)
    ]
    _require_apart(source, programs, 8 + count * row.size)
    parts = list(_bare(source, sorted(programs)))
    pieces = (head, *(text for text, _ in parts))
    return Recipe(pieces, all(signed for _, signed in parts))


def _bare(source: Source, programs: Sequence[_Program]) -> Iterator[tuple[bytes, bool]]:
    for program in programs:
        part = source.part(program.offset, program.size)
        if part.size < 4 or part.read(0, 4) not in macho.LAYOUTS:
            raise OddError("one of its parts is no program")
        made = macho.recipe(part)
        kind = struct.pack(">III", program.cpu, program.subtype, program.align)
        yield kind + part.digest(made), made.signed


def _require_apart(source: Source, programs: Sequence[_Program], end: int) -> None:
    """:raises OddError: when the programs do not follow one another up to the file's end."""
    kinds = {(program.cpu, program.subtype) for program in programs}
    if len(kinds) != len(programs):
        raise OddError("two of its programs are for one processor")
    for program in sorted(programs, key=lambda program: program.offset):
        if program.reserved or program.align > LARGEST_ALIGNMENT:
            raise OddError(f"the alignment of a program is {program.align}")
        if program.offset != aligned(end, 1 << program.align):
            raise OddError(f"a program begins at byte {program.offset}, behind one up to {end}")
        if not source.is_zero(Span(end, program.offset)):
            raise OddError("there is something between its programs")
        end = program.offset + program.size
    if end != source.size:
        raise OddError(f"its programs end at byte {end}, the file at {source.size}")
