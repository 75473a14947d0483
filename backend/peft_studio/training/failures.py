"""What an exception in a child means to the person who started the training."""

from __future__ import annotations

import errno
from typing import Any


class TrainingFailure(Exception):  # noqa: N818 - it is what the user hears, not a bug
    """A reason to end the run that a person can do something about.

    :param id: one of the ids of errors.
    """

    def __init__(self, id: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.id, self.message, self.hint = id, message, hint


OUT_OF_MEMORY = (
    "DefaultCPUAllocator",
    "CUDA out of memory",
    "MPS backend out of memory",
    "std::bad_alloc",
    "bad allocation",
    "Cannot allocate memory",
    "not enough memory",
)
"""What libraries say when memory runs out; each has its own words and no class in common."""
DISK_FULL = (
    "No space left on device",
    "Disk quota exceeded",
    "File too large",
    "PytorchStreamWriter",
    "unexpected pos",
    "iostream error",
    "os error 112",
)
"""The same for the disk. PyTorch's writer says nothing of the reason, and hardly has another; 112
is Windows' ERROR_DISK_FULL."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def told(error: BaseException) -> dict[str, Any]:
    """``error`` in the shape of every error: id, message, hint; nothing of our insides."""
    for one in _chain(error):
        if isinstance(one, TrainingFailure):
            return _shape(one.id, one.message, one.hint)
        if _is_out_of_memory(one):
            return _shape(
                "out_of_memory",
                "memory ran out while training",
                "take a smaller batch_size or max_length, a smaller model, or close other programs",
            )
        if _is_disk_full(one):
            return _shape(
                "disk_full",
                "the disk is full: the training could not go on",
                "free some space and resume the run",
            )
    return _shape(
        "training_failed",
        f"the training failed ({type(error).__name__})",
        "the log has the details",
    )


def _shape(name: str, message: str, hint: str | None) -> dict[str, Any]:
    return {"id": name, "message": message, "hint": hint}


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what led to it, the outermost first."""
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found:
        found.append(one)
        one = one.__cause__ or one.__context__
    return found


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError | OSError) and _says(error, OUT_OF_MEMORY)


def _is_disk_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    # safetensors raises a class of its own.
    return _says(error, DISK_FULL)


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    text = str(error)
    return any(word in text for word in words)
