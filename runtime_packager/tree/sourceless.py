"""The rule ``wheel-sources``: modules of wheels as bytecode alone.

Python imports ``a/b.pyc`` where there is no ``a/b.py`` (PEP 3147, "legacy pyc files"). What such a
module does stays the same; what is lost is the text: lines in tracebacks, and whatever asks
``inspect`` for sources, as some packages do when they are imported.
"""

from __future__ import annotations

from collections.abc import Sequence

from runtime_packager.entries import Entry, FileEntry, Layer
from runtime_packager.tree.trimming import Trimmed
from runtime_packager.tree.untraced import modules_among, without_sources

RULE = "wheel-sources"


def without_text(
    wheels: Sequence[Layer], bytecode: Sequence[Layer], tag: str
) -> tuple[list[Layer], list[Layer], list[Trimmed]]:
    """The layers of wheels and of bytecode without sources that have bytecode, and what that saves.

    Files that are no modules (templates), and what does not compile, stay as they are.

    :param bytecode: of the wheels and of whatever else; only that of the wheels is moved.
    :param tag: of the bytecode that takes the sources' places, such as ``cpython-312.opt-1``.
    """
    paths = [entry.path for layer in wheels for entry in layer.entries]
    compiled = {entry.path: entry for layer in bytecode for entry in layer.entries}
    moved: dict[str, FileEntry] = {}
    for path in modules_among(paths):
        folder, _, name = path.rpartition("/")
        found = compiled.get(f"{folder}/__pycache__/{name.removesuffix('.py')}.{tag}.pyc")
        if path.endswith(".py") and isinstance(found, FileEntry):
            moved[path] = FileEntry(
                f"{path}c", found.size, found.sha256, found.executable, found.source
            )
    sizes = {
        entry.path: entry.size
        for layer in wheels
        for entry in layer.entries
        if entry.path in moved and isinstance(entry, FileEntry)
    }
    kept = [Layer(each.origin, tuple(_moved(each.entries, moved))) for each in wheels]
    rows = [Trimmed(RULE, len(sizes), sum(sizes.values()))] if sizes else []
    return kept, without_sources(bytecode, moved), rows


def _moved(entries: Sequence[Entry], moved: dict[str, FileEntry]) -> list[Entry]:
    return [moved.get(entry.path, entry) for entry in entries]
