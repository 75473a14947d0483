"""What the trees are made of: locks, the app's files, interpreters; nothing is built yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from runtime_packager import inputs, locking
from runtime_packager.app import collect
from runtime_packager.config import Config
from runtime_packager.entries import FileEntry
from runtime_packager.errors import Failures, PackagerError
from runtime_packager.inputs import Ingredients
from runtime_packager.interpreters import Catalogue, Interpreter, obtain, obtain_compiler
from runtime_packager.io.cache import Cache
from runtime_packager.io.parallel import side_by_side
from runtime_packager.io.progress import Progress
from runtime_packager.io.steps import Steps
from runtime_packager.platforms import Target, host_target
from runtime_packager.wheels import Lock

PARALLEL = 4
"""Interpreters fetched and unpacked at a time."""

NOTHING_WRITTEN = "cannot be assembled; nothing was written"


def gather(
    config: Config,
    targets: Sequence[Target],
    cache: Cache,
    progress: Progress,
    steps: Mapping[str, Steps],
    *,
    output: Path,
    locked: bool,
    offline: bool,
) -> dict[str, tuple[Ingredients, ...]]:
    """By target its ingredients, or those of both targets that a universal one is made from.

    :param steps: by target what takes the times of its steps; what several share counts for the
        first of them.
    :param output: where trees go; neither it nor any profile's output is ever part of an app.
    :raises PackagerError: of the kind that fits, naming every target that lacks something.
    """
    first = steps[targets[0].name]
    locks = _locks(config, targets, cache, first, locked=locked, offline=offline)
    with first.step("app files"):
        ours = (output, *config.profile.outputs, config.locks, cache.root)
        files = tuple(collect(config.app, config.exclude, config.data, apart_from=ours))
    fetching = _Fetching(config, cache, progress, locking.catalogue(config), offline)
    interpreters = fetching.all(targets, steps)
    failures, found = Failures(), {}
    for target in targets:
        parts = []
        for part in config.parts(target):
            with failures.of(target.name):
                parts.append(_ingredients(config, part, locks, files, interpreters, fetching))
        found[target.name] = tuple(parts)
    failures.raise_any(NOTHING_WRITTEN)
    return found


def _locks(
    config: Config,
    targets: Sequence[Target],
    cache: Cache,
    steps: Steps,
    *,
    locked: bool,
    offline: bool,
) -> dict[str, Lock]:
    with steps.step("lock") as step:
        found = locking.ensure_all(
            config, targets, cache, steps.progress, locked=locked, offline=offline
        )
        locks = {name: lock for name, (lock, _) in found.items()}
        again = any(made for _, made in found.values())
        sizes = {len(lock.packages) for lock in locks.values()}
        count = f"{min(sizes)} to {max(sizes)}" if len(sizes) > 1 else f"{max(sizes)}"
        step.note = f"{count} packages" + (", resolved anew" if again else "")
        step.cached = not again
    return locks


def _ingredients(
    config: Config,
    target: Target,
    locks: Mapping[str, Lock],
    files: tuple[FileEntry, ...],
    interpreters: Mapping[str, Interpreter | PackagerError],
    fetching: _Fetching,
) -> Ingredients:
    interpreter = interpreters[target.name]
    if isinstance(interpreter, PackagerError):
        raise interpreter
    return Ingredients(
        target,
        locks[target.name],
        interpreter,
        fetching.compiler(interpreters),
        files,
        *inputs.launcher(config, target, fetching.cache),
        inputs.trace_of(config, target),
    )


class _Fetching:
    """Obtains interpreters; each is asked for once, whether it comes or not."""

    def __init__(
        self,
        config: Config,
        cache: Cache,
        progress: Progress,
        catalogue: Catalogue,
        offline: bool,
    ) -> None:
        self.config, self.cache, self.progress = config, cache, progress
        self.catalogue, self.offline = catalogue, offline
        self._compiler: Interpreter | PackagerError | None = None

    def all(
        self, targets: Sequence[Target], steps: Mapping[str, Steps]
    ) -> dict[str, Interpreter | PackagerError]:
        """The interpreter of every target and part of one, or why it cannot be had."""
        wanted: dict[str, tuple[Target, Steps]] = {}
        for target in targets:
            for part in self.config.parts(target):
                takes = steps.get(part.name, steps[target.name])
                wanted.setdefault(part.name, (part, takes))
        with side_by_side(PARALLEL, self.progress) as (pool, progress):
            jobs = {
                name: pool.submit(self._one, part, takes, progress, named=name not in steps)
                for name, (part, takes) in wanted.items()
            }
            return {name: job.result() for name, job in jobs.items()}

    def _one(
        self, target: Target, steps: Steps, progress: Progress, *, named: bool
    ) -> Interpreter | PackagerError:
        with steps.step(f"interpreter {target.name}" if named else "interpreter") as step:
            try:
                found = obtain(
                    self.config.python,
                    target,
                    self.config.sources,
                    self.catalogue,
                    self.cache,
                    progress,
                    offline=self.offline,
                )
            except PackagerError as error:
                return error
            step.note, step.cached = found.provenance.origin, found.cached
            return found

    def compiler(self, interpreters: Mapping[str, Interpreter | PackagerError]) -> Interpreter:
        """An interpreter of the tree's minor version that runs here."""
        host = host_target()
        known = interpreters.get(host.name)
        if isinstance(known, Interpreter):
            return known
        if self._compiler is None:
            try:
                self._compiler = self._obtain_compiler(host)
            except PackagerError as error:
                self._compiler = error
        if isinstance(self._compiler, PackagerError):
            raise self._compiler
        return self._compiler

    def _obtain_compiler(self, host: Target) -> Interpreter:
        return obtain_compiler(
            self.config.python,
            host,
            self.config.sources,
            self.catalogue,
            self.cache,
            self.progress,
            offline=self.offline,
        )
