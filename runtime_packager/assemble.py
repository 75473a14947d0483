"""The pipeline: what becomes of an app, its requirements and a Python version.

locks -> interpreter and app of every platform -> a plan of every tree (wheels, trimming, bytecode,
launcher) -> the checks -> and only when nothing is wrong with any of them, one tree after the
other: write -> seal and sign -> verify -> publish. Everything is written to a staging directory
beside the output, which then takes the output's place in one rename, or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from runtime_packager import inputs, locking
from runtime_packager.app import collect
from runtime_packager.checking import check
from runtime_packager.config import Config
from runtime_packager.entries import FileEntry
from runtime_packager.errors import Failures, InputError, IntegrityError
from runtime_packager.inputs import Ingredients
from runtime_packager.interpreters import Interpreter, obtain, obtain_compiler
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Progress
from runtime_packager.io.steps import Steps, StepTime
from runtime_packager.manifest import (
    Level,
    Release,
    ReleaseFacts,
    Signer,
    TrustedKeys,
    seal,
    verify_tree,
)
from runtime_packager.planning import Plan, plan
from runtime_packager.platforms import Target, host_target
from runtime_packager.tree import Trimmed, place
from runtime_packager.tree.trimming import total
from runtime_packager.universal import combine
from runtime_packager.wheels import Lock
from runtime_packager.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Options:
    """How to assemble, beyond what the config says.

    :param locked: fail when the lock does not fit the requirements, rather than lock again.
    :param offline: use only what the cache holds.
    :param force: assemble even when nothing changed.
    :param allow_unofficial: sign with a release key though the interpreter is no official one.
    """

    locked: bool = False
    offline: bool = False
    force: bool = False
    allow_unofficial: bool = False


@dataclass(frozen=True, slots=True)
class Assembled:
    """What came out.

    :param up_to_date: nothing had changed, so nothing was done.
    :param size: bytes of all files together.
    """

    target: Target
    output: Path
    release: Release
    size: int
    steps: tuple[StepTime, ...]
    up_to_date: bool = False
    trimmed: tuple[Trimmed, ...] = ()
    uncompiled: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def assemble(
    config: Config,
    targets: Sequence[Target],
    signer: Signer,
    cache: Cache,
    progress: Progress,
    options: Options = Options(),
) -> list[Assembled]:
    """Make the runtime of each target at ``config.output / target.name``.

    Nothing is written to any output before all of them are known to be all right.

    :raises PackagerError: of the kind that fits, naming every target that fails; the previous
        outputs are then as they were.
    """
    cache.require_usable()
    with ExitStack() as held:
        workspaces = {
            target.name: held.enter_context(Workspace.held(config.output / target.name, progress))
            for target in sorted(targets, key=lambda target: target.name)
        }
        run = _Run(config, cache, progress, options, signer)
        run.lock(targets)
        facts = run.facts(targets)
        found = {
            target.name: run.current(workspaces[target.name], facts[target.name], target)
            for target in targets
        }
        plans = run.plans([target for target in targets if found[target.name] is None])
        return [
            found[target.name]
            or run.write(workspaces[target.name], facts[target.name], plans[target.name], target)
            for target in targets
        ]


@dataclass
class _Run:
    """One call of :func:`assemble`: what targets have in common is done for the first of them."""

    config: Config
    cache: Cache
    progress: Progress
    options: Options
    signer: Signer
    locks: dict[str, tuple[Lock, bool]] = field(default_factory=dict)
    steps: dict[str, Steps] = field(default_factory=dict)
    ingredients: dict[str, Ingredients] = field(default_factory=dict)
    planned: dict[str, Plan] = field(default_factory=dict)
    app_files: tuple[FileEntry, ...] | None = None

    def lock(self, targets: Sequence[Target]) -> None:
        """Read or renew the lock of every target and part of one."""
        self.steps = {target.name: Steps(self.progress) for target in targets}
        with self.steps[targets[0].name].step("lock") as step:
            self.locks = locking.ensure_all(
                self.config,
                targets,
                self.cache,
                self.progress,
                locked=self.options.locked,
                offline=self.options.offline,
            )
            again = [name for name, (_, again) in self.locks.items() if again]
            packages = len(self.locks[self.config.parts(targets[0])[0].name][0].packages)
            step.note = f"{packages} packages" + (", resolved anew" if again else "")
            step.cached = not again

    def facts(self, targets: Sequence[Target]) -> dict[str, ReleaseFacts]:
        """What the manifest of each target will state, which says whether it is up to date."""
        failures, found = Failures(), {}
        for target in targets:
            with failures.of(target.name):
                parts = [self._gather(part, self.steps[target.name]) for part in self._of(target)]
                found[target.name] = inputs.facts(self.config, target, parts)
        failures.raise_any("cannot be assembled; nothing was written")
        return found

    def _of(self, target: Target) -> tuple[Target, ...]:
        return self.config.parts(target)

    def _gather(self, target: Target, steps: Steps) -> Ingredients:
        if target.name not in self.ingredients:
            of = f" {target.name}" if target.name not in self.steps else ""
            with steps.step(f"interpreter{of}") as step:
                interpreter = self._interpreter(target)
                compiler = self._compiler(target, interpreter)
                step.note = interpreter.provenance.origin
                step.cached = interpreter.cached
            launcher, configuration = inputs.launcher(self.config, target)
            self.ingredients[target.name] = Ingredients(
                target,
                self.locks[target.name][0],
                interpreter,
                compiler,
                self._app_files(steps),
                launcher,
                configuration,
            )
        return self.ingredients[target.name]

    def _interpreter(self, target: Target) -> Interpreter:
        return obtain(
            self.config.python,
            target,
            self.config.sources,
            locking.catalogue(self.config),
            self.cache,
            self.progress,
            offline=self.options.offline,
        )

    def _compiler(self, target: Target, interpreter: Interpreter) -> Interpreter:
        """An interpreter of the tree's minor version that runs here."""
        host = host_target()
        if target.name == host.name:
            return interpreter
        if known := next(iter(self.ingredients.values()), None):
            return known.compiler
        return obtain_compiler(
            self.config.python,
            host,
            self.config.sources,
            locking.catalogue(self.config),
            self.cache,
            self.progress,
            offline=self.options.offline,
        )

    def _app_files(self, steps: Steps) -> tuple[FileEntry, ...]:
        if self.app_files is None:
            config = self.config
            with steps.step("app files"):
                ours = (config.output, config.locks, self.cache.root)
                found = collect(config.app, config.exclude, config.data, apart_from=ours)
                self.app_files = tuple(found)
        return self.app_files

    def current(
        self, workspace: Workspace, facts: ReleaseFacts, target: Target
    ) -> Assembled | None:
        """The output as it stands, when it was made from the same and is still whole."""
        output = workspace.output
        if self.options.force or not output.is_dir():
            return None
        trusted = TrustedKeys.of(self.signer.public)
        try:
            found = verify_tree(output, trusted, Level.QUICK, expected_platform=target.name)
        except (InputError, IntegrityError):
            return None
        if found.release.inputs != facts.inputs:
            return None
        steps = tuple(self.steps[target.name].done)
        return Assembled(target, output, found.release, found.total_size, steps, up_to_date=True)

    def plans(self, targets: Sequence[Target]) -> dict[str, Plan]:
        """A checked plan for each target."""
        failures, found = Failures(), {}
        for target in targets:
            with failures.of(target.name):
                found[target.name] = self._plan(target)
        failures.raise_any("cannot be assembled; nothing was written")
        return found

    def _plan(self, target: Target) -> Plan:
        steps = self.steps[target.name]
        if not target.parts:
            return self._single(target, steps)
        x64, arm64 = (self._part(part, steps) for part in self._of(target))
        with steps.step("universal") as step:
            wins = self.config.checks.universal_arm64
            made = combine(x64, arm64, wins, self.cache, self.progress)
            step.note = f"{len(made.entries)} files"
        return made

    def _part(self, target: Target, steps: Steps) -> Plan:
        with steps.step(target.name):
            return self._single(target, Steps(self.progress))

    def _single(self, target: Target, steps: Steps) -> Plan:
        if target.name not in self.planned:
            made_from = self.ingredients[target.name]
            made = plan(self.config, made_from, self.cache, steps, offline=self.options.offline)
            check(self.config, made_from, made, self.cache, steps)
            self.planned[target.name] = made
        return self.planned[target.name]

    def write(
        self, workspace: Workspace, facts: ReleaseFacts, plan: Plan, target: Target
    ) -> Assembled:
        """Write the tree, seal it, see that it verifies, and put it in its place."""
        steps = self.steps[target.name]
        with workspace.staging() as staging:
            tree = staging / "tree"
            with steps.step("write") as step:
                root, mode = self.cache.root, self.config.link_mode
                method = place(plan.entries, tree, root, mode, self.progress)
                step.note = f"{len(plan.entries)} files by {method}"
            release = self._seal(tree, facts, plan, steps)
            with steps.step("publish"):
                workspace.publish(tree)
        return Assembled(
            target,
            workspace.output,
            release,
            size=sum(entry.size for entry in plan.entries if isinstance(entry, FileEntry)),
            steps=tuple(steps.done),
            trimmed=tuple(total(plan.trimmed)),
            uncompiled=plan.uncompiled,
            notices=plan.notices,
        )

    def _seal(self, tree: Path, facts: ReleaseFacts, plan: Plan, steps: Steps) -> Release:
        public = self.signer.public
        with steps.step("seal") as step:
            allowed = self.options.allow_unofficial
            release = seal(tree, plan.entries, facts, self.signer, allow_unofficial=allowed)
            step.note = f"{public.purpose} key {public.keyid[:16]}"
        with steps.step("verify"):
            trusted, platform = TrustedKeys.of(public), facts.platform
            verify_tree(tree, trusted, Level.QUICK, expected_platform=platform)
        return release
