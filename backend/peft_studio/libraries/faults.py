"""What an exception in a child means to the person who waits for its work."""

from __future__ import annotations

import errno
from dataclasses import dataclass


class Fault(Exception):  # noqa: N818 - it is what the user hears, not a bug
    """A reason to give up that a person can do something about.

    :param id: one of the ids of errors.
    """

    def __init__(self, id: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.id, self.message, self.hint = id, message, hint


@dataclass(frozen=True, slots=True)
class Words:
    """How a kind of work speaks of failures that may meet any.

    :param id: of a failure that nobody foresaw.
    :param failed: that it failed, as a sentence.
    :param memory: what to do when memory ran out.
    :param disk: what to do when the disk is full.
    """

    id: str
    failed: str
    memory: str
    disk: str


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
    "os error 28",
    "PytorchStreamWriter",
    "inline_container.cc",
    "iostream error",
)
"""The same for the disk. PyTorch's writer, which says the last three, tells nothing of the reason,
and hardly has another."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def told(error: BaseException, words: Words) -> dict[str, str | None]:
    """``error`` in the shape of every error: id, message, hint; nothing of our insides."""
    known = foreseen(error, words)
    fault = known or Fault(
        words.id, f"{words.failed} ({type(error).__name__})", "the log has the details"
    )
    return {"id": fault.id, "message": fault.message, "hint": fault.hint}


def foreseen(error: BaseException, words: Words) -> Fault | None:
    """The reason that is known for ``error`` or for what led to it."""
    for one in _chain(error):
        if isinstance(one, Fault):
            return one
        if isinstance(one, ModuleNotFoundError):
            hint = "reinstall PEFT Studio with the training libraries"
            return Fault("missing_package", f"the package {one.name} is missing", hint)
        if _is_out_of_memory(one):
            return Fault("out_of_memory", "memory ran out", words.memory)
        if _is_disk_full(one):
            return Fault("disk_full", "the disk is full", words.disk)
    return None


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
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
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
