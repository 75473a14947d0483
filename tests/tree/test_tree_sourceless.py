"""Sources of wheels go where bytecode can stand in for them, which is where Python looks for it."""

from __future__ import annotations

from pathlib import Path

from runtime_packager.entries import FileEntry, Layer
from runtime_packager.tree import Trimmed, without_text

SITE = "python/lib/python3.12/site-packages"


def layer(*paths: str, size: int = 10) -> Layer:
    files = (FileEntry(path, size, "0" * 64, False, Path(path)) for path in paths)
    return Layer("x", tuple(files))


def test_bytecode_takes_the_place_of_a_module() -> None:
    wheel = layer(
        f"{SITE}/pkg/__init__.py",
        f"{SITE}/pkg/broken.py",
        f"{SITE}/pkg/templates/env.py",
        f"{SITE}/pkg/data.json",
    )
    cached = [
        f"{SITE}/pkg/__pycache__/__init__.cpython-312.pyc",
        f"{SITE}/pkg/__pycache__/__init__.cpython-312.opt-1.pyc",
        f"{SITE}/pkg/templates/__pycache__/env.cpython-312.pyc",
        "python/lib/python3.12/__pycache__/os.cpython-312.pyc",
    ]
    bytecode = [layer(*cached, size=3)]
    (kept,), (left,), rows = without_text([wheel], bytecode, "cpython-312.opt-1")
    assert [entry.path.removeprefix(f"{SITE}/pkg/") for entry in kept.entries] == [
        "__init__.pyc", "broken.py", "templates/env.py", "data.json",
    ]  # fmt: skip
    moved = kept.entries[0]
    assert isinstance(moved, FileEntry)
    assert (moved.size, moved.source) == (3, Path(cached[1])), "the app's own optimisation"
    assert [entry.path for entry in left.entries] == cached[2:]
    assert rows == [Trimmed("wheel-sources", 1, 10)]
