"""What the end of a child says that did not say anything itself. Pure."""

from __future__ import annotations

import signal
from typing import Any


def crash(code: int) -> dict[str, Any]:
    """The error of a child that ended without a word.

    :param code: its exit code, negative for the signal that ended it.
    """
    if code == -9:
        # Nobody but the kernel sends this one to a child of ours, and it does so for memory.
        return {
            "id": "out_of_memory",
            "message": "the system ended the training, most likely because memory ran out",
            "hint": "take a smaller batch_size or max_length, or close other programs",
        }
    return {
        "id": "worker_crashed",
        "message": f"the training ended without a word ({_told(code)})",
        "hint": "the log has the details; resume the run to go on from its last checkpoint",
    }


def _told(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
