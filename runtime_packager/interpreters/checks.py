"""Whether an unpacked interpreter is the one asked for, read from its files: it never runs."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

from packaging.version import Version

from runtime_packager.entries import Entry, FileEntry
from runtime_packager.errors import IntegrityError
from runtime_packager.platforms import Target

_HEADER = 4096
"""Bytes that hold all we read: PE's header offset is the farthest and small in practice."""

_ELF = {62: "x86_64", 183: "aarch64"}
"""``e_machine`` of the ELF specification."""
_PE = {0x8664: "x86_64", 0xAA64: "aarch64", 0x14C: "x86"}
"""``Machine`` of the PE/COFF header."""
_MACHO = {0x01000007: "x86_64", 0x0100000C: "aarch64"}
"""``cputype`` of ``mach/machine.h``."""
_STDLIB = re.compile(r"python/(lib/python3\.\d+|Lib)")
_PATCHLEVEL = re.compile(rb'^\s*#\s*define\s+PY_VERSION\s+"([^"]+)"', re.MULTILINE)


def check_interpreter(
    entries: Iterable[Entry], python: Version, target: Target, title: str
) -> None:
    """Check that there is an interpreter, of this version, for this machine.

    :param title: what to call it in messages.
    :raises IntegrityError: with every way in which it is another.
    """
    files = {entry.path: entry for entry in entries if isinstance(entry, FileEntry)}
    judged = (_machine_problem(files, python, target), _version_problem(files, python, target))
    problems = [problem for problem in judged if problem]
    if problems:
        raise IntegrityError(
            f"{title} does not hold CPython {python} for {target.name}",
            "check which version and platform the source is for",
            details=problems,
        )


def _machine_problem(files: dict[str, FileEntry], python: Version, target: Target) -> str | None:
    path = target.interpreter(python)
    if path not in files:
        return f"there is no {path}"
    with files[path].source.open("rb") as stream:
        actual = machines(stream.read(_HEADER))
    arch = target.triple.partition("-")[0]
    expected = ({"linux": "ELF", "win": "PE", "mac": "Mach-O"}[target.os], arch)
    if expected in actual:
        return None
    found = " and ".join(f"{form} {machine}" for form, machine in actual) or "no program"
    return f"{path}: expected {' '.join(expected)}, actual {found}"


def machines(head: bytes) -> list[tuple[str, str]]:
    """(format, machine) of the program that begins with ``head``; several for a universal one."""
    if head[:4] == b"\x7fELF" and len(head) >= 20:
        order = ">" if head[5] == 2 else "<"
        return [("ELF", _named(_ELF, struct.unpack_from(f"{order}H", head, 18)[0]))]
    if head[:2] == b"MZ" and len(head) >= 64:
        return _pe(head)
    if head[:4] == b"\xcf\xfa\xed\xfe" and len(head) >= 8:
        return [("Mach-O", _named(_MACHO, struct.unpack_from("<I", head, 4)[0]))]
    if head[:4] == b"\xca\xfe\xba\xbe" and len(head) >= 8:
        return _universal(head)
    return []


def _pe(head: bytes) -> list[tuple[str, str]]:
    (offset,) = struct.unpack_from("<I", head, 60)
    if head[offset : offset + 4] != b"PE\0\0" or len(head) < offset + 6:
        return []
    return [("PE", _named(_PE, struct.unpack_from("<H", head, offset + 4)[0]))]


def _universal(head: bytes) -> list[tuple[str, str]]:
    (count,) = struct.unpack_from(">I", head, 4)
    starts = range(8, min(8 + 20 * count, len(head) - 3), 20)
    return [("Mach-O", _named(_MACHO, struct.unpack_from(">I", head, at)[0])) for at in starts]


def _named(names: dict[int, str], number: int) -> str:
    return names.get(number, f"machine {number:#x}")


def _version_problem(files: dict[str, FileEntry], python: Version, target: Target) -> str | None:
    short = f"{python.major}.{python.minor}"
    folder = "include" if target.is_windows else f"include/python{short}"
    header = files.get(f"python/{folder}/patchlevel.h")
    if header is None:
        return _stdlib_problem(files, python, target)
    match = _PATCHLEVEL.search(header.source.read_bytes())
    actual = match[1].decode("ascii", "replace") if match else "no PY_VERSION"
    if _same(actual, python):
        return None
    return f"{header.path}: expected version {python}, actual {actual}"


def _stdlib_problem(files: dict[str, FileEntry], python: Version, target: Target) -> str | None:
    expected = target.stdlib(python)
    folders = {path.rpartition("/")[0] for path in files}
    actual = sorted(folder for folder in folders if _STDLIB.fullmatch(folder))
    if expected in actual:
        return None
    return f"expected {expected}, actual {', '.join(actual) or 'none'}"


def _same(actual: str, python: Version) -> bool:
    try:
        return Version(actual.rstrip("+")) == python
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        return False
