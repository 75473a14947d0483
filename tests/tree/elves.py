"""ELF files made by hand: any class, byte order and arrangement of segments and sections."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

ALLOC, EXECINSTR = 2, 4
PROGBITS, SYMTAB, STRTAB, RELA, NOTE, NOBITS = 1, 2, 3, 4, 7, 8
X64, DEVICE = 62, 190
BLOCK = 4096


@dataclass(frozen=True)
class Part:
    """A section with its bytes; those that are allocated lie in the one segment."""

    name: str
    data: bytes
    flags: int = 0
    kind: int = PROGBITS
    align: int = 1
    link: int = 0
    info: int = 0


@dataclass(frozen=True)
class Elf:
    """What an ELF file holds; ``bytes(elf)`` writes it.

    :param gap: zeros between the segment and what follows.
    :param behind: bytes behind everything.
    """

    parts: tuple[Part, ...]
    wide: bool = True
    little: bool = True
    kind: int = 3
    machine: int = X64
    gap: int = 0
    behind: bytes = b""

    @property
    def _forms(self) -> tuple[str, str, str]:
        order = "<" if self.little else ">"
        forms = ("HHIQQQI6H", "IIQQQQQQ", "IIQQQQIIQQ") if self.wide else ("HHIIIII6H", "8I", "10I")
        return tuple(order + form for form in forms)  # type: ignore[return-value]

    def __bytes__(self) -> bytes:
        header, segment, section = self._forms
        start = 16 + struct.calcsize(header) + struct.calcsize(segment)
        names = Part(".shstrtab", b"", kind=STRTAB)
        parts = [*self.parts, names]
        text = b"\0" + b"".join(part.name.encode() + b"\0" for part in parts)
        parts[-1] = replace(names, data=text)
        body, offsets = self._body(parts, start)
        table = start + len(body)
        ident = b"\x7fELF" + bytes([1 + self.wide, 2 - self.little, 1]) + bytes(9)
        head = ident + struct.pack(
            header, self.kind, self.machine, 1, 0x1000, 16 + struct.calcsize(header), table, 0,
            16 + struct.calcsize(header), struct.calcsize(segment), 1,
            struct.calcsize(section), len(parts) + 1, len(parts),
        )  # fmt: skip
        end = self.end(offsets, parts, start)
        rows = [1, 5, 0, 0, 0, end, end, BLOCK] if self.wide else [1, 0, 0, 0, end, end, 5, BLOCK]
        headers = bytes(struct.calcsize(section))
        at = 1
        for part, offset in zip(parts, offsets, strict=True):
            headers += struct.pack(
                section, at, part.kind, part.flags, offset if part.flags & ALLOC else 0, offset,
                len(part.data), part.link, part.info, part.align, 0,
            )  # fmt: skip
            at += len(part.name) + 1
        return head + struct.pack(segment, *rows) + body + headers + self.behind

    def _body(self, parts: Sequence[Part], start: int) -> tuple[bytes, list[int]]:
        """Allocated parts first, in the order they are given; then the others."""
        offsets = [0] * len(parts)
        body = b""
        for allocated in (True, False):
            for number, part in enumerate(parts):
                if bool(part.flags & ALLOC) == allocated:
                    body += bytes(-(start + len(body)) % part.align)
                    offsets[number] = start + len(body)
                    body += b"" if part.kind == NOBITS else part.data
            body += bytes(self.gap) if allocated else b""
        return body, offsets

    def end(self, offsets: Sequence[int], parts: Sequence[Part], start: int) -> int:
        """Where the segment ends."""
        return max(
            [start, *(o + len(p.data) for p, o in zip(parts, offsets, strict=True)
                      if p.flags & ALLOC and p.kind != NOBITS)]
        )  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A section as it is found in a file."""

    name: str
    kind: int
    flags: int
    address: int
    data: bytes
    link: int
    info: int


@dataclass(frozen=True)
class Parsed:
    """What a straightforward reader finds: every section, and each segment's bytes."""

    sections: tuple[Seen, ...]
    segments: tuple[tuple[int, bytes], ...]
    end: int


def parse(data: bytes) -> Parsed:
    """Reads an ELF file by its specification alone; fails loudly."""
    wide, order = data[4] == 2, "<>"[data[5] - 1]
    form = "HHIQQQI6H" if wide else "HHIIIII6H"
    fields = struct.unpack_from(order + form, data, 16)
    phoff, shoff = fields[4], fields[5]
    phentsize, phnum, shentsize, shnum, names = fields[8:]
    segments, end = [], phoff + phnum * phentsize
    for number in range(phnum):
        row = struct.unpack_from(
            order + ("IIQQQQQQ" if wide else "8I"), data, phoff + number * phentsize
        )
        offset, size = (row[2], row[5]) if wide else (row[1], row[4])
        segments.append((offset, data[offset : offset + size]))
        assert len(segments[-1][1]) == size
        end = max(end, offset + size)
    rows = [
        struct.unpack_from(order + ("IIQQQQIIQQ" if wide else "10I"), data, shoff + n * shentsize)
        for n in range(shnum)
    ]
    assert len(data) >= shoff + shnum * shentsize
    text = data[rows[names][4] : rows[names][4] + rows[names][5]]
    sections = []
    for name, kind, flags, address, offset, size, link, info, _, _ in rows:
        held = b"" if kind in (0, NOBITS) else data[offset : offset + size]
        assert kind in (0, NOBITS) or len(held) == size
        label = text[name : text.index(b"\0", name)].decode()
        sections.append(Seen(label, kind, flags, address, held, link, info))
    return Parsed(tuple(sections), tuple(segments), end)
