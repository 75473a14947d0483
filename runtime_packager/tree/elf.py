"""What an ELF file keeps when it loses what no loader reads: its debug symbols.

A loader goes by the program headers alone; section headers, and sections outside every segment,
are for tools. So all that lies up to the end of the last segment stays where and as it is, but for
three fields of the ELF header that say where the section headers are. Behind it are written anew

- the sections that are kept: allocated ones that lie behind the segments (BOLT leaves such copies),
  and those that are not known to be symbols, since the program may read them from its own file;
- the names of all sections that are left, and their headers. Tools need these: gdb, perf, readelf,
  and CPython 3.14, which finds a running interpreter's ``.PyRuntime`` by them.

A section keeps its number up to the last allocated one, because dynamic symbols state numbers; one
that is dropped before that becomes an empty header. A file in which anything differs from this
picture is left alone. Formats and constants: the System V ABI, chapters 4 and 5, and ``<elf.h>``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

MAGIC = b"\x7fELF"

LEAST_GAIN = 4096
"""Bytes, a block of most disks. A file that would lose less stays as its wheel has it."""

LARGEST_GAP = 1 << 16
"""Bytes of zeros between sections that count as alignment; arm64's pages are that large."""

LONGEST_NAME = 1024
"""Bytes of a section's name. Thousands of sections may share one of megabytes, each with a copy."""

_EXECUTABLE, _SHARED = 2, 3
_LOAD = 1
_NULL, _SYMTAB, _STRTAB, _RELA, _NOBITS, _REL, _SYMTAB_SHNDX = 0, 2, 3, 4, 8, 9, 18
_ALLOC, _EXECINSTR, _INFO_LINK = 0x2, 0x4, 0x40
_RESERVED = 0xFF00
"""``SHN_LORESERVE``: larger counts are stated elsewhere."""

_PROCESSORS = frozenset({3, 21, 22, 40, 62, 183, 243, 258})
"""``e_machine`` of x86, ppc64, s390, arm, x86-64, aarch64, riscv and loongarch. Code for other
devices is loaded by drivers, which go by sections and symbols."""

_SYMBOLIC = (
    *(".debug_", ".zdebug_", ".stab", ".gnu.debuglto_", ".gnu.build.attributes"),
    *(".annobin", ".GCC.command.line"),
)
_SYMBOLIC_NAMES = frozenset({".comment", ".debug", ".gdb_index", ".line", ".strtab"})

Read = Callable[[int, int], bytes]
"""The bytes of the file from an offset, so many of them or fewer at its end."""


@dataclass(frozen=True, slots=True)
class Slim:
    """What a smaller file is made of, in order: new bytes, and ranges of the old file."""

    parts: tuple[bytes | range, ...]

    @property
    def size(self) -> int:
        """Bytes of the smaller file."""
        return sum(map(len, self.parts))


def slim(read: Read, size: int) -> Slim | None:
    """The smaller file; ``None`` for one that is left as it is, or is no ELF file.

    :param size: of the file, bytes.
    """
    try:
        return _File.parse(read, size).slim(read)
    except (_LeftAloneError, struct.error):
        return None


class _LeftAloneError(Exception):
    """The file is not what was expected."""


def _require(condition: object) -> None:
    if not condition:
        raise _LeftAloneError


@dataclass(frozen=True, slots=True)
class _Layout:
    """How headers are written in one class and byte order."""

    header: struct.Struct
    segment: struct.Struct
    section: struct.Struct
    wide: bool

    @classmethod
    def of(cls, ident: bytes) -> _Layout:
        _require(ident[:4] == MAGIC and ident[4] in (1, 2) and ident[5] in (1, 2) and ident[6] == 1)
        order, wide = "<>"[ident[5] - 1], ident[4] == 2
        forms = ("16sHHIQQQI6H", "IIQQQQQQ", "IIQQQQIIQQ")
        if not wide:
            forms = ("16sHHIIIII6H", "8I", "10I")
        header, segment, section = (struct.Struct(order + form) for form in forms)
        return cls(header, segment, section, wide)

    @property
    def alignment(self) -> int:
        return 8 if self.wide else 4


