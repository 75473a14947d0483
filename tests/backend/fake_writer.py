"""A child that generates without a model: it does what the prompt says, and answers its own pid."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from typing import Any

from peft_studio.worker.pipe import Pipe


def main(pipe: Pipe, arguments: Mapping[str, Any]) -> None:
    while True:
        try:
            message = pipe.recv()
        except EOFError:
            return
        if message["type"] == "stop":
            pipe.send({"type": "answer", "number": message["number"], "answer": None})
            continue
        act(message["job"]["prompt"], pipe, message["number"])


def act(prompt: str, pipe: Pipe, number: int) -> None:
    pipe.send({"type": "hardware", "gpus": [], "source": "fake"})
    if prompt == "load forever":
        threading.Event().wait()
    pipe.send({"type": "loaded", "number": number})
    match prompt:
        case "crash":
            os._exit(3)
        case "be killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "fail":
            error = {"id": "model_invalid", "message": "no model", "hint": None}
            pipe.send({"type": "failed", "number": number, "error": error})
        case "write on":
            pass
        case _:
            answer = {"text": f"{prompt} {os.getpid()}", "finish": "stop"}
            answer |= {"prompt_tokens": 1, "new_tokens": 1, "seconds": 0.0}
            pipe.send({"type": "answer", "number": number, "answer": answer})
