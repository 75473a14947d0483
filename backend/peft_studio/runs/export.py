"""A finished adapter as one file to take away."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

FILES = ("adapter_config.json", "adapter_model.safetensors", "README.md")
"""What an adapter consists of."""
_CHUNK = 1 << 20
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can tell: the same adapter gives the same bytes."""


def zipped(adapter: Path) -> Iterator[bytes]:
    """The files of ``adapter`` as a zip, piece by piece. Stored: weights do not compress.

    :raises OSError: when a file is not there.
    """
    pieces = _Pieces()
    with zipfile.ZipFile(pieces, "w", zipfile.ZIP_STORED) as archive:
        for name in FILES:
            with (
                (adapter / name).open("rb") as source,
                archive.open(_entry(name), "w", force_zip64=True) as target,
            ):
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
                    yield pieces.take()
    yield pieces.take()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _LONG_AGO)
    entry.external_attr = 0o644 << 16
    return entry


class _Pieces:
    """What a zip is written to: it cannot seek, and gives away what it was given."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes, /) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""

    def take(self) -> bytes:
        taken, self._held = bytes(self._held), bytearray()
        return taken
