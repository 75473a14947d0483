"""The pipeline: what becomes of an app, its requirements and a Python version.

lock -> interpreter -> wheels -> app -> trim -> bytecode -> launcher -> write the tree -> seal and
sign -> verify -> publish. Everything happens in a staging directory beside the output, which then
takes the output's place in one rename, or not at all.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from runtime_packager import inputs, locking
from runtime_packager.app import ConsoleScript, Function, Script, collect, pack
from runtime_packager.config import Config
from runtime_packager.entries import Entry, FileEntry, Layer
from runtime_packager.errors import InputError, IntegrityError
from runtime_packager.interpreters import Interpreter, obtain, obtain_compiler
from runtime_packager.io.cache import Cache
from runtime_packager.io.files import (
    publish_directory,
    recover_directory,
    remove_tree,
    require_writable_parent,
)
from runtime_packager.io.locks import exclusive
from runtime_packager.io.progress import Progress
from runtime_packager.io.steps import Steps, StepTime
from runtime_packager.manifest import (
    RELEASE,
    Level,
    Release,
    ReleaseFacts,
    Signer,
    TrustedKeys,
    seal,
    verify_tree,
)
from runtime_packager.platforms import Target, host_target
from runtime_packager.tree import Bytecode, Trimmed, compile_units, merge, place, trim
from runtime_packager.tree.trimming import total
from runtime_packager.wheels import InstalledWheel, Lock, console_script, install


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
    target: Target,
    signer: Signer,
    cache: Cache,
    progress: Progress,
    options: Options = Options(),
) -> Assembled:
    """Make the runtime for ``target`` at ``config.output / target.name``.

    :raises PackagerError: of the kind that fits; the previous output is then as it was.
    """
    output = config.output / target.name
    cache.require_usable()
    require_writable_parent(output)
    with exclusive(output.parent / f".{target.name}.lock", str(output), progress):
        workspace = Workspace(output)
        workspace.recover()
        workspace.refuse_strangers()
        steps = Steps(progress)
        made_from = _gather(config, target, cache, steps, options)
        if not options.force and (found := _current(output, made_from, signer, target)):
            return replace(found, steps=tuple(steps.done))
        with workspace.staging() as staging:
            built = _build(config, made_from, cache, steps, staging, options)
            release = _seal(made_from, built, signer, steps, staging, options)
            with steps.step("publish"):
                workspace.publish(staging)
    return Assembled(
        target,
        output,
        release,
        size=sum(e.size for e in built.entries if isinstance(e, FileEntry)),
        steps=tuple(steps.done),
        trimmed=tuple(total(built.trimmed)),
        uncompiled=built.uncompiled,
        notices=built.notices,
    )


@dataclass(frozen=True, slots=True)
class Workspace:
    """The names beside the output that only one assembly at a time may use."""

    output: Path

    @property
    def _prefix(self) -> str:
        return f".{self.output.name}."

    @property
    def _retired(self) -> Path:
        return self.output.parent / f"{self._prefix}retired"

    def recover(self) -> None:
        """Clear away what a killed assembly left; bring back an output it had moved."""
        recover_directory(self.output, self._retired)
        remove_tree(self._retired)
        for leftover in self.output.parent.glob(f"{self._prefix}staging-*"):
            remove_tree(leftover)

    def refuse_strangers(self) -> None:
        """:raises InputError: when the output is a directory that we did not make."""
        if not self.output.is_dir() or (self.output / RELEASE).is_file():
            return
        if any(self.output.iterdir()):
            raise InputError(
                f"{self.output} holds files but is no runtime, and would be replaced",
                "move it away, or choose another output",
            )

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A new directory on the output's file system, gone when the block ends."""
        path = Path(tempfile.mkdtemp(dir=self.output.parent, prefix=f"{self._prefix}staging-"))
        try:
            yield path
        finally:
            remove_tree(path)

    def publish(self, staging: Path) -> None:
        """Put the finished tree in the output's place and remove the one before."""
        publish_directory(staging / "tree", self.output, self._retired)
        remove_tree(self._retired)


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """All that decides the tree, known before anything is built."""

    target: Target
    lock: Lock
    interpreter: Interpreter
    app_files: tuple[FileEntry, ...]
    configuration: bytes
    launcher: FileEntry
    facts: ReleaseFacts


