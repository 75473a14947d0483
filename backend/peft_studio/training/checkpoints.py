"""Checkpoints as directories that are whole or absent, whenever the process or the power goes.

A checkpoint is written under a name that is never read, synced and renamed. It holds the SHA-256 of
each of its files, so that one that went bad on the disk is passed over.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from peft_studio.data_dir import sync

_log = logging.getLogger(__name__)

_NAME = re.compile(r"checkpoint-(\d{1,12})")
_UNFINISHED = ".unfinished-"
KEEP = 2
"""How many are kept: the one before the newest, should the newest turn out to be bad."""


_DIGESTS = "sha256.json"


def newest(folder: Path) -> Path | None:
    """The checkpoint that went furthest, of those that are as they were written."""
    for path in reversed(_all(folder)):
        if _is_sound(path):
            return path
        _log.warning("%s is damaged: an older checkpoint is taken, if there is one", path.name)
    return None


def _is_sound(checkpoint: Path) -> bool:
    try:
        digests = json.loads((checkpoint / _DIGESTS).read_bytes())
        return bool(digests == _digests(checkpoint))
    except (OSError, ValueError):
        return False


def _digests(checkpoint: Path) -> dict[str, str]:
    found = {}
    for path in checkpoint.iterdir():
        if path.name != _DIGESTS:
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


@contextlib.contextmanager
def writing(folder: Path, step: int) -> Iterator[Path]:
    """A new directory to fill; a checkpoint from the end of the block on.

    When the block raises nothing is left. Older checkpoints are removed, but for :data:`KEEP`.
    """
    target = folder / f"checkpoint-{step}"
    with publishing(target) as unfinished:
        yield unfinished
        (unfinished / _DIGESTS).write_text(json.dumps(_digests(unfinished)), encoding="utf-8")
    for old in _all(folder)[:-KEEP]:
        remove(old)


@contextlib.contextmanager
def publishing(target: Path) -> Iterator[Path]:
    """A new directory to fill that gets the name ``target`` when it is whole and on the disk."""
    unfinished = target.with_name(f"{_UNFINISHED}{target.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    try:
        yield unfinished
        for path in unfinished.iterdir():
            sync(path)
        sync(unfinished)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    if target.exists():
        remove(target)
    unfinished.rename(target)
    sync(target.parent)


def remove(path: Path) -> None:
    """Remove a checkpoint: first its name, so that no half of it is ever taken for one."""
    doomed = path.with_name(f"{_UNFINISHED}old-{path.name}")
    shutil.rmtree(doomed, ignore_errors=True)
    path.rename(doomed)
    shutil.rmtree(doomed)


def clear(folder: Path) -> None:
    """Remove what an earlier process did not finish."""
    if folder.is_dir():
        for path in folder.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(path, ignore_errors=True)


def _all(folder: Path) -> list[Path]:
    """From the oldest to the newest."""
    paths = folder.iterdir() if folder.is_dir() else ()
    found = [(int(name[1]), path) for path in paths if (name := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found)]
