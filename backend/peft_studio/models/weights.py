"""What the header of a safetensors file says, read without the library and checked as foreign.

The format: the header's length in 8 bytes (little endian), the header as JSON, the tensors.
https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

HEADER_LIMIT = 16 << 20
"""Bytes of a header that are read: files of hundreds of GB stay below 1 MiB."""

_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32,
    "U64": 64, "I64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
_RANK = 64
"""Dimensions of a tensor, at most."""
_DENSEST = 8
"""Numbers in a byte, at most, of a kind that is not known here."""


class WeightsError(Exception):
    """Why a file is no safetensors file: what follows its name."""


def parameters(path: Path) -> int:
    """How many numbers the file's tensors have.

    :raises WeightsError: when the header is broken or does not fit the file.
    :raises OSError: when the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(HEADER_LIMIT, size - 8):
            raise WeightsError("does not begin with the header of a safetensors file")
        header = _parsed(file.read(length))
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
    end = max(map(_end, tensors), default=0)
    if size != 8 + length + end:
        raise WeightsError(f"is not whole: {size} bytes, its header tells of {8 + length + end}")
    return sum(map(_count, tensors))


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        header = json.loads(content)
    except (ValueError, RecursionError):
        raise WeightsError("has a header that is not JSON") from None
    if not isinstance(header, dict):
        raise WeightsError("has a header that is no object")
    return header


def _end(tensor: object) -> int:
    match tensor:
        case {"data_offsets": [int(start), int(end)]} if 0 <= start <= end:
            return end
    raise WeightsError("has a tensor without a place in the file")


def _count(tensor: dict[str, Any]) -> int:
    start, end = tensor["data_offsets"]
    shape: Any = tensor.get("shape")
    sized = isinstance(shape, list) and all(isinstance(n, int) and n >= 0 for n in shape)
    if not sized or len(shape) > _RANK:
        raise WeightsError("has a tensor without a shape")
    bits = _BITS.get(str(tensor.get("dtype")))
    count: int = math.prod(shape)
    if count > _DENSEST * (end - start) or (bits and (count * bits + 7) // 8 != end - start):
        raise WeightsError("has a tensor whose shape does not fit its place")
    return count
