"""Reads native files with lief, in a child process: it parses strangers' files in C++.

Its arguments are the directory that holds lief and a JSON file: a list of ``[format, path]``. It
answers ``"ready"``, then one line of JSON a file, in the same order: a list of slices (see
:class:`runtime_packager.binaries.facts.Slice`), ``null`` for what no loader loads (objects, code
for GPUs), or a text that says why the file cannot be read. A file that kills this process is known
by the answer that is missing. Standard library and lief only.
"""

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from typing import Any

LIMIT = 120
"""Seconds for one file; the largest libraries there are take two."""

_GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)")
_RELR = "GLIBC_ABI_DT_RELR"
"""A version need without a number: packed relocations, which glibc 2.36 and later understand."""

_WEAK_NEED = 2
"""``VER_FLG_WEAK`` of <elf.h>: the loader does without that version."""

_DEVICES = ("CUDA", "AMDGPU", "AMD_GPU", "APPLE_GPU", "INTEL_GPU", "AIR64", "BPF", "INTELGT")
"""Machines that are not the computer's processor: such files are data to the system's loader."""

_NAMES = {
    "AMD64": "x86_64", "X86_64": "x86_64", "ARM64": "aarch64", "AARCH64": "aarch64",
    "ARM64X": "aarch64", "ARM64EC": "arm64ec", "I386": "x86", "X86": "x86",
}  # fmt: skip

_ARM64E = 2
"""``CPU_SUBTYPE_ARM64E``, which only the system's own programs may be."""

_MACHO_KINDS = {"EXECUTE", "DYLIB", "BUNDLE"}
_MACHO_NEEDED = {"LOAD_DYLIB", "REEXPORT_DYLIB", "LOAD_UPWARD_DYLIB"}
_MACHO_WEAK = {"LOAD_WEAK_DYLIB", "LAZY_LOAD_DYLIB"}

Row = dict[str, Any]


class UnreadableError(Exception):
    """The file is not what its first bytes promise."""


def read(form: str, path: str) -> list[Row] | None:
    """The slices of the file, or ``None`` when it is not for a loader.

    :raises UnreadableError: with the reason.
    """
    match form:
        case "ELF":
            return _elf(path)
        case "PE":
            return _pe(path)
        case _:
            return _macho(path)


def _name(machine: Any) -> str:
    text = str(machine).rpartition(".")[2]
    return _NAMES.get(text, text.lower())


def _is_device(machine: Any) -> bool:
    return str(machine).rpartition(".")[2] in _DEVICES


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")


def _require_whole(path: str, end: int) -> None:
    size = os.path.getsize(path)
    if end > size:
        raise UnreadableError(f"it is cut off: its parts reach to byte {end}, it has {size}")


def _elf(path: str) -> list[Row] | None:
    from lief import ELF

    config = ELF.ParserConfig()
    for part in ("dyn_symbols", "notes", "overlay", "relocations", "symtab_symbols"):
        setattr(config, f"parse_{part}", False)
    binary = ELF.parse(path, config)
    if binary is None:
        raise UnreadableError("it starts like an ELF file but is none")
    header, kinds = binary.header, ELF.Header.FILE_TYPE
    if _is_device(header.machine_type) or header.file_type in (kinds.REL, kinds.CORE):
        return None
    loads = [s for s in binary.segments if s.type == ELF.Segment.TYPE.LOAD]
    if header.file_type not in (kinds.DYN, kinds.EXEC) or not loads:
        raise UnreadableError("it starts like an ELF file but has nothing to load")
    table = header.section_header_offset + header.numberof_sections * header.section_header_size
    _require_whole(path, max([table, *(s.file_offset + s.physical_size for s in loads)]))
    return [_elf_slice(binary)]


def _elf_slice(binary: Any) -> Row:
    from lief.ELF import DynamicEntry

    tags = DynamicEntry.TAG
    entries = list(binary.dynamic_entries)
    needed = [_text(entry.name) for entry in entries if entry.tag == tags.NEEDED]
    sonames = [_text(entry.name) for entry in entries if entry.tag == tags.SONAME]
    # A RUNPATH takes the place of an RPATH altogether: ld.so(8).
    runpaths = [_text(entry.runpath) for entry in entries if entry.tag == tags.RUNPATH]
    rpaths = runpaths or [_text(entry.rpath) for entry in entries if entry.tag == tags.RPATH]
    interpreter = _text(binary.interpreter) if binary.has_interpreter else ""
    floor, by = _glibc_floor(binary)
    row: Row = {
        "architecture": _name(binary.header.machine_type),
        "program": bool(interpreter) or not entries,
        "libc": _libc(needed, interpreter, floor is not None),
        "needed": needed,
        "rpaths": [part for text in rpaths for part in text.split(":")],
        "name": sonames[0] if sonames else "",
    }
    if row["architecture"] == "x86_64" and "CLASS.ELF32" in str(binary.header.identity_class):
        row["architecture"] = "x32"
    return {**row, "floor": ["glibc", floor], "floor_by": by} if floor else row


def _libc(needed: list[str], interpreter: str, versions: bool) -> str | None:
    everything = [*needed, os.path.basename(interpreter)]
    if any(name.startswith(("libc.musl-", "ld-musl-")) or name == "libc.so" for name in everything):
        return "musl"
    if versions or "libc.so.6" in needed or "ld-linux" in interpreter:
        return "glibc"
    return None


