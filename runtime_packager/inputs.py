"""What a tree is made from, as one digest and as the facts its manifest states.

The digest names content alone: no path, user, time or machine. Two runs with the same digest
make the same tree, so a run that finds it in its output has nothing to do.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from runtime_packager import __version__
from runtime_packager.app import STUB, Script
from runtime_packager.config import Config
from runtime_packager.entries import FileEntry
from runtime_packager.errors import InputError
from runtime_packager.interpreters import Interpreter
from runtime_packager.io.cache import Cache
from runtime_packager.io.files import FILE_TIME
from runtime_packager.launcher import configuration, identified_launcher
from runtime_packager.manifest import ReleaseFacts
from runtime_packager.platforms import TARGETS, Target
from runtime_packager.tree import Trace, load_trace, render_trace
from runtime_packager.wheels import Lock, render

FORMAT = 8
"""Raise it whenever the same inputs would be assembled differently."""

OPENSSL_CONF = "python/openssl.cnf"
"""The tree path of an empty configuration: OpenSSL would read the host's."""

ISOLATION = ("-I", "-B", "-X", "utf8")
"""Interpreter arguments of every runtime: isolated, writing no bytecode, UTF-8 on every system."""


@dataclass(frozen=True, slots=True)
class Ingredients:
    """All that decides the tree of one target, known before anything is built.

    :param compiler: compiles the bytecode; the target's interpreter where that runs here.
    :param app_files: with paths relative to ``app/``.
    :param launcher: the launcher's file, and ``configuration`` what its cfg says.
    :param trace: what was seen to be imported, where the rule ``untraced`` asks; ``None`` when
        nobody looked.
    """

    target: Target
    lock: Lock
    interpreter: Interpreter
    compiler: Interpreter
    app_files: tuple[FileEntry, ...]
    launcher: FileEntry
    configuration: bytes
    trace: Trace | None = None


def launcher(config: Config, target: Target, cache: Cache) -> tuple[FileEntry, bytes]:
    """The launcher's file, which on Windows is made for this product, and its configuration."""
    entry = identified_launcher(target, config.launcher, config.identity, cache)
    return entry, start_configuration(config, target, STUB)


def start_configuration(config: Config, target: Target, stub: str) -> bytes:
    """The cfg of a launcher that starts ``app/<stub>.py``."""
    arguments = [*ISOLATION, *(["-" + "O" * config.optimize] if config.optimize else [])]
    interpreter = target.interpreter(config.python)
    return configuration(interpreter, arguments, f"app/{stub}.py", _environment(target))


def _environment(target: Target) -> dict[str, str]:
    """What keeps the host's OpenSSL settings out, and lets curses find the user's terminal.

    The system's descriptions of terminals come first; python-build-standalone brings its own.
    """
    found = {"OPENSSL_CONF": f"${{root}}/{OPENSSL_CONF}"}
    if target.os == "linux":
        places = ("/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo")
        found["TERMINFO_DIRS"] = ":".join([*places, "${root}/python/share/terminfo"])
    return found


def app_directory(config: Config) -> str:
    """The directory of the tree whose modules the app imports: its script's, else ``app``."""
    if not isinstance(config.entry, Script):
        return "app"
    return (PurePosixPath("app") / config.entry.path).parent.as_posix()


def trace_of(config: Config, target: Target) -> Trace | None:
    """What runtimes for ``target`` were seen to import, if the configuration asks for it.

    A trace of the universal tree stands for both Macs, until there is one of their own.

    :raises InputError: for a file that is no trace.
    """
    if "untraced" not in config.trim:
        return None
    universal = (each.name for each in TARGETS if target.name in each.parts)
    found = (load_trace(config.trace_file(name)) for name in (target.name, *universal))
    return next((trace for trace in found if trace is not None), None)


def created() -> int:
    """Seconds since 1970 that the manifest states: ``SOURCE_DATE_EPOCH``, else 1980-01-01.

    A constant by default: the time of day is no input, and equal inputs give equal bytes.

    :raises InputError: when the variable is no whole number.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", str(FILE_TIME))
    if not text.isdecimal():
        raise InputError(f"SOURCE_DATE_EPOCH is {text!r}, expected whole seconds since 1970")
    return int(text)


def facts(config: Config, target: Target, parts: Sequence[Ingredients]) -> ReleaseFacts:
    """What the manifest will state about the tree, apart from its files.

    :param parts: the ingredients of ``target``, or of both targets that a universal one is of.
    """
    locks = [_digest(render(part.lock, write_urls=False)) for part in parts]
    provenance = tuple(asdict(part.interpreter.provenance) for part in parts)
    return ReleaseFacts(
        product=config.name,
        version=config.version,
        epoch=config.epoch,
        platform=target.name,
        interpreters=provenance,
        lock_sha256=locks[0] if len(locks) == 1 else _digest("".join(f"{x}\n" for x in locks)),
        tool=f"runtime-packager {__version__}",
        created=created(),
        inputs=_digest(
            json.dumps(
                [
                    _decides(config, target, part, lock)
                    for part, lock in zip(parts, locks, strict=True)
                ],
                sort_keys=True,
                ensure_ascii=False,
            )
        ),
        launcher=f"{config.launcher}{target.executable_suffix}",
    )


def _decides(config: Config, target: Target, part: Ingredients, lock: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "tool": __version__,
        "product": [config.name, config.version, config.epoch],
        "platform": target.name,
        "floor": part.target.floor,
        "python": str(config.python),
        "interpreter": part.interpreter.digest,
        "provenance": asdict(part.interpreter.provenance),
        "compiler": part.compiler.provenance.python,
        "lock": lock,
        "app": [[file.path, file.sha256, file.executable] for file in part.app_files],
        "entry": repr(config.entry),
        "launcher": [config.launcher, part.launcher.sha256],
        "scripts": config.scripts,
        "configuration": part.configuration.decode(),
        "trim": sorted(config.trim),
        "checks": {  # smoke tries the finished tree, and no byte depends on it
            name: value for name, value in asdict(config.checks).items() if name != "smoke"
        },
        "trace": render_trace(part.trace, target.name) if part.trace else None,
        "optimize": config.optimize,
        "created": created(),
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
