"""Locks and pins of a project: read what is there, and renew what no longer fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runtime_packager.config import Config
from runtime_packager.errors import InputError
from runtime_packager.interpreters import (
    Catalogue,
    Indexed,
    pins_from_checksums,
    pins_from_index,
    read_catalogue,
    write_catalogue,
)
from runtime_packager.io.cache import Cache
from runtime_packager.io.files import write_atomic
from runtime_packager.io.progress import Progress
from runtime_packager.platforms import SINGLE_TARGETS, Target
from runtime_packager.wheels import (
    WHEELHOUSE,
    Job,
    Lock,
    build_all,
    parse,
    render,
    resolve_all,
    up_to_date,
)


def expand(config: Config, targets: Iterable[Target]) -> list[Target]:
    """The targets that have locks: a universal one stands for its parts; each comes once."""
    parts = (part for t in targets for part in (config.parts(t) if t.parts else (t,)))
    return list({part.name: part for part in parts}.values())


def ensure_all(
    config: Config,
    targets: Iterable[Target],
    cache: Cache,
    progress: Progress,
    *,
    locked: bool,
    offline: bool,
) -> dict[str, tuple[Lock, bool]]:
    """Per target (or part of one) the lock that fits, and whether it had to be made now.

    Those that do not fit are renewed in one go; the others stay as they are.

    :raises InputError: when locks are damaged, or do not fit and ``locked`` or ``offline`` forbid
        to renew them; says it of all.
    """
    wanted = expand(config, targets)
    known = _read_all(config, wanted)
    reasons = {t: why for t in wanted if (why := _misfit(known[t.name], config, t))}
    if reasons and (locked or offline):
        raise misfits(config, {config.lock_file(t).name: why for t, why in reasons.items()})
    for target, why in reasons.items():
        progress.note(f"locking {target.name}: {why}")
    made = make_all(config, reasons, cache, progress) if reasons else {}
    fitting = {name: lock for name, lock in known.items() if lock} | made
    return {t.name: (fitting[t.name], t.name in made) for t in wanted}


def misfits(config: Config, reasons: Mapping[str, str]) -> InputError:
    """The error for locks, by name, that do not fit what they are for."""
    hint = f"run `runtime-packager lock{config.profile.option}`, then commit the locks"
    if len(reasons) == 1:
        ((name, reason),) = reasons.items()
        return InputError(f"{name} does not fit the requirements: {reason}", hint)
    lines = [f"{name}: {reason}" for name, reason in reasons.items()]
    return InputError(f"{len(lines)} locks do not fit the requirements", hint, details=lines)


def make_all(
    config: Config, targets: Iterable[Target], cache: Cache, progress: Progress
) -> dict[str, Lock]:
    """Resolve the requirements for all targets, then write all their locks, or none.

    Source archives are built now, so that one that compiles is refused here.

    :raises PackagerError: as :func:`~runtime_packager.wheels.resolve_all` and
        :func:`~runtime_packager.wheels.build_all`.
    """
    wanted = expand(config, targets)
    resolved = resolve_all(config.requirements, wanted, config.python, progress)
    place, files = config.locks / WHEELHOUSE, config.requirements
    jobs = (Job(t, config.python, cache, progress, place, files) for t in wanted)
    build_all((resolved[job.target.name], job) for job in jobs)
    texts = {t: render(resolved[t.name], write_urls=config.lock_urls) for t in wanted}
    for target, text in texts.items():
        write_atomic(config.lock_file(target), text.encode())
    return {t.name: parse(text, str(config.lock_file(t))) for t, text in texts.items()}


def differences(locks: Mapping[str, Lock]) -> dict[str, dict[str, list[str]]]:
    """Packages that have another version on some platforms: name -> version -> platforms.

    The newest that all have wheels for would be one version; a person may want to pin it.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for platform, lock in locks.items():
        for package in lock.packages:
            found.setdefault(package.name, {}).setdefault(package.version, []).append(platform)
    return {name: versions for name, versions in sorted(found.items()) if len(versions) > 1}


def _read_all(config: Config, targets: Iterable[Target]) -> dict[str, Lock | None]:
    found, errors = dict[str, Lock | None](), list[InputError]()
    for target in targets:
        try:
            found[target.name] = read(config, target)
        except InputError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        lines = [line for error in errors for line in str(error).splitlines()]
        raise InputError(f"{len(errors)} locks cannot be used", errors[0].hint, details=lines)
    return found


def read(config: Config, target: Target) -> Lock | None:
    """The target's lock as it stands, or ``None`` when there is none."""
    path = config.lock_file(target)
    if not path.is_file():
        return None
    return parse(path.read_bytes(), str(path))


def catalogue(config: Config) -> Catalogue:
    """The project's pins; for a project without any, those of the installed index."""
    if config.pins.is_file():
        return read_catalogue(config.pins)
    return pins_from_index([config.python], SINGLE_TARGETS).catalogue


def update_catalogue(config: Config, progress: Progress) -> Indexed:
    """Pin the project's Python for every target the index has, and write the pins.

    Targets of the project that the index lacks (musl always) are looked up in the release's own
    list of digests, which takes the network.
    """
    found = pins_from_index([config.python], SINGLE_TARGETS)
    ours = {part.name for part in expand(config, config.platforms)}
    wanted = [row for row in found.missing if row[1] in ours]
    pins = pins_from_checksums(wanted, found.catalogue, config.sources, progress)
    pinned = {(pin.python, pin.target) for pin in pins.pins}
    write_catalogue(config.pins, pins)
    return Indexed(pins, tuple(row for row in found.missing if row not in pinned))


def read_or_none(config: Config, target: Target) -> Lock | None:
    """Like :func:`read`, for a lock that is about to be replaced: a broken one counts as none."""
    try:
        return read(config, target)
    except InputError:
        return None


def stale(config: Config, targets: Iterable[Target]) -> dict[str, str]:
    """Why each target's lock does not fit the requirements; empty when all do.

    :raises InputError: when locks are damaged; says it of all.
    """
    wanted = expand(config, targets)
    known = _read_all(config, wanted)
    reasons = {target.name: _misfit(known[target.name], config, target) for target in wanted}
    return {name: reason for name, reason in reasons.items() if reason}


def _misfit(lock: Lock | None, config: Config, target: Target) -> str | None:
    if lock is None:
        return "there is none yet"
    return up_to_date(lock, target, config.python, config.requirements)
