"""What a child does before its work: it can be ended as a whole, steps back, and ends with us."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from peft_studio import logs
from peft_studio.worker.pipe import Pipe

_NICE = 5
"""How far a child steps back, so that the service answers while it computes."""
_BELOW_NORMAL = 0x4000
"""BELOW_NORMAL_PRIORITY_CLASS of Windows' SetPriorityClass."""


def run(
    main: Callable[[Pipe, Mapping[str, Any]], None],
    connection: Connection,
    arguments: Mapping[str, Any],
) -> None:
    """The first function of every child."""
    settle()
    main(Pipe(connection), arguments)


def settle() -> None:
    """Become the head of a group that can be ended as a whole, and step back for the service."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), _BELOW_NORMAL)
    else:
        os.setpgid(0, 0)
        os.nice(_NICE)
    # Standard output is where the service says that it is ready; libraries print what they like.
    with contextlib.suppress(OSError):
        os.dup2(2, 1)
    logs.configure("info")


def listen(pipe: Pipe, on_message: Callable[[Mapping[str, Any]], None]) -> None:
    """Hear the service from a thread, and end this process and its children when it is gone.

    The pipe ends with the service, however that ends. From then on nobody else may read from
    ``pipe``.

    :param on_message: called in that thread.
    """

    def hear() -> None:
        while True:
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                end_family()
            on_message(message)

    threading.Thread(target=hear, name="service", daemon=True).start()


def end_family() -> None:
    """End this process and those it started, at once."""
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    # On Windows a DataLoader's workers watch their parent and end by themselves.
    os._exit(1)


def confine(hub: Path, scratch: Path, *, online: bool) -> None:
    """Keep the libraries' files in our places. Before any of the libraries is imported.

    :param hub: what is fetched from a model hub, and stays.
    :param scratch: a directory for what need not stay; it is made.
    :param online: whether the hub may be asked at all.
    """
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    places = {
        "HF_HOME": hub,
        "HF_HUB_CACHE": hub / "hub",
        "HF_DATASETS_CACHE": scratch / "datasets",
        "HF_MODULES_CACHE": scratch / "modules",
        "TORCH_HOME": scratch,
        "TORCHINDUCTOR_CACHE_DIR": scratch / "inductor",
        "TRITON_CACHE_DIR": scratch / "triton",
        "CUDA_CACHE_PATH": scratch / "cuda",
        "MPLCONFIGDIR": scratch,
        "TMPDIR": scratch,
        "TMP": scratch,
        "TEMP": scratch,
    }
    offline = "0" if online else "1"
    words = {
        "HF_HUB_OFFLINE": offline,
        "TRANSFORMERS_OFFLINE": offline,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "DISABLE_SAFETENSORS_CONVERSION": "1",
        # Tokenizers would warn in every process that a DataLoader forks.
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": str(threads()),
    }
    os.environ |= {name: str(path) for name, path in places.items()} | words
    # Libraries take a hub's org/name for a directory where there is one below the current one.
    os.chdir(scratch)
    tempfile.tempdir = None


def threads() -> int:
    """How many threads a child computes with: one core is left to the service."""
    if sys.platform == "linux":
        return max(1, len(os.sched_getaffinity(0)) - 1)
    return max(1, (os.cpu_count() or 1) - 1)