def _glibc_floor(binary: Any) -> tuple[list[int] | None, str]:
    """The newest glibc version it needs, and what needs it."""
    highest: tuple[tuple[int, int], str] | None = None
    for requirement in binary.symbols_version_requirement:
        for version in requirement.get_auxiliary_symbols():
            name = _text(version.name)
            found = _GLIBC.fullmatch(name.rpartition("@")[2]) or _GLIBC.match(name)
            release = (int(found[1]), int(found[2])) if found else (2, 36)
            if (not found and name != _RELR) or version.flags & _WEAK_NEED:
                continue
            if highest is None or release > highest[0]:
                highest = release, f"{name} of {_text(requirement.name)}"
    return (list(highest[0]), highest[1]) if highest else (None, "")


def _pe(path: str) -> list[Row] | None:
    from lief import PE

    config = PE.ParserConfig()
    for part in ("exports", "reloc", "rsrc", "signature", "exceptions", "arm64x_binary"):
        setattr(config, f"parse_{part}", False)
    binary = PE.parse(path, config)
    if binary is None:
        raise UnreadableError("it starts like a Windows program but is none")
    optional = binary.optional_header
    ends = [section.pointerto_raw_data + section.sizeof_raw_data for section in binary.sections]
    if binary.header.numberof_sections != len(ends):
        raise UnreadableError(
            f"it should have {binary.header.numberof_sections} sections, {len(ends)} are readable"
        )
    _require_whole(path, max([optional.sizeof_headers, *ends]))
    version = [optional.major_subsystem_version, optional.minor_subsystem_version]
    flags = binary.header.characteristics_list
    return [
        {
            "architecture": _name(binary.header.machine),
            "program": PE.Header.CHARACTERISTICS.DLL not in flags,
            "floor": ["windows", version],
            "floor_by": f"subsystem version {version[0]}.{version[1]}",
            "needed": [_text(item.name) for item in binary.imports],
            "weak": [_text(item.name) for item in binary.delay_imports],
        }
    ]


def _macho(path: str) -> list[Row] | None:
    from lief import MachO

    with open(path, "rb") as stream:
        head = stream.read(8)
    binary = MachO.parse(path, MachO.ParserConfig.quick)
    if binary is None:
        raise UnreadableError("it starts like a Mach-O file but is none")
    expected = int.from_bytes(head[4:], "big") if head.startswith(b"\xca\xfe\xba") else 1
    if len(binary) != expected:
        raise UnreadableError(
            f"it should hold {expected} architectures, but {len(binary)} are readable"
        )
    slices = []
    for part in binary:
        end = max((s.file_offset + s.file_size for s in part.segments), default=0)
        _require_whole(path, part.fat_offset + end)
        if part.header.file_type.name not in _MACHO_KINDS or _is_device(part.header.cpu_type):
            return None
        slices.append(_macho_slice(part))
    return slices


def _macho_slice(part: Any) -> Row:
    commands = [(command.command.name, command) for command in part.commands]
    architecture = _name(part.header.cpu_type)
    if architecture == "aarch64" and part.header.cpu_subtype & 0xFF == _ARM64E:
        architecture = "arm64e"
    row: Row = {
        "architecture": architecture,
        "program": part.header.file_type.name == "EXECUTE",
        "needed": [c.name for kind, c in commands if kind in _MACHO_NEEDED],
        "weak": [c.name for kind, c in commands if kind in _MACHO_WEAK],
        "rpaths": [c.path for kind, c in commands if kind == "RPATH"],
        "name": next((c.name for kind, c in commands if kind == "ID_DYLIB"), ""),
        "signed": any(kind == "CODE_SIGNATURE" for kind, _ in commands),
    }
    floors = sorted(_apple_floors(commands), key=lambda floor: floor[0] != "macos")
    if floors:
        system, (major, minor) = floors[0]
        row["floor"] = [system, [major, minor]]
        row["floor_by"] = f"minimum {system} {major}.{minor}"
    return row


def _apple_floors(commands: list[tuple[str, Any]]) -> Iterator[tuple[str, tuple[int, int]]]:
    for kind, command in commands:
        if kind == "BUILD_VERSION":
            yield command.platform.name.lower(), (command.minos[0], command.minos[1])
        elif kind.startswith("VERSION_MIN_"):
            system = kind.removeprefix("VERSION_MIN_").lower().replace("macosx", "macos")
            yield system, (command.version[0], command.version[1])


def _answer(form: str, path: str) -> list[Row] | str | None:
    try:
        return read(form, path)
    except UnreadableError as problem:
        return str(problem)
    except Exception as error:
        return f"it cannot be read: {type(error).__name__}: {error}"


def main() -> None:
    """Do what the arguments say."""
    sys.path.append(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as stream:
        jobs = json.load(stream)
    import lief

    lief.logging.disable()
    print(json.dumps("ready"), flush=True)  # noqa: T201 - the parent reads it
    for form, path in jobs:
        if hasattr(signal, "alarm"):
            signal.alarm(LIMIT)  # unhandled, it ends the process
        print(json.dumps(_answer(form, path)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
