"""Locks and pins of a project: read what is there, and renew what no longer fits."""

from __future__ import annotations

from collections.abc import Iterable

from runtime_packager.config import Config
from runtime_packager.errors import InputError
from runtime_packager.interpreters import (
    Catalogue,
    Indexed,
    pins_from_index,
    read_catalogue,
    write_catalogue,
)
from runtime_packager.io.cache import Cache
from runtime_packager.io.files import write_atomic
from runtime_packager.io.progress import Progress
from runtime_packager.platforms import SINGLE_TARGETS, Target
from runtime_packager.wheels import Lock, parse, render, resolve, up_to_date


def ensure(
    config: Config,
    target: Target,
    progress: Progress,
    *,
    locked: bool,
    offline: bool,
) -> tuple[Lock, bool]:
    """The lock that fits the requirements; and whether it had to be made now.

    :raises InputError: when it does not fit and ``locked`` or ``offline`` forbid to renew it.
    """
    path = config.lock_file(target)
    known = read(config, target)
    reason = _misfit(known, config, target)
    if known and reason is None:
        return known, False
    if locked or offline:
        raise InputError(
            f"{path.name} does not fit the requirements: {reason}",
            "run `runtime-packager lock`, then commit the lock",
        )
    progress.note(f"locking {target.name}: {reason}")
    return make(config, target, progress), True


def make(config: Config, target: Target, progress: Progress) -> Lock:
    """Resolve the requirements for ``target`` and write its lock."""
    lock = resolve(config.requirements, target, config.python, progress)
    path = config.lock_file(target)
    write_atomic(path, render(lock, write_urls=config.lock_urls).encode())
    return parse(path.read_text(encoding="utf-8"), str(path))


def read(config: Config, target: Target) -> Lock | None:
    """The target's lock as it stands, or ``None`` when there is none."""
    path = config.lock_file(target)
    if not path.is_file():
        return None
    return parse(path.read_text(encoding="utf-8"), str(path))


def catalogue(config: Config) -> Catalogue:
    """The project's pins; for a project without any, those of the installed index."""
    if config.pins.is_file():
        return read_catalogue(config.pins)
    return pins_from_index([config.python], SINGLE_TARGETS).catalogue


def update_catalogue(config: Config) -> Indexed:
    """Pin the project's Python for every target the index has, and write the pins."""
    found = pins_from_index([config.python], SINGLE_TARGETS)
    write_catalogue(config.pins, found.catalogue)
    return found


def read_or_none(config: Config, target: Target) -> Lock | None:
    """Like :func:`read`, for a lock that is about to be replaced: a broken one counts as none."""
    try:
        return read(config, target)
    except InputError:
        return None


def stale(config: Config, targets: Iterable[Target]) -> dict[str, str]:
    """Why each target's lock does not fit the requirements; empty when all do."""
    reasons = {target.name: _misfit(read(config, target), config, target) for target in targets}
    return {name: reason for name, reason in reasons.items() if reason}


def _misfit(lock: Lock | None, config: Config, target: Target) -> str | None:
    if lock is None:
        return "there is none yet"
    return up_to_date(lock, target, config.python, config.requirements)


def ensure_all(
    config: Config,
    targets: Iterable[Target],
    cache: Cache,
    progress: Progress,
    *,
    locked: bool,
    offline: bool,
) -> dict[str, tuple[Lock, bool]]:
    """A lock for every target."""
    return {t.name: ensure(config, t, progress, locked=locked, offline=offline) for t in targets}
