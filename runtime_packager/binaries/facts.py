"""What reading a native file tells: formats, architectures, floors and the libraries it needs."""

from __future__ import annotations

import struct
from dataclasses import asdict, dataclass
from typing import Any, Literal

Format = Literal["ELF", "PE", "Mach-O"]

HEAD = 64
"""Bytes of a file that :func:`format_of` needs; nothing shorter is a native file."""

_FAT = (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")
_MACHO = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"\xfe\xed\xfa\xce")
"""``MH_MAGIC_64`` and ``MH_MAGIC`` in both byte orders, from ``<mach-o/loader.h>``."""

_MOST_SLICES = 30
"""A Java class file starts like a fat Mach-O; its version, 45 or more, stands where the number
of slices would."""

_LARGEST_STUB = 1 << 20
"""Bytes before the PE header; text that happens to start with ``MZ`` gives a larger number."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What one architecture's part of a file says about itself.

    :param architecture: as in :attr:`Target.architectures` where it is one of those.
    :param program: started rather than loaded.
    :param floor: (kind, (major, minor)) of the oldest system it runs on: ``glibc``, ``macos``
        (or another of Apple's systems), ``windows``; ``None`` when it does not say.
    :param floor_by: what asks for that floor, for example ``GLIBC_2.34 of libc.so.6``.
    :param libc: ``glibc`` or ``musl`` when it is linked against one.
    :param needed: libraries without which it is not loaded.
    :param weak: libraries it can do without: weak ones on macOS, delay-loaded ones on Windows.
    :param rpaths: where it has libraries looked for, as written.
    :param name: its soname or install name, or empty.
    :param signed: whether a Mach-O carries a signature, an ad-hoc one at least.
    """

    architecture: str
    program: bool = False
    floor: tuple[str, tuple[int, int]] | None = None
    floor_by: str = ""
    libc: str | None = None
    needed: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    rpaths: tuple[str, ...] = ()
    name: str = ""
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Binary:
    """One native file of the tree.

    :param path: in the tree.
    :param slices: one, or one an architecture in a fat Mach-O; none when it cannot be read.
    :param problem: why it cannot be read.
    """

    path: str
    format: Format
    slices: tuple[Slice, ...] = ()
    problem: str | None = None


def format_of(head: bytes) -> Format | None:
    """What a file is by its first :data:`HEAD` bytes; ``None`` when it is no native file."""
    if len(head) < HEAD:
        return None
    if head.startswith(b"\x7fELF"):
        return "ELF"
    if head.startswith(_MACHO):
        return "Mach-O"
    if head.startswith(_FAT) and struct.unpack_from(">I", head, 4)[0] <= _MOST_SLICES:
        return "Mach-O"
    if head.startswith(b"MZ") and 0 < struct.unpack_from("<I", head, 60)[0] < _LARGEST_STUB:
        return "PE"
    return None


def dump(binary: Binary) -> dict[str, Any]:
    """``binary`` as JSON values."""
    return asdict(binary)


def load(row: dict[str, Any]) -> Binary:
    """What :func:`dump` gave. Raises ``LookupError``, ``TypeError`` or ``ValueError`` otherwise."""
    slices = tuple(_slice(item) for item in row["slices"])
    return Binary(row["path"], row["format"], slices, row["problem"])


def _slice(row: dict[str, Any]) -> Slice:
    lists = {key: tuple(row[key]) for key in ("needed", "weak", "rpaths")}
    floor = None
    if row["floor"] is not None:
        kind, (major, minor) = row["floor"]
        floor = (kind, (major, minor))
    return Slice(**{**row, **lists, "floor": floor})
