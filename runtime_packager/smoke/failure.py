"""What an import that failed has to say."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass

MESSAGE_LENGTH = 300
"""Characters of an exception's message that are shown: some packages write an essay."""

_LIBRARY = (
    re.compile(r"([^\s:'\"]+): cannot open shared object file"),  # glibc's loader
    re.compile(r"Error loading shared library ([^\s:'\"]+):"),  # musl's
    re.compile(r"Library not loaded: (\S+)"),  # macOS' dyld
    re.compile(r"Could not find module '([^']+)'"),  # ctypes on Windows
)

_FRAME = re.compile(r'^  File "([^"]+)", line (\d+) in ', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Failure:
    """A module that cannot be imported.

    :param kind: the exception's name, or ``crash`` or ``timeout``.
    :param chain: who was importing, outermost first: ``peft_studio.app:12``.
    :param library: the native library that the system's loader did not find, else empty.
    :param missing: the module that was not found, else empty.
    :param wanted_by: who imports or brings the module.
    """

    module: str
    kind: str
    message: str
    chain: tuple[str, ...] = ()
    library: str = ""
    missing: str = ""
    wanted_by: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line."""
        wanted = f" (wanted by {', '.join(self.wanted_by)})" if self.wanted_by else ""
        lines = [line.strip() for line in self.message.splitlines() if line.strip()]
        text = (lines[0] if lines else "no message")[:MESSAGE_LENGTH]
        missing = self.library and self.library not in text
        library = f"; the library {self.library} is missing" if missing else ""
        chain = f"; imported by {' -> '.join(self.chain)}" if self.chain else ""
        return f"{self.module}{wanted}: {self.kind}: {text}{library}{chain}"


def missing_library(messages: Iterable[str]) -> str:
    """The native library that a loader's message names as not there; empty when none does."""
    for message in messages:
        for pattern in _LIBRARY:
            if match := pattern.search(message):
                return match[1]
    return ""


def crash_text(returncode: int) -> str:
    """How an interpreter ended in the middle of an import, from its exit code."""
    if returncode >= 0:
        return f"ended the interpreter with exit code {returncode}"
    try:
        return f"crashed the interpreter ({signal.Signals(-returncode).name})"
    except ValueError:
        return f"crashed the interpreter (signal {-returncode})"


def dumped_chain(output: str, root: str, worker: str) -> tuple[str, ...]:
    """The files that were importing, outermost first, from what ``faulthandler`` wrote.

    :param root: the tree's directory, left out of the names.
    :param worker: the program that imports, left out.
    """
    frames = [
        f"{path.removeprefix(root).lstrip('/')}:{line}"
        for path, line in reversed(_FRAME.findall(output))
        if not path.startswith("<") and path != worker and "/importlib/" not in path
    ]
    return tuple(dict.fromkeys(frames))
