"""From the app's files to its layer: a snapshot in the cache, the shiv, and the start stub."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from runtime_packager.app.entry import Function, Script
from runtime_packager.app.shiv_archive import make_shiv
from runtime_packager.entries import DAMAGED, FileEntry, Layer, dump_table, load_table
from runtime_packager.errors import BuildError, InputError
from runtime_packager.io.cache import Cache
from runtime_packager.io.files import remove_tree, sha256_file
from runtime_packager.io.store import intact, seal

FORMAT = 1
"""Part of the key: raise it whenever the same files would be packed differently."""

DIRECTORY = "app"
ARCHIVE = "app.pyz"
STUB = "_start_app"
_TEMPLATE = Path(__file__).with_name("start_app.py")


def app_key(files: Sequence[FileEntry], entry: Script | Function) -> str:
    """A digest of all that decides the app's layer."""
    facts = {
        "format": FORMAT,
        "stub": sha256_file(_TEMPLATE),
        "entry": _entry_text(entry),
        "files": [[file.path, file.sha256, file.executable] for file in files],
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def pack(files: Sequence[FileEntry], entry: Script | Function, cache: Cache) -> tuple[Layer, bool]:
    """The layer with ``app/`` and ``app.pyz``; and whether it was in the cache.

    The layer's files are a snapshot, so an edit of the app while we assemble cannot end in a
    tree whose digests are another edit's.

    :raises InputError: when the app has no such script, or a file named like our stub.
    :raises BuildError: when a file changed while it was read.
    """
    _check(files, entry)
    key = app_key(files, entry)
    home = cache.directory("apps", key)
    with cache.locked(f"app-{key[:16]}"):
        if (layer := _stored(home)) is not None:
            return layer, True
        with cache.building("apps", key) as staging:
            _write(files, entry, staging)
    return Layer("the app", load_table((home / "table.json").read_bytes(), home / "tree")), False


def stub_text(entry: Script | Function) -> str:
    """The module that starts ``entry`` from inside ``app/``."""
    text = _TEMPLATE.read_text(encoding="utf-8")
    return text.replace('"main.py"', json.dumps(_entry_text(entry)), 1)


def _stored(home: Path) -> Layer | None:
    try:
        entries = load_table((home / "table.json").read_bytes(), home / "tree")
    except DAMAGED:
        entries = None
    if entries is None or not intact(entries):
        remove_tree(home)
        return None
    return Layer("the app", entries)


def _check(files: Sequence[FileEntry], entry: Script | Function) -> None:
    paths = {file.path for file in files}
    if f"{STUB}.py" in paths:
        raise InputError(f"the app has a file {STUB}.py, a name the runtime needs for itself")
    if isinstance(entry, Script) and entry.path not in paths:
        raise InputError(
            f"entry {entry.path!r} is not a file of the app directory",
            "name a script relative to the app directory, or package.module:function",
        )


def _write(files: Sequence[FileEntry], entry: Script | Function, staging: Path) -> None:
    tree = staging / "tree"
    app = tree / DIRECTORY
    for file in files:
        _copy(file, app / file.path)
    stub = app / f"{STUB}.py"
    stub.write_text(stub_text(entry), encoding="utf-8")
    seal(stub, False)
    make_shiv(app, tree / ARCHIVE, directory=DIRECTORY, stub=STUB)
    seal(tree / ARCHIVE, False)
    entries = [
        *(
            FileEntry(f"{DIRECTORY}/{file.path}", file.size, file.sha256, file.executable, app)
            for file in files
        ),
        _measured(f"{DIRECTORY}/{STUB}.py", stub),
        _measured(ARCHIVE, tree / ARCHIVE),
    ]
    (staging / "table.json").write_bytes(dump_table(entries))


def _copy(file: FileEntry, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file.source, to)
    seal(to, file.executable)
    if sha256_file(to) != file.sha256:
        raise BuildError(f"{file.source} changed while it was packed", "run it again")


def _measured(path: str, source: Path) -> FileEntry:
    return FileEntry(path, source.stat().st_size, sha256_file(source), False, source)


def _entry_text(entry: Script | Function) -> str:
    return entry.path if isinstance(entry, Script) else str(entry)