def _gather(
    config: Config, target: Target, cache: Cache, steps: Steps, options: Options
) -> MadeFrom:
    with steps.step("lock") as step:
        lock, again = locking.ensure_all(
            config, [target], cache, steps.progress, locked=options.locked, offline=options.offline
        )[target.name]
        step.note = f"{len(lock.packages)} packages" + (", resolved anew" if again else "")
        step.cached = not again
    with steps.step("interpreter") as step:
        interpreter = _interpreter(config, target, cache, steps, options)
        step.note = interpreter.provenance.origin
        step.cached = interpreter.cached
    with steps.step("app files"):
        ours = (config.output, config.locks, cache.root)
        files = tuple(collect(config.app, config.exclude, config.data, apart_from=ours))
    launcher, configuration = inputs.launcher(config, target)
    facts = inputs.facts(config, target, lock, interpreter, files, launcher, configuration)
    return MadeFrom(target, lock, interpreter, files, configuration, launcher, facts)


def _interpreter(
    config: Config, target: Target, cache: Cache, steps: Steps, options: Options
) -> Interpreter:
    return obtain(
        config.python,
        target,
        config.sources,
        locking.catalogue(config),
        cache,
        steps.progress,
        offline=options.offline,
    )


def _current(output: Path, made_from: MadeFrom, signer: Signer, target: Target) -> Assembled | None:
    """The output as it stands, when it was made from the same and is still whole."""
    if not output.is_dir():
        return None
    try:
        found = verify_tree(
            output, TrustedKeys.of(signer.public), Level.QUICK, expected_platform=target.name
        )
    except (InputError, IntegrityError):
        return None
    if found.release.inputs != made_from.facts.inputs:
        return None
    return Assembled(target, output, found.release, found.total_size, (), up_to_date=True)


@dataclass(frozen=True, slots=True)
class Built:
    """A tree on disk that is not sealed yet."""

    entries: tuple[Entry, ...]
    trimmed: tuple[Trimmed, ...]
    uncompiled: tuple[str, ...]
    notices: tuple[str, ...]


def _build(
    config: Config, made_from: MadeFrom, cache: Cache, steps: Steps, staging: Path, options: Options
) -> Built:
    wheels = _install(config, made_from, cache, steps, options)
    app = _pack(config, made_from, wheels, cache, steps)
    with steps.step("trim") as step:
        layers, trimmed = _trim(config, made_from, wheels)
        step.note = f"{sum(row.files for row in trimmed)} files left out"
    bytecode = _bytecode(config, made_from, [*layers, app], cache, steps, options)
    layers = [*layers, *bytecode.layers, app, _own_files(config, made_from, staging)]
    with steps.step("write") as step:
        entries = merge(layers)
        method = place(entries, staging / "tree", cache.root, config.link_mode, steps.progress)
        step.note = f"{len(entries)} files by {method}"
    notices = tuple(
        f"{wheel.name} {wheel.version}: {name} was left out (a script for another machine)"
        for wheel in wheels
        for name in wheel.left_out
    )
    return Built(tuple(entries), tuple(trimmed), bytecode.failed, notices)


def _install(
    config: Config, made_from: MadeFrom, cache: Cache, steps: Steps, options: Options
) -> list[InstalledWheel]:
    with steps.step("wheels") as step:
        result = install(
            made_from.lock,
            made_from.target,
            config.python,
            cache,
            steps.progress,
            wheelhouse=config.locks / "wheels",
            requirements=config.requirements,
            offline=options.offline,
        )
        new = sum(not wheel.cached for wheel in result)
        step.note = f"{len(result)} wheels" + (f", {new} unpacked" if new else "")
        step.cached = not new
        return result


