"""What this machine and project lack, found before a build does."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from runtime_packager.config import Config
from runtime_packager.errors import PackagerError
from runtime_packager.interpreters import MIRROR_VARIABLE, out_of_reach, serves
from runtime_packager.io.cache import Cache
from runtime_packager.launcher import launcher_entry
from runtime_packager.locking import catalogue, expand, stale
from runtime_packager.platforms import SINGLE_TARGETS, Target, host_target

Verdict = Literal["ok", "warning", "problem"]

ROOM_NEEDED = 2_000_000_000
"""Bytes free that a first assembly of a mid-sized app takes: archives, store and tree."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at, what was seen, and what to do when it is not well."""

    subject: str
    verdict: Verdict
    message: str
    hint: str | None = None


def examine(config: Config | None, cache: Cache) -> Iterator[Finding]:
    """Look at the machine, then at the project when there is one."""
    yield _attempt("python", _python)
    yield _attempt("launchers", _launchers)
    yield _attempt("cache", lambda: _cache(cache))
    if config is None:
        yield Finding("project", "warning", "none here", "run `runtime-packager init` in a project")
        return
    yield _attempt("project", lambda: _project(config))
    yield _attempt("locks", lambda: _locks(config))
    yield from _sources(config, cache)
    yield _attempt("interpreters", lambda: _interpreters(config, cache))
    yield _attempt("output", lambda: _links(config, cache))


def _attempt(subject: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except PackagerError as error:
        return Finding(subject, "problem", str(error), error.hint)
    except OSError as error:
        return Finding(subject, "problem", f"{error.filename}: {error.strerror}")


def _python() -> Finding:
    host = host_target().name
    words = f"CPython {sys.version.split()[0]} on {host}, pip {version('pip')}"
    return Finding("python", "ok", words)


def _launchers() -> Finding:
    for target in SINGLE_TARGETS:
        launcher_entry(target, "launcher")
    return Finding("launchers", "ok", f"built for {len(SINGLE_TARGETS)} targets")


def _cache(cache: Cache) -> Finding:
    cache.require_usable()
    free = shutil.disk_usage(cache.root).free
    words = f"{cache.root}, {free / 1e9:.1f} GB free"
    if free < ROOM_NEEDED:
        return Finding("cache", "warning", words, "free some room: 2 GB is what a build takes")
    return Finding("cache", "ok", words)


def _project(config: Config) -> Finding:
    names = ", ".join(target.name for target in config.platforms)
    edition = "" if config.profile.is_base else f" ({config.profile.name})"
    words = f"{config.name} {config.version}{edition}, CPython {config.python} for {names}"
    return Finding("project", "ok", words)


def _locks(config: Config) -> Finding:
    if out_of_date := stale(config, config.platforms):
        alike: dict[str, list[str]] = {}
        for name, reason in out_of_date.items():
            alike.setdefault(reason, []).append(name)
        rows = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in alike.items())
        return Finding(
            "locks", "warning", rows, f"run `runtime-packager lock{config.profile.option}`"
        )
    return Finding("locks", "ok", "fit the requirements")


def _sources(config: Config, cache: Cache) -> Iterator[Finding]:
    """Each source that may serve this host; one within reach is enough."""
    pins, host = catalogue(config), host_target()
    serving = [source for source in config.sources if serves(source, config.python, host)]
    failures = [out_of_reach(source, config.python, host, pins, cache) for source in serving]
    bad: Verdict = "warning" if None in failures else "problem"
    for source, failure in zip(serving, failures, strict=True):
        if failure is None:
            yield Finding(source.label, "ok", "within reach")
        else:
            yield Finding(source.label, bad, failure.message, failure.hint)


def _interpreters(config: Config, cache: Cache) -> Finding:
    """Whether some source could give the interpreter of every platform of the project."""
    pins = catalogue(config)

    def lacks(target: Target) -> bool:
        serving = (s for s in config.sources if serves(s, config.python, target))
        return all(out_of_reach(s, config.python, target, pins, cache) for s in serving)

    targets = expand(config, config.platforms)
    with ThreadPoolExecutor(len(targets)) as pool:
        missing = [t.name for t, bad in zip(targets, pool.map(lacks, targets), strict=True) if bad]
    if missing:
        return Finding(
            "interpreters",
            "warning",
            f"none within reach for {', '.join(missing)}",
            f"set {MIRROR_VARIABLE} to a mirror of python-build-standalone's releases",
        )
    return Finding("interpreters", "ok", f"within reach for all {len(targets)} platforms")


def _links(config: Config, cache: Cache) -> Finding:
    config.output.mkdir(parents=True, exist_ok=True)
    same = os.stat(config.output).st_dev == os.stat(cache.root).st_dev
    place = Path(os.path.relpath(config.output, config.root))
    if same:
        return Finding("output", "ok", f"{place}, on one file system with the cache")
    return Finding(
        "output",
        "warning",
        f"{place} is on another file system than the cache, so files are copied",
        "put them on one: assembling gets quicker",
    )
