"""The bare digest of a file on disk."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from runtime_packager.manifest.codesign import macho, pe, universal
from runtime_packager.manifest.codesign.source import OddError, Recipe, Source

HEAD = 4
"""Bytes of a file that :func:`is_signable` needs."""


@dataclass(frozen=True, slots=True)
class Bare:
    """A program or library without its code signature.

    :param sha256: lower-case hex.
    :param signed: whether there is a signature, one for every processor in a universal file. That
        it is a *valid* one is not said.
    """

    sha256: str
    signed: bool


def is_signable(head: bytes) -> bool:
    """Whether a file with this head may be of a format that code signatures are written into."""
    return _format(head) is not None


def bare_file(stream: BinaryIO) -> Bare:
    """The bare digest of an open file.

    :raises OddError: when it has none; its message says why.
    """

    def read_at(offset: int, length: int) -> bytes:
        stream.seek(offset)
        return stream.read(length)

    return bare(Source(read_at, stream.seek(0, os.SEEK_END)))


def bare(source: Source) -> Bare:
    """As :func:`bare_file`, of bytes from anywhere."""
    try:
        recipe = recipe_of(source)
    except struct.error as error:  # a size that does not fit into its field once it is rounded
        raise OddError(f"a number is out of range: {error}") from error
    return Bare(source.digest(recipe).hex(), recipe.signed)


def recipe_of(source: Source) -> Recipe:
    """What the bare file consists of.

    :raises OddError: when there is none.
    """
    match _format(source.read(0, HEAD)):
        case "pe":
            return pe.recipe(source)
        case "macho":
            return macho.recipe(source)
        case "universal":
            return universal.recipe(source)
        case _:
            raise OddError("it is neither a Windows nor an Apple program")


def _format(head: bytes) -> str | None:
    if head.startswith(b"MZ"):
        return "pe"
    if head[:4] in macho.LAYOUTS:
        return "macho"
    return "universal" if head[:4] in universal.ROWS else None
