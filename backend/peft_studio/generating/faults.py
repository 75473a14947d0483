"""What went wrong in the child that generates, told by id: a traceback is for the log."""

from __future__ import annotations

import errno


class FaultError(Exception):
    """A failure whose id and sentence are known where it is found."""

    def __init__(self, identity: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.fault: dict[str, str | None] = {"id": identity, "message": message, "hint": hint}


def fault_of(error: Exception) -> dict[str, str | None]:
    """The failure as the service is told it: ``id``, ``message``, ``hint``."""
    if isinstance(error, FaultError):
        return error.fault
    if isinstance(error, ModuleNotFoundError):
        return _fault(
            "missing_package",
            f"the package {error.name} is missing",
            "reinstall PEFT Studio with the training libraries",
        )
    if is_out_of_memory(error):
        return _fault(
            "out_of_memory",
            "there is not enough memory for this model and text",
            "take a smaller model, or a shorter text",
        )
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _fault("disk_full", "the disk is full", "free some space")
    return _fault("generation_failed", "generating failed", "the log has the details")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, which libraries say in several ways."""
    kind, text = type(error).__name__, str(error)
    return (
        isinstance(error, MemoryError)
        or kind == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "not enough memory" in text)
        or (isinstance(error, RuntimeError) and "bad_alloc" in text)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
    )


def _fault(identity: str, message: str, hint: str) -> dict[str, str | None]:
    return {"id": identity, "message": message, "hint": hint}
