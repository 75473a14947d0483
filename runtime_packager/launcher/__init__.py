"""The launcher of a tree: a small native program beside a cfg that says what it starts.

The sources are in ``src``; :mod:`runtime_packager.launcher.build` compiles them for every target.
On Windows a program carries its icon, its version and what it asks of the system in itself:
:mod:`runtime_packager.launcher.resources` puts them into each tree's own copy.
The cfg is UTF-8 text, one ``key = value`` a line, read by ``src/config.c``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from runtime_packager.entries import FileEntry
from runtime_packager.errors import BuildError, InputError
from runtime_packager.io.cache import Cache
from runtime_packager.io.files import sha256_file
from runtime_packager.io.store import store_texts
from runtime_packager.launcher.ico import SIZE_LIMIT as ICON_LIMIT
from runtime_packager.launcher.ico import Icon, read_icon
from runtime_packager.launcher.resources import Identity, text_problem, with_identity
from runtime_packager.platforms import Target

__all__ = [
    "ICON_LIMIT",
    "LINE_LIMIT",
    "SIZE_LIMIT",
    "Icon",
    "Identity",
    "configuration",
    "find_launcher",
    "identified_launcher",
    "launcher_entry",
    "read_icon",
    "text_problem",
    "with_identity",
]

LINE_LIMIT = 4096
"""Bytes a line of the cfg may have (``LINE_LIMIT`` in ``src/launcher.h``)."""

SIZE_LIMIT = 64 * 1024
"""Bytes a cfg may have (``CFG_SIZE_LIMIT`` in ``src/launcher.h``)."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNSUPPORTED = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_FOREIGN_REFERENCE = re.compile(r"\$\{(?!root\})")


def launcher_entry(target: Target, name: str, binaries: Path | None = None) -> FileEntry:
    """The launcher for ``target`` as the file ``name`` (plus ``.exe`` on Windows) of a tree.

    :param binaries: where the launchers were built, by default inside this package.
    :raises BuildError: when the one for ``target`` was not.
    """
    from runtime_packager.launcher.build import BINARIES, binary_path

    binary = binary_path(target.name, binaries or BINARIES)
    if not binary.is_file():
        raise BuildError(
            f"the launcher for {target.name} has not been built: {binary} is missing",
            f"run python -m runtime_packager.launcher.build --target {target.name}",
        )
    return FileEntry(
        path=f"{name}{target.executable_suffix}",
        size=binary.stat().st_size,
        sha256=sha256_file(binary),
        executable=True,
        source=binary,
    )


def identified_launcher(
    target: Target, name: str, identity: Identity, cache: Cache, binaries: Path | None = None
) -> FileEntry:
    """The launcher for ``target`` as the file ``name`` of a tree that says what it is.

    Only Windows has a place for that; for any other target it is :func:`launcher_entry`'s. It is
    made in a millisecond or two and lies in the cache under its digest, so an equal one is found.

    :raises InputError: for a text that Windows could not hold.
    :raises BuildError: when the launcher was not built, or cannot be given resources.
    """
    bare = launcher_entry(target, name, binaries)
    if not target.is_windows:
        return bare
    made = with_identity(bare.source.read_bytes(), name, identity)
    (entry,) = store_texts(cache, {bare.path: made}, executable=True)
    return entry


def find_launcher(root: Path, script: str, suffix: str) -> Path | None:
    """The launcher of the tree at ``root`` whose cfg starts ``script``, a tree path.

    :param suffix: of its programs, ``.exe`` on Windows.
    """
    line = f"script = {script}"
    for cfg in sorted(root.glob("*.cfg")):
        launcher = cfg.with_name(cfg.stem + suffix)
        if launcher.is_file() and line in cfg.read_text(encoding="utf-8").splitlines():
            return launcher
    return None


def configuration(
    interpreter: str, arguments: Sequence[str], script: str, environment: Mapping[str, str]
) -> bytes:
    """The cfg that makes a launcher start ``script``.

    :param interpreter: its path relative to the tree's root, ``/`` between the parts.
    :param arguments: the interpreter's own, one each, before the script: ``["-I", "-X", "utf8"]``.
    :param script: relative as ``interpreter`` is; the launcher makes it absolute.
    :param environment: variables to set; ``${root}`` in a value stands for the tree's root.
    :raises InputError: when the launcher would refuse it; every problem is in the details.
    """
    variables = [f"{name}={value}" for name, value in environment.items()]
    settings = [
        ("format", "1"),
        ("interpreter", interpreter),
        *(("argument", argument) for argument in arguments),
        ("script", script),
        *(("environment", variable) for variable in variables),
    ]
    lines = [f"{key} = {value}" for key, value in settings]
    text = "".join(f"{line}\n" for line in lines)
    problems = [
        *_path_problems("interpreter", interpreter),
        *_path_problems("script", script),
        *(problem for key, value in settings for problem in _value_problems(key, value)),
        *_environment_problems(environment),
        *_size_problems(text),
    ]
    if problems:
        raise InputError("the launcher would refuse this configuration", details=problems)
    return text.encode()


def _path_problems(key: str, path: str) -> list[str]:
    odd = {"", ".", ".."} & set(path.split("/"))
    if odd or "\\" in path or ":" in path:
        return [f"{key}: expected a relative path with / between its parts, found {path!r}"]
    return []


def _value_problems(key: str, value: str) -> list[str]:
    problems = []
    if not value or value != value.strip(" \t"):
        problems.append(f"{key}: expected a value without blanks around it, found {value!r}")
    if _UNSUPPORTED.search(value):
        problems.append(f"{key}: expected one line of text, found {value!r}")
    return problems


def _environment_problems(environment: Mapping[str, str]) -> list[str]:
    problems, seen = [], set[str]()
    for name, value in environment.items():
        if not _NAME.fullmatch(name):
            problems.append(f"environment: expected letters, digits and _ as name, found {name!r}")
        if name.upper() in seen:
            problems.append(f"environment: {name} is set twice; Windows ignores the case of names")
        if _FOREIGN_REFERENCE.search(value):
            problems.append(f"environment: expected no reference but ${{root}}, found {value!r}")
        seen.add(name.upper())
    return problems


def _size_problems(text: str) -> list[str]:
    sizes = [len(line.encode(errors="replace")) for line in text.split("\n")]
    problems = [
        f"expected at most {LINE_LIMIT} bytes a line, found {size}"
        for size in sizes
        if size > LINE_LIMIT
    ]
    if sum(sizes) + len(sizes) - 1 > SIZE_LIMIT:
        problems.append(f"expected at most {SIZE_LIMIT} bytes, found {sum(sizes) + len(sizes) - 1}")
    return problems