def _pack(
    config: Config,
    made_from: MadeFrom,
    wheels: list[InstalledWheel],
    cache: Cache,
    steps: Steps,
) -> Layer:
    with steps.step("app") as step:
        layer, step.cached = pack(made_from.app_files, _entry_point(config, wheels), cache)
        step.note = f"{len(made_from.app_files)} files"
        return layer


def _entry_point(config: Config, wheels: list[InstalledWheel]) -> Script | Function:
    if not isinstance(config.entry, ConsoleScript):
        return config.entry
    found = console_script(wheels, config.entry.name)
    if found is None:
        raise InputError(
            f"entry {config.entry.name!r} is no console script of any requirement",
            "name a script such as main.py, package.module:function, or add the requirement",
        )
    module, _, function = found.partition(":")
    return Function(module, function)


def _trim(
    config: Config, made_from: MadeFrom, wheels: list[InstalledWheel]
) -> tuple[list[Layer], list[Trimmed]]:
    interpreter, trimmed = trim(made_from.interpreter.layer, config.trim, wheel=False)
    layers = [interpreter]
    for wheel in wheels:
        layer, left_out = trim(wheel.layer, config.trim, wheel=True)
        layers.append(layer)
        trimmed += left_out
    return layers, trimmed


def _bytecode(
    config: Config,
    made_from: MadeFrom,
    layers: list[Layer],
    cache: Cache,
    steps: Steps,
    options: Options,
) -> Bytecode:
    with steps.step("bytecode") as step:
        compiler = _compiler(config, made_from, cache, steps, options)
        bytecode = compile_units(
            layers,
            compiler.root / host_target().interpreter(config.python),
            compiler.provenance.python,
            cache,
            steps.progress,
            optimize=config.optimize,
        )
        step.cached = not bytecode.compiled
        step.note = f"{bytecode.compiled} compiled" if bytecode.compiled else ""
        return bytecode


def _compiler(
    config: Config, made_from: MadeFrom, cache: Cache, steps: Steps, options: Options
) -> Interpreter:
    """An interpreter of the tree's version that runs here: the tree's own, or the host's."""
    host = host_target()
    if made_from.target.name == host.name:
        return made_from.interpreter
    return obtain_compiler(
        config.python,
        host,
        config.sources,
        locking.catalogue(config),
        cache,
        steps.progress,
        offline=options.offline,
    )


def _own_files(config: Config, made_from: MadeFrom, staging: Path) -> Layer:
    """The launcher, its configuration, and the line that makes the app importable everywhere."""
    site_packages = made_from.target.site_packages(config.python)
    up = "/".join([".."] * (site_packages.count("/") + 1))
    texts = {
        f"{config.launcher}.cfg": made_from.configuration,
        f"{site_packages}/_runtime_app.pth": f"{up}/{inputs.app_directory(config)}\n".encode(),
    }
    entries = []
    for path, data in texts.items():
        source = staging / "own" / os.path.basename(path)
        source.parent.mkdir(exist_ok=True)
        source.write_bytes(data)
        entries.append(inputs.entry_of(path, data, source))
    return Layer("runtime-packager", (made_from.launcher, *entries))


def _seal(
    made_from: MadeFrom,
    built: Built,
    signer: Signer,
    steps: Steps,
    staging: Path,
    options: Options,
) -> Release:
    tree = staging / "tree"
    with steps.step("seal") as step:
        release = seal(
            tree,
            built.entries,
            made_from.facts,
            signer,
            allow_unofficial=options.allow_unofficial,
        )
        step.note = f"{signer.public.purpose} key {signer.public.keyid[:16]}"
    with steps.step("verify"):
        verify_tree(
            tree,
            TrustedKeys.of(signer.public),
            Level.QUICK,
            expected_platform=made_from.target.name,
        )
    return release
