"""Carrying out what a tree vector says, as ``electron/test/trees.js`` does."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vector_parts import expand


def place(root: Path, base: dict[str, Any], actions: Sequence[Sequence[Any]]) -> None:
    """Make the tree at ``root``, then do to it what the actions say."""
    root.mkdir()
    for path, file in base["files"].items():
        _write(root / path, expand(file["content"]))
        (root / path).chmod(int(file["mode"], 8))
    for path, target in base["links"].items():
        os.symlink(target, root / path)
    for action in actions:
        _act(root, *action)


def _act(root: Path, name: str, where: str, *more: Any) -> None:
    path = root / where if where else root
    if path.is_fifo() and name not in ("remove", "move", "swap", "mode"):
        raise OSError(f"{where} is a pipe: who opens it waits")  # mutants try that
    if name in ("move", "swap"):
        _move(path, root / more[0], swap=root / "swapping" if name == "swap" else None)
    elif name in _CHANGES:
        _rewrite(path, _CHANGES[name](path.read_bytes(), *more))
    else:
        _ACTIONS[name](path, *more)


def _move(path: Path, other: Path, *, swap: Path | None) -> None:
    if swap:
        path.rename(swap)
        other.rename(path)
        swap.rename(other)
    else:
        path.rename(other)


def _flip(data: bytes, index: int) -> bytes:
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _overwrite(path: Path, text: str) -> None:
    path.write_bytes(base64.b64decode(text))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o644)


def _rewrite(path: Path, data: bytes) -> None:
    before = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _raw(path: Path, name: str) -> bytes:
    return bytes(path) + b"/" + bytes.fromhex(name)


def _create(path: bytes) -> None:
    with open(path, "wb"):
        pass


_CHANGES: dict[str, Callable[..., bytes]] = {
    "append": lambda data, text: data + base64.b64decode(text),
    "cut": lambda data, size: data[:size],
    "flip": _flip,
}
_ACTIONS: dict[str, Callable[..., object]] = {
    "write": lambda path, text: _write(path, base64.b64decode(text)),
    "overwrite": _overwrite,
    "remove": _remove,
    "mkdir": lambda path: path.mkdir(parents=True),
    "link": lambda path, target: os.symlink(target, path),
    "pipe": os.mkfifo,
    "mode": lambda path, mode: path.chmod(int(mode, 8)),
    "sparse": os.truncate,
    "write-raw": lambda path, name: _create(_raw(path, name)),
    "mkdir-raw": lambda path, name: os.mkdir(_raw(path, name)),
}
