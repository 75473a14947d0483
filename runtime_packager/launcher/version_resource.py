"""The version resource: what Windows' Explorer, Task Manager and installers say a program is.

Structures from Microsoft's "VS_VERSIONINFO" and the pages it links: ``VS_FIXEDFILEINFO``,
``StringFileInfo``, ``StringTable``, ``String``, ``VarFileInfo``, ``Var``. All texts are UTF-16LE.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

from packaging.version import Version

from runtime_packager.errors import InputError

_SIZE_LIMIT = 0xFFFF
"""Bytes any of the structures may have: ``wLength`` is 16 bits."""

_LANGUAGE, _CODE_PAGE = 0x0409, 1200
"""US English and UTF-16, as ``VarFileInfo`` and the key of the texts' table state them."""

_BINARY, _TEXT = 0, 1
_SIGNATURE, _STRUCTURE_VERSION = 0xFEEF04BD, 0x00010000
_ALL_FLAGS, _PRERELEASE = 0x3F, 0x02
"""``VS_FFI_FILEFLAGSMASK`` and ``VS_FF_PRERELEASE`` of <winver.h>."""

_FOR_WINDOWS_NT, _PROGRAM = 0x00040004, 1
"""``VOS_NT_WINDOWS32`` and ``VFT_APP`` of <winver.h>."""


def numeric_version(version: Version) -> tuple[int, int, int, int]:
    """The four 16-bit numbers Windows compares: the release's first four, zeros added.

    What PEP 440 has besides (``rc1``, ``.post2``, ``+local``, an epoch) is in the texts alone:
    1.2.3rc1 is 1.2.3.0, marked as a pre-release. A number beyond 65535 becomes 65535.
    """
    first, second, third, fourth = (*version.release, 0, 0, 0, 0)[:4]
    return min(first, 65535), min(second, 65535), min(third, 65535), min(fourth, 65535)


def version_resource(version: Version, texts: Mapping[str, str]) -> bytes:
    """A ``VS_VERSIONINFO`` for file and product.

    :param texts: by key, such as ``ProductName``, in the order in which they are written.
    :raises InputError: when a text has a NUL or they are too long together.
    """
    strings = [_text(key, value) for key, value in texts.items()]
    table = _node(f"{_LANGUAGE:04x}{_CODE_PAGE:04x}", _TEXT, children=strings)
    translation = _node("Translation", _BINARY, struct.pack("<HH", _LANGUAGE, _CODE_PAGE))
    children = [
        _node("StringFileInfo", _TEXT, children=[table]),
        _node("VarFileInfo", _TEXT, children=[translation]),
    ]
    return _node("VS_VERSION_INFO", _BINARY, _fixed(version), children=children)


def _fixed(version: Version) -> bytes:
    first, second, third, fourth = numeric_version(version)
    numbers = (first << 16 | second, third << 16 | fourth)
    flags = _PRERELEASE if version.is_prerelease else 0
    kind = (_FOR_WINDOWS_NT, _PROGRAM, 0)
    head = (_SIGNATURE, _STRUCTURE_VERSION, *numbers, *numbers, _ALL_FLAGS, flags)
    return struct.pack("<13I", *head, *kind, 0, 0)


def _text(key: str, value: str) -> bytes:
    if "\0" in value:
        raise InputError(f"{key}: expected a text without NUL, is {value!r}")
    data = _utf16(value)
    return _node(key, _TEXT, data, length=len(data) // 2)


def _node(
    key: str,
    kind: int,
    value: bytes = b"",
    *,
    length: int | None = None,
    children: Iterable[bytes] = (),
) -> bytes:
    """One structure; value and children begin at multiples of four bytes.

    :param length: of the value as ``wValueLength`` counts it: words of a text, else bytes.
    """
    body = _joined([bytes(6) + _utf16(key), *([value] if value else []), *children])
    if len(body) > _SIZE_LIMIT:
        raise InputError(
            f"the launcher's version resource has {len(body)} bytes, Windows reads {_SIZE_LIMIT}",
            "shorten the texts of the windows table",
        )
    counted = len(value) if length is None else length
    return struct.pack("<HHH", len(body), counted, kind) + body[6:]


def _joined(parts: Sequence[bytes]) -> bytes:
    body = b""
    for part in parts:
        body += bytes(-len(body) % 4) + part
    return body


def _utf16(text: str) -> bytes:
    return f"{text}\0".encode("utf-16-le")
