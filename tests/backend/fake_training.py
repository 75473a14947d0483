"""A child that stands in for training: it does as the run's seed says, and loads no library."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any

from peft_studio.worker.pipe import Pipe

STEP = {"epoch": 0.5, "loss": 1.5, "learning_rate": 0.1, "tokens_per_second": 10.0, "eta": 1.0}


class Act(IntEnum):
    """What it does: the seed it is given."""

    FINISH = 0
    WAIT = 1
    CRASH = 2
    EXIT = 3
    FAIL = 4
    DIE_PAUSING = 5


def main(pipe: Pipe, arguments: Mapping[str, Any]) -> None:
    pipe.send({"type": "started"})
    pipe.send({"type": "progress", "step": 1, "total": 2, **STEP})
    act = Act(arguments["training"]["seed"])
    match act:
        case Act.WAIT | Act.DIE_PAUSING:
            word = pipe.recv()  # ends with the service
            assert word == {"type": "pause"}
            if act is Act.WAIT:
                pipe.send({"type": "paused"})
        case Act.CRASH:
            os.kill(os.getpid(), signal.SIGSEGV)
        case Act.EXIT:
            os._exit(3)
        case Act.FAIL:
            error = {"id": "dataset_invalid", "message": "no", "hint": None}
            pipe.send({"type": "failed", "error": error})
        case Act.FINISH:
            (Path(arguments["folder"]) / "adapter").mkdir()
            pipe.send({"type": "progress", "step": 2, "total": 2, **STEP})
            pipe.send({"type": "completed"})