@dataclass(frozen=True, slots=True)
class _Segment:
    kind: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class _Section:
    """A section header, in the order of ``Elf64_Shdr``; ``text`` is its name."""

    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry: int
    text: bytes = b""

    @property
    def allocated(self) -> bool:
        return bool(self.flags & _ALLOC)

    @property
    def span(self) -> range:
        """The bytes of the file it takes."""
        held = 0 if self.kind in (_NULL, _NOBITS) else self.size
        return range(self.offset, self.offset + held)

    @property
    def relocates(self) -> bool:
        return self.kind in (_RELA, _REL)

    @property
    def symbolic(self) -> bool:
        """Whether only debuggers and linkers read it."""
        if self.allocated:
            return False
        if self.kind in (_SYMTAB, _SYMTAB_SHNDX) or self.relocates:
            return True
        name = self.text.decode("latin-1")
        return name in _SYMBOLIC_NAMES or name.startswith(_SYMBOLIC)


_NOTHING = _Section(0, _NULL, 0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class _File:
    """An ELF file's headers.

    :param fields: of the ELF header, in its order.
    :param end: of the last segment and the headers in front: what is behind, no loader reads.
    :param table: where the section headers lie.
    """

    layout: _Layout
    fields: tuple[int | bytes, ...]
    sections: tuple[_Section, ...]
    names: int
    end: int
    table: range
    size: int

    @classmethod
    def parse(cls, read: Read, size: int) -> _File:
        """:raises _LeftAloneError: for a file that is not to be touched."""
        ident = read(0, 16)
        _require(len(ident) == 16)
        layout = _Layout.of(ident)
        fields = layout.header.unpack(read(0, layout.header.size))
        _, kind, machine, _, _, phoff, shoff, _, ehsize, *counts = fields
        phentsize, phnum, shentsize, shnum, names = counts
        _require(kind in (_EXECUTABLE, _SHARED) and machine in _PROCESSORS)
        sizes = (layout.header.size, layout.segment.size, layout.section.size)
        _require((ehsize, phentsize, shentsize) == sizes)
        _require(0 < phnum < _RESERVED and 0 < names < shnum < _RESERVED)
        programs = range(phoff, phoff + phnum * phentsize)
        table = range(shoff, shoff + shnum * shentsize)
        _require(programs.start >= ehsize and table.start >= ehsize)
        _require(max(programs.stop, table.stop) <= size)
        segments = _segments(layout, read(phoff, len(programs)))
        end = max([programs.stop, *(s.offset + s.size for s in segments)])
        _require(end <= size and any(s.kind == _LOAD and s.size for s in segments))
        sections = _named(layout, read(shoff, len(table)), names, read, size)
        return cls(layout, fields, sections, names, end, table, size)

    def slim(self, read: Read) -> Slim | None:
        """The file without its symbols, if that is worth it."""
        self._check(read)
        kept = [n for n, s in enumerate(self.sections) if n and n != self.names and not s.symbolic]
        last = max((n for n in kept if self.sections[n].allocated), default=0)
        order = [*range(last + 1), *(n for n in kept if n > last)]
        numbers = {old: new for new, old in enumerate(order) if old in kept}
        behind = sorted(
            (n for n in kept if self.sections[n].span and self.sections[n].offset >= self.end),
            key=lambda n: self.sections[n].offset,
        )
        moved, pieces, at = self._move(behind)
        headers = [
            self._renumbered(moved.get(old, self.sections[old]), numbers)
            if old in numbers
            else _NOTHING
            for old in order
        ]
        tail, table = self._tail(headers, at)
        count = len(headers)  # and one more: the names, which come last
        fields = (*self.fields[:6], table, *self.fields[7:12], count + 1, count)
        head = self.layout.header.pack(*fields)
        result = Slim((head, range(len(head), self.end), *pieces, tail))
        return result if result.size + LEAST_GAIN <= self.size else None

    def _check(self, read: Read) -> None:
        """Every byte behind the segments belongs to one section, or is zero."""
        _require(self.sections[0].kind == _NULL)
        spans = [self.table] if self.table.stop > self.end else []
        for section in self.sections:
            # Its code is elsewhere: a file of debug symbols, whose all they are.
            _require(not (section.kind == _NOBITS and section.flags & _EXECINSTR))
            span = section.span
            _require(span.stop <= self.size)
            if span.stop > self.end and span:
                spans.append(span)
        at = self.end
        for span in sorted(spans, key=lambda span: span.start):
            _require(span.start >= at)
            self._require_zeros(read, range(at, span.start))
            at = span.stop
        self._require_zeros(read, range(at, self.size))

    def _require_zeros(self, read: Read, gap: range) -> None:
        _require(len(gap) <= LARGEST_GAP)
        _require(not gap or not read(gap.start, len(gap)).strip(b"\0"))

    def _move(self, behind: Sequence[int]) -> tuple[dict[int, _Section], list[bytes | range], int]:
        """What is kept behind the segments, moved up: by number, as parts, and where it ends."""
        moved, pieces, at = {}, list[bytes | range](), self.end
        for number in behind:
            section = self.sections[number]
            boundary = max(section.alignment, 1)
            _require(boundary & (boundary - 1) == 0 and boundary <= LARGEST_GAP)
            padding = -at % boundary
            moved[number] = replace(section, offset=at + padding)
            pieces += [bytes(padding), section.span]
            at += padding + len(section.span)
        return moved, pieces, at

    def _renumbered(self, section: _Section, numbers: dict[int, int]) -> _Section:
        """With the new numbers of the sections it refers to, none of which may be gone."""
        link, info = section.link, section.info
        _require(link == 0 or link in numbers)
        if section.relocates or section.flags & _INFO_LINK:
            _require(info == 0 or info in numbers)
            info = numbers.get(info, 0)
        return replace(section, link=numbers.get(link, 0), info=info)

    def _tail(self, headers: Sequence[_Section], at: int) -> tuple[bytes, int]:
        """The section names and headers that follow ``at``, and where the headers are."""
        own = replace(_NOTHING, kind=_STRTAB, offset=at, alignment=1, text=b".shstrtab")
        names, rows = b"\0", []
        for section in (*headers, own):
            rows.append(replace(section, name=len(names) if section.text else 0))
            names += section.text + b"\0" if section.text else b""
        rows[-1] = replace(rows[-1], size=len(names))
        names += bytes(-(at + len(names)) % self.layout.alignment)
        table = b"".join(_packed(self.layout, section) for section in rows)
        return names + table, at + len(names)


def _segments(layout: _Layout, data: bytes) -> list[_Segment]:
    found = []
    for row in layout.segment.iter_unpack(data):
        offset, size = (row[2], row[5]) if layout.wide else (row[1], row[4])
        found.append(_Segment(row[0], offset, size))
    return found


def _named(layout: _Layout, data: bytes, names: int, read: Read, size: int) -> tuple[_Section, ...]:
    sections = [_Section(*row) for row in layout.section.iter_unpack(data)]
    table = sections[names]
    _require(table.kind == _STRTAB and table.span.stop <= size and table.size < 1 << 24)
    text = read(table.offset, table.size)
    found = []
    for section in sections:
        end = text.find(b"\0", section.name, section.name + LONGEST_NAME)
        _require(section.name < len(text) and end >= 0)
        found.append(replace(section, text=text[section.name : end]))
    return tuple(found)


def _packed(layout: _Layout, section: _Section) -> bytes:
    s = section
    return layout.section.pack(s.name, s.kind, s.flags, s.address, s.offset, s.size, s.link, s.info,
                               s.alignment, s.entry)  # fmt: skip
