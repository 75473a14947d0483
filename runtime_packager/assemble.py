"""The pipeline: what becomes of an app, its requirements and a Python version.

locks -> interpreter and app of every platform -> a plan of every tree (wheels, trimming, bytecode,
launcher) -> the checks -> and only when nothing is wrong with any of them, one tree after the
other: write -> seal and sign -> verify -> import everything -> and when all are there, publish.
Each is written to a staging directory beside its output, which then takes the output's place in one
rename, or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from runtime_packager import inputs
from runtime_packager.checking import check
from runtime_packager.config import Config
from runtime_packager.entries import FileEntry
from runtime_packager.errors import (
    BuildError,
    Failures,
    InputError,
    IntegrityError,
    machine_faults,
)
from runtime_packager.gathering import NOTHING_WRITTEN, gather
from runtime_packager.inputs import Ingredients
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Progress
from runtime_packager.io.steps import Steps, StepTime
from runtime_packager.io.store import damaged
from runtime_packager.manifest import (
    ErrorId,
    IntegrityFailure,
    Level,
    Release,
    ReleaseFacts,
    Signer,
    TrustedKeys,
    seal,
    stated_release,
    verify_tree,
)
from runtime_packager.planning import Plan, plan
from runtime_packager.platforms import Target, host_target
from runtime_packager.smoking import Memory, Smoked, smoke
from runtime_packager.tree import Trimmed, place
from runtime_packager.tree.trimming import total
from runtime_packager.universal import combine
from runtime_packager.wheels import requirement_names
from runtime_packager.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Options:
    """How to assemble, beyond what the config says.

    :param locked: fail when the lock does not fit the requirements, rather than lock again.
    :param offline: use only what the cache holds.
    :param force: assemble even when nothing changed.
    :param allow_unofficial: sign with a release key though the interpreter is no official one.
    :param output: where the platforms' directories go, when that is not ``config.output``.
    """

    locked: bool = False
    offline: bool = False
    force: bool = False
    allow_unofficial: bool = False
    output: Path | None = None


@dataclass(frozen=True, slots=True)
class Assembled:
    """What came out.

    :param up_to_date: nothing had changed, so nothing was done.
    :param size: bytes of all files together.
    :param imported: what the requirement files name, of which modules were imported in the tree.
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
    imported: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Written:
    """A sealed tree that is not in its place yet."""

    tree: Path
    plan: Plan
    release: Release
    imported: tuple[str, ...]


@machine_faults()
def assemble(
    config: Config,
    targets: Sequence[Target],
    signer: Signer,
    cache: Cache,
    progress: Progress,
    options: Options = Options(),
) -> list[Assembled]:
    """Make the runtime of each target, in a directory of its name.

    No output is touched before the trees of all of them are sealed and verified.

    :raises PackagerError: of the kind that fits, naming every target that fails; the previous
        outputs are then as they were.
    """
    cache.require_usable()
    output = options.output or config.output
    with cache.in_use(), ExitStack() as held:
        workspaces = {
            target.name: held.enter_context(Workspace.held(output / target.name, progress))
            for target in sorted(targets, key=lambda target: target.name)
        }
        steps = {target.name: Steps(progress) for target in targets}
        run = _Run(config, cache, progress, options, signer, steps)
        facts, found, plans = run.decide(targets, workspaces, output)
        written = {
            name: run.write(held.enter_context(workspaces[name].staging()), facts[name], plan)
            for name, plan in plans.items()
        }
        return [
            found[target.name] or run.publish(workspaces[target.name], written[target.name], target)
            for target in targets
        ]


