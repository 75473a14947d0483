"""Programs and what each is without its code signature: for every verifier, in whatever language.

``programs.json`` is a list of ``{"name", "data", "unsigned", "signed"}``: the file's bytes in
base64, the digest of the bare program (``null`` when it has none and needs its exact bytes), and
whether it is signed.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import signing as made

from runtime_packager.binaries import fat
from runtime_packager.entries import FileEntry, LinkEntry
from runtime_packager.manifest.codesign import OddError, Source
from runtime_packager.manifest.codesign.bare import bare
from runtime_packager.manifest.files import records, render

ARM64 = 0x0100000C


def program_vectors() -> bytes:
    """The bytes of ``programs.json``."""
    rows = [_row(name, data) for name, data in _programs()]
    return ("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n").encode()


def signable_list() -> bytes:
    """A files.json for Windows with a program in it."""
    data = made.windows_program()
    digest = "ab" * 32
    entries = (
        FileEntry("engine.exe", len(data), digest, True, Path("engine.exe")),
        FileEntry("main.py", 3, "cd" * 32, False, Path("main.py")),
        LinkEntry("same.exe", "engine.exe"),
    )
    unsigned = {digest: bare(Source.of(data)).sha256}
    return render(records(entries, platform="win-x64", unsigned=unsigned))


def _row(name: str, data: bytes) -> dict[str, object]:
    text = base64.b64encode(data).decode()
    try:
        found = bare(Source.of(data))
    except OddError:
        return {"name": name, "data": text, "unsigned": None, "signed": None}
    return {"name": name, "data": text, "unsigned": found.sha256, "signed": found.signed}


def _programs() -> Iterator[tuple[str, bytes]]:
    yield "nothing", b""
    yield "text", b"print()\n"
    yield "ELF", b"\x7fELF" + bytes(60)
    yield from _windows()
    yield from _apple()
    yield from _universal()


def _windows() -> Iterator[tuple[str, bytes]]:
    certificate = made.certificate()
    for overlay in (b"", b"1", b"1234567", b"12345678"):
        data = made.windows_program(overlay)
        yield f"PE, {len(overlay)} bytes behind its section", data
        yield f"PE, {len(overlay)} bytes, signed", made.sign_windows(data, certificate)
    data = made.windows_program()
    signed = made.sign_windows(data, certificate)
    yield "PE, two certificates", made.sign_windows(data, certificate + made.certificate(3, 1))
    yield "PE, sixteen certificates", made.sign_windows(data, certificate * 16)
    yield "PE, seventeen certificates", made.sign_windows(data, certificate * 17)
    yield "PE, another checksum", made.sign_windows(data, certificate, checksum=0xFFFFFFFF)
    yield "PE, appended to", signed + b"more"
    yield "PE, an archive behind its section", data + b"PK\5\6" + bytes(18)
    yield "PE, an archive's end in its section", data.replace(data[520:524], b"PK\5\6", 1)
    for size in (8, 24, 32):
        yield f"PE, {size} zeros in its table", made.sign_windows(data, certificate + bytes(size))
    padded = struct.pack("<IHH", 56, 0x200, 2) + b"\x30\x24" + bytes(46)
    yield "PE, a short structure", made.sign_windows(data, padded)
    inside = struct.pack("<IHH", 56, 0x200, 2) + b"\x30\x81\x21" + bytes(45)
    yield "PE, fifteen zeros behind a structure", made.sign_windows(data, inside[:56])
    yield "PE, a byte behind a structure", made.sign_windows(data, inside[:55] + b"\1")
    _, entry = made.windows_fields(signed)
    start, size = struct.unpack_from("<II", signed, entry)
    for name, pair in {
        "later": (start + 8, size), "shorter": (start, size - 8), "earlier": (start - 8, size),
        "longer": (start - 8, size + 8), "at zero": (0, size), "empty": (start, 0),
    }.items():  # fmt: skip
        yield f"PE, table {name}", _with(signed, entry, "<II", *pair)
    for name, place, form, value in (
        ("header at 60", 60, "<I", 60), ("header far away", 60, "<I", 0xFFFFFFF0),
        ("no section", 70, "<H", 0), ("many sections", 70, "<H", 0xFFFF),
        ("small optional header", 84, "<H", 140), ("four directories", 196, "<I", 4),
        ("a ROM image", 88, "<H", 0x107), ("section in the headers", 348, "<I", 256),
        ("section beyond the end", 344, "<I", 0xFFFFFFFF),
        ("section not in the file", 348, "<I", 0),
    ):  # fmt: skip
        yield f"PE, {name}", _with(data, place, form, value)


def _apple() -> Iterator[tuple[str, bytes]]:
    blob = made.super_blob(100)
    for strings in (b"\0_main\0", b"\0_main\0\0", b"no end", b"", b"\0" + b"a" * 14 + b"\0"):
        data = made.apple_program(strings)
        name = f"Mach-O, {len(strings)} bytes of names"
        yield name, data
        for stretch in (True, False):
            signed = made.sign_apple(data, blob, stretch=stretch)
            yield f"{name}, signed, stretched: {stretch}", signed
        yield f"{name}, stripped", made.strip_apple(signed)
    data = made.apple_program()
    signed = made.sign_apple(data, blob)
    yield "Mach-O, room behind the signature", made.sign_apple(data, blob, spare=64)
    yield "Mach-O, remains of another signature", made.sign_apple(data, blob + blob[40:])
    yield "Mach-O, no super blob", made.sign_apple(data, bytes(100))
    yield "Mach-O, appended to", signed + b"more"
    yield "Mach-O, off the boundary", _off_the_boundary()
    yield "Mach-O, no room for the command", _no_room()
    yield "Mach-O, big-endian", b"\xfe\xed\xfa\xcf" + data[4:]
    (linkedit,) = (at for _, at, _ in made.commands(data) if data[at + 8 :][:16] == made.LINKEDIT)
    for name, place, form, value in (
        ("a command less", 16, "<I", 2), ("a command more", 16, "<I", 4),
        ("all commands less", 20, "<I", 0), ("commands beyond the end", 20, "<I", 0xFFFFFFFF),
        ("a command of no size", 36, "<I", 0), ("a command of odd size", 36, "<I", 150),
        ("many sections", 96, "<I", 0xFFFFFFFF), ("a segment that wraps", 80, "<Q", 1 << 63),
        ("a segment in memory behind", 64, "<Q", 1 << 62),
        ("more memory", linkedit + 32, "<Q", 0x8000),
        ("far more memory", linkedit + 32, "<Q", 1 << 27), ("less memory", linkedit + 32, "<Q", 16),
        ("shorter", linkedit + 48, "<Q", 16),
    ):  # fmt: skip
        yield f"Mach-O, {name}", _with(data, place, form, value)


def _off_the_boundary() -> bytes:
    return made.sign_apple(made.apple_program(b"\0_main\0\0\0"), made.super_blob(92), boundary=4)


def _no_room() -> bytes:
    program = bytearray(made.apple_program(room=0))
    first = 32 + struct.unpack_from("<I", program, 20)[0]
    program[first : first + 16] = bytes(16)
    return made.sign_apple(bytes(program), made.super_blob(100))


def _universal() -> Iterator[tuple[str, bytes]]:
    intel = made.apple_program()
    apple = _with(made.apple_program(b"\0_other\0"), 4, "<I", ARM64)
    both = fat([intel, apple])
    yield "universal", _small(both)
    blob = made.super_blob(48)
    yield "universal, signed", _small(fat([made.sign_apple(one, blob) for one in (intel, apple)]))
    yield "universal, half signed", _small(fat([intel, made.sign_apple(apple, blob)]))
    yield "universal, appended to", _small(both) + b"\0"
    small = _small(both)
    yield "universal, something between", small[:60] + b"x" + small[61:]
    for name, place, value in (
        ("no programs", 4, 0), ("many programs", 4, 31), ("alignment", 24, 5),
        ("huge alignment", 24, 63), ("beyond the end", 16, 0xFFFFFFF0),
        ("one processor", 28, 0x01000007),
    ):  # fmt: skip
        yield f"universal, {name}", _with(small, place, ">I", value)
    yield "a Java class", b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(100)
    row = struct.pack(">IIQQII", 0x01000007, 3, 48, len(intel), 4, 0)
    wide = (b"\xca\xfe\xba\xbf" + struct.pack(">I", 1) + row).ljust(48, b"\0") + intel
    yield "universal, wide offsets", wide
    yield "universal, something reserved", _with(wide, 36, ">I", 1)
    yield "universal, wide offsets that wrap", _with(wide, 16, ">Q", (1 << 64) - 16)


def _small(data: bytes) -> bytes:
    """The same two programs, aligned to 64 bytes rather than to pages."""
    made_of = [struct.unpack_from(">IIIII", data, 8 + 20 * number) for number in range(2)]
    rows, body = b"", b""
    for cpu, subtype, offset, size, _ in made_of:
        body = body.ljust(-(-len(body) // 64) * 64, b"\0")
        rows += struct.pack(">IIIII", cpu, subtype, 64 + len(body), size, 6)
        body += data[offset : offset + size]
    return (data[:8] + rows).ljust(64, b"\0") + body


def _with(data: bytes, place: int, form: str, *values: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(form, changed, place, *values)
    return bytes(changed)
