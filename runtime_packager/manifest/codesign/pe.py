"""Windows' programs and libraries without their Authenticode signature.

From Microsoft's "Windows Authenticode Portable Executable Signature Format" and "PE Format".
Signing writes the checksum, the directory entry of the certificate table, and the table at the
file's end, on an 8-byte boundary. The bare file has zeros in both fields, no table, and zeros up
to the boundary whether it was ever signed or not. It is a valid program.

Odd, besides what contradicts itself: a table that is not the end of the file, or holds anything but
PKCS #7 structures without a gap; a section outside of the bytes between headers and table; an
archive behind the last section, for zip files are read from their end, which is the table.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from runtime_packager.manifest.codesign.source import OddError, Recipe, Source, Span, aligned

BOUNDARY = 8
MOST_CERTIFICATES = 16
"""Certificates of a table: there is one, or two where old systems need another digest."""
LARGEST_TABLE = 16 * 1024 * 1024
"""Bytes of a table; real ones have some ten thousand."""

_LOWEST_HEADER, _HIGHEST_HEADER = 64, 1 << 20
_COFF = struct.Struct("<4sHHIIIHH")
_DIRECTORY_COUNT = {0x10B: 92, 0x20B: 108}
"""Offset of ``NumberOfRvaAndSizes`` in the optional header, by its magic: 32 and 64 bit."""
_CHECKSUM = 64
_CERTIFICATES = 4
"""The index of the certificate table's directory entry."""
_SECTION = struct.Struct("<16xII16x")
_CERTIFICATE = struct.Struct("<IHH")
_REVISIONS = (0x0100, 0x0200)
_PKCS7 = 2
_ARCHIVE_END = b"PK\x05\x06"


@dataclass(frozen=True, slots=True)
class _Headers:
    """Offsets in the file, in bytes.

    :param end: behind the section table.
    :param sections: those that have bytes in the file.
    """

    checksum: int
    directory: int
    end: int
    sections: tuple[Span, ...]


def recipe(source: Source) -> Recipe:
    """The bare program.

    :raises OddError: when there is none.
    """
    headers = _headers(source)
    head = bytearray(source.read(0, headers.end))
    start, size = struct.unpack_from("<II", head, headers.directory)
    signed = bool(start or size)
    if signed:
        _require_table(source, start, size)
    end = start if signed else source.size
    _require_sections(source, headers, end)
    struct.pack_into("<I", head, headers.checksum, 0)
    struct.pack_into("<II", head, headers.directory, 0, 0)
    padding = bytes(aligned(end, BOUNDARY) - end)
    return Recipe((bytes(head), Span(headers.end, end), padding), signed)


def _headers(source: Source) -> _Headers:
    (coff,) = struct.unpack("<I", source.read(60, 4))
    if not _LOWEST_HEADER <= coff <= _HIGHEST_HEADER:
        raise OddError(f"its header is at byte {coff}")
    signature, _, count, *_, optional_size, _ = _COFF.unpack(source.read(coff, _COFF.size))
    optional = coff + _COFF.size
    (magic,) = struct.unpack("<H", source.read(optional, 2))
    if signature != b"PE\0\0" or magic not in _DIRECTORY_COUNT:
        raise OddError("it is no Windows program")
    counted = optional + _DIRECTORY_COUNT[magic]
    directory = counted + 4 + 8 * _CERTIFICATES
    (directories,) = struct.unpack("<I", source.read(counted, 4))
    table = optional + optional_size
    if directories <= _CERTIFICATES or directory + 8 > table:
        raise OddError("its headers have no place for a signature")
    rows = _SECTION.iter_unpack(source.read(table, count * _SECTION.size))
    sections = tuple(Span(start, start + size) for size, start in rows if start and size)
    return _Headers(optional + _CHECKSUM, directory, table + count * _SECTION.size, sections)


def _require_sections(source: Source, headers: _Headers, end: int) -> None:
    if headers.end > end:
        raise OddError("its headers reach into the certificate table")
    for section in headers.sections:
        if section.start < headers.end or section.end > end:
            raise OddError(f"a section has bytes {section.start} to {section.end}")
    last = max((section.end for section in headers.sections), default=headers.end)
    if _holds(source, Span(last, end), _ARCHIVE_END):
        raise OddError("it carries an archive, which is read from the file's end")


def _holds(source: Source, span: Span, text: bytes) -> bool:
    tail = b""
    for chunk in source.chunks(span):
        if text in tail + chunk:
            return True
        tail = chunk[1 - len(text) :]
    return False


def _require_table(source: Source, start: int, size: int) -> None:
    if start % BOUNDARY or not size or size > LARGEST_TABLE or start + size != source.size:
        raise OddError(f"its certificate table is {size} bytes at {start} of {source.size}")
    at = start
    for _ in range(MOST_CERTIFICATES):
        at = _require_certificate(source, at)
        if at == source.size:
            return
    raise OddError(f"it has more than {MOST_CERTIFICATES} certificates")


def _require_certificate(source: Source, at: int) -> int:
    """Where the next one begins."""
    length, revision, kind = _CERTIFICATE.unpack(source.read(at, _CERTIFICATE.size))
    content = at + _CERTIFICATE.size
    end = at + aligned(length, BOUNDARY)
    if length <= _CERTIFICATE.size or revision not in _REVISIONS or kind != _PKCS7:
        raise OddError(f"a certificate of {length} bytes, revision {revision:#x}, type {kind}")
    padding = Span(content + _structure_size(source.read(content, 6)), end)
    if not 0 <= padding.end - padding.start < 2 * BOUNDARY or not source.is_zero(padding):
        raise OddError("there is more in its certificate table than certificates")
    return end


def _structure_size(head: bytes) -> int:
    """Bytes of the DER sequence that starts like this."""
    width = head[1] - 0x80
    if head[0] != 0x30 or not 1 <= width <= 4:
        raise OddError("a certificate is no PKCS #7 structure")
    return 2 + width + int.from_bytes(head[2 : 2 + width], "big")