@dataclass
class _Run:
    """One call of :func:`assemble`; a plan that two targets need is made once."""

    config: Config
    cache: Cache
    progress: Progress
    options: Options
    signer: Signer
    steps: Mapping[str, Steps]
    planned: dict[str, Plan] = field(default_factory=dict)

    def decide(
        self, targets: Sequence[Target], workspaces: Mapping[str, Workspace], output: Path
    ) -> tuple[dict[str, ReleaseFacts], dict[str, Assembled | None], dict[str, Plan]]:
        """By target what its manifest will say, its output if it is current, else its plan.

        What the trees are made from, 70 MB for 100,000 files, is let go of at the end.
        """
        made_from = gather(
            self.config, targets, self.cache, self.progress, self.steps,
            output=output, locked=self.options.locked, offline=self.options.offline,
        )  # fmt: skip
        facts = {t.name: inputs.facts(self.config, t, made_from[t.name]) for t in targets}
        found = {t.name: self.current(workspaces[t.name], facts[t.name], t) for t in targets}
        missing = [target for target in targets if found[target.name] is None]
        return facts, found, self.plans(missing, made_from)

    def current(
        self, workspace: Workspace, facts: ReleaseFacts, target: Target
    ) -> Assembled | None:
        """The output as it stands, when it was made from the same and is still whole."""
        output = workspace.output
        if self.options.force or not output.is_dir():
            return None
        trusted = TrustedKeys.of(self.signer.public)
        try:
            if stated_release(output).inputs != facts.inputs:
                return None  # before gigabytes of its libraries are hashed
            found = verify_tree(output, trusted, Level.QUICK, expected_platform=target.name)
        except (InputError, IntegrityError):
            return None
        steps, release = tuple(self.steps[target.name].done), found.release
        return Assembled(
            target, output, release, found.total_size, steps,
            up_to_date=True,
            imported=self._recalled(self._memory(release)),
        )  # fmt: skip

    def plans(
        self, targets: Sequence[Target], made_from: Mapping[str, tuple[Ingredients, ...]]
    ) -> dict[str, Plan]:
        """A checked plan for each target."""
        failures, found = Failures(), {}
        for target in targets:
            parts = []
            for part in made_from[target.name]:
                with failures.of(target.name):
                    parts.append(self._part(part, target))
            if len(parts) == len(made_from[target.name]):
                with failures.of(target.name):
                    found[target.name] = self._whole(parts, target)
        failures.raise_any(NOTHING_WRITTEN)
        return found

    def _whole(self, parts: Sequence[Plan], target: Target) -> Plan:
        if len(parts) == 1:
            return parts[0]
        x64, arm64 = parts
        with self.steps[target.name].step("universal") as step:
            wins = self.config.checks.universal_arm64
            made = combine(x64, arm64, wins, self.cache, self.progress)
            step.note = f"{len(made.entries)} files"
        return made

    def _part(self, made_from: Ingredients, target: Target) -> Plan:
        steps = self.steps[target.name]
        if made_from.target.name == target.name:
            return self._single(made_from, steps)
        with steps.step(made_from.target.name):
            return self._single(made_from, Steps(self.progress))

    def _single(self, made_from: Ingredients, steps: Steps) -> Plan:
        name = made_from.target.name
        if name not in self.planned:
            made = plan(self.config, made_from, self.cache, steps, offline=self.options.offline)
            check(self.config, made_from, made, self.cache, steps)
            self.planned[name] = made
        return self.planned[name]

    def write(self, staging: Path, facts: ReleaseFacts, plan: Plan) -> _Written:
        """Write the tree below ``staging``, seal it and see that it verifies."""
        tree, steps = staging / "tree", self.steps[facts.platform]
        with steps.step("write") as step:
            root, mode = self.cache.root, self.config.link_mode
            method = place(plan.entries, tree, root, mode, self.progress)
            step.note = f"{len(plan.entries)} files by {method}"
        release = self._seal(tree, facts, plan, steps)
        return _Written(tree, plan, release, self._smoke(tree, release, steps))

    def publish(self, workspace: Workspace, written: _Written, target: Target) -> Assembled:
        """Put the finished tree in its place."""
        steps, plan = self.steps[target.name], written.plan
        with steps.step("publish"):
            workspace.publish(written.tree)
        return Assembled(
            target,
            workspace.output,
            written.release,
            size=sum(entry.size for entry in plan.entries if isinstance(entry, FileEntry)),
            steps=tuple(steps.done),
            trimmed=tuple(total(plan.trimmed)),
            uncompiled=plan.uncompiled,
            notices=plan.notices,
            imported=written.imported,
        )

    def _seal(self, tree: Path, facts: ReleaseFacts, plan: Plan, steps: Steps) -> Release:
        public = self.signer.public
        with steps.step("seal") as step:
            allowed = self.options.allow_unofficial
            release = seal(
                tree, plan.entries, facts, self.signer,
                allow_unofficial=allowed, cache=self.cache, progress=self.progress,
            )  # fmt: skip
            step.note = f"{public.purpose} key {public.keyid[:16]}"
        with steps.step("verify"):
            self._verify_written(tree, plan, facts.platform)
        return release

    def _verify_written(self, tree: Path, plan: Plan, platform: str) -> None:
        """Every byte: the store knows its files by size and time, and bits may rot beneath those.

        :raises IntegrityError: naming the files of the cache that are to blame, if any are.
        """
        try:
            self._verify(tree, platform, Level.FULL)
        except IntegrityFailure as error:
            wrong = {p.path for p in error.problems if p.id is ErrorId.FILE_HASH}
            files = [e for e in plan.entries if isinstance(e, FileEntry) and e.path in wrong]
            if not files:
                raise
            raise damaged(self.cache, files) from error

    def _verify(self, tree: Path, platform: str, level: Level = Level.QUICK) -> None:
        trusted = TrustedKeys.of(self.signer.public)
        verify_tree(tree, trusted, level, expected_platform=platform)

    def _smoke(self, tree: Path, release: Release, steps: Steps) -> tuple[str, ...]:
        """Import everything in the tree, where it runs here, and see that nothing wrote to it.

        A tree whose every byte passed before passes again: that is asked of the cache. Returns
        what was imported of that which the requirement files name.
        """
        target, memory = self.config.target(release.platform), self._memory(release)
        if not self.config.checks.smoke or not target.runs_on(host_target()):
            return ()
        with steps.step("smoke") as step:
            step.cached = memory.note() is not None and not self.options.force
            if not step.cached:
                memory.keep(self._imported(tree, target))
            step.note = memory.note() or ""
        return self._recalled(memory)

    def _memory(self, release: Release) -> Memory:
        return Memory.of(self.cache, release, self.config.checks.optional_imports)

    def _recalled(self, memory: Memory) -> tuple[str, ...]:
        return memory.requirements(requirement_names(self.config.requirements))

    def _imported(self, tree: Path, target: Target) -> Smoked:
        optional = self.config.checks.optional_imports
        found = smoke(tree, target, self.config.python, self.progress, optional=optional)
        try:
            self._verify(tree, target.name, Level.FULL)
        except IntegrityError as error:
            raise BuildError(
                "a module writes into the runtime when it is imported",
                "have it write elsewhere, or name it under checks.optional-imports",
                details=error.details or (error.message,),
            ) from error
        return found
