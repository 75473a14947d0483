"""What a tree is made from, as one digest and as the facts its manifest states.

The digest names content alone: no path, user, time or machine. Two runs with the same digest
make the same tree, so a run that finds it in its output has nothing to do.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from runtime_packager import __version__
from runtime_packager.app import STUB, Script
from runtime_packager.config import Config
from runtime_packager.entries import FileEntry
from runtime_packager.errors import InputError
from runtime_packager.interpreters import Interpreter
from runtime_packager.io.files import FILE_TIME
from runtime_packager.launcher import configuration, launcher_entry
from runtime_packager.manifest import ReleaseFacts
from runtime_packager.platforms import Target
from runtime_packager.wheels import Lock, render

FORMAT = 1
"""Raise it whenever the same inputs would be assembled differently."""

ISOLATION = ("-I", "-B", "-X", "utf8")
"""Interpreter arguments of every runtime: isolated, writing no bytecode, UTF-8 on every system."""


def launcher(config: Config, target: Target) -> tuple[FileEntry, bytes]:
    """The launcher's file and its configuration."""
    arguments = [*ISOLATION, *(["-" + "O" * config.optimize] if config.optimize else [])]
    text = configuration(target.interpreter(config.python), arguments, f"app/{STUB}.py", {})
    return launcher_entry(target, config.launcher), text


def app_directory(config: Config) -> str:
    """The directory of the tree whose modules the app imports: its script's, else ``app``."""
    if not isinstance(config.entry, Script):
        return "app"
    return (PurePosixPath("app") / config.entry.path).parent.as_posix()


def created() -> int:
    """Seconds since 1970 that the manifest states: ``SOURCE_DATE_EPOCH``, else 1980-01-01.

    A constant by default: the time of day is no input, and equal inputs give equal bytes.

    :raises InputError: when the variable is no whole number.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", str(FILE_TIME))
    if not text.isdecimal():
        raise InputError(f"SOURCE_DATE_EPOCH is {text!r}, expected whole seconds since 1970")
    return int(text)


def facts(
    config: Config,
    target: Target,
    lock: Lock,
    interpreter: Interpreter,
    app_files: Sequence[FileEntry],
    launcher_file: FileEntry,
    launcher_configuration: bytes,
) -> ReleaseFacts:
    """What the manifest will state about the tree, apart from its files."""
    lock_sha256 = _digest(render(lock, write_urls=False))
    decides: dict[str, Any] = {
        "format": FORMAT,
        "tool": __version__,
        "product": [config.name, config.version, config.epoch],
        "platform": target.name,
        "python": str(config.python),
        "interpreter": interpreter.digest,
        "provenance": asdict(interpreter.provenance),
        "lock": lock_sha256,
        "app": [[file.path, file.sha256, file.executable] for file in app_files],
        "entry": repr(config.entry),
        "launcher": [config.launcher, launcher_file.sha256],
        "configuration": launcher_configuration.decode(),
        "trim": sorted(config.trim),
        "optimize": config.optimize,
        "created": created(),
    }
    text = json.dumps(decides, sort_keys=True, ensure_ascii=False)
    return ReleaseFacts(
        product=config.name,
        version=config.version,
        epoch=config.epoch,
        platform=target.name,
        interpreter=asdict(interpreter.provenance),
        lock_sha256=lock_sha256,
        tool=f"runtime-packager {__version__}",
        created=created(),
        inputs=_digest(text),
        launcher=launcher_file.path,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def entry_of(path: str, data: bytes, source: Path) -> FileEntry:
    """An entry for bytes we made ourselves."""
    return FileEntry(path, len(data), hashlib.sha256(data).hexdigest(), False, source)
