"""The configuration as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from runtime_packager.app import Data, EntryPoint
from runtime_packager.config.profiles import Profile
from runtime_packager.interpreters import Source
from runtime_packager.launcher import Identity
from runtime_packager.platforms import Target, find_target
from runtime_packager.tree import LinkMode

PATH_BUDGET = 200
"""UTF-16 units of a tree's longest path on Windows: leaves 59 of its 260 for the place where a
person installs the app (``MAX_PATH`` of Microsoft's "Maximum Path Length Limitation")."""


@dataclass(frozen=True, slots=True)
class Checks:
    """What is looked at before a tree is written, and what is accepted all the same.

    :param binaries: read every ELF, PE and Mach-O.
    :param imports: resolve every import of the app, and every module of the requirements.
    :param system_libraries: libraries that users' systems have, besides those every system has.
    :param accept: patterns of tree paths whose binaries are not judged.
    :param optional_imports: modules that may be missing; ``name.*`` covers what is below a name.
    :param universal_arm64: patterns of tree paths that may differ between the two Macs; a
        universal tree then has arm64's.
    :param smoke: import everything in the finished tree, where the host can run it.
    :param path_budget: UTF-16 units a path inside a tree for Windows may have.
    """

    binaries: bool = True
    imports: bool = True
    system_libraries: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()
    optional_imports: tuple[str, ...] = ()
    universal_arm64: tuple[str, ...] = ()
    path_budget: int = PATH_BUDGET
    smoke: bool = True


@dataclass(frozen=True, slots=True)
class Config:
    """What to assemble. All paths are absolute.

    :param profile: which of the project's runtimes this is.
    :param name: the product, as the manifest states it.
    :param scripts: console scripts of requirements that get launchers of their own.
    :param floors: (major, minor) by kind of floor, as :data:`~runtime_packager.platforms.FLOORS`.
    :param identity: what Windows shows of the launchers.
    :param epoch: monotonic release counter that rollback protection compares.
    :param optimize: bytecode optimisation, as ``python -O`` counts: 0, 1 or 2.
    :param lock_urls: whether locks carry the files' addresses (else their names alone).
    :param traced: the directory of what runtimes were seen to import.
    :param root_document: who signs releases; without such a file ``trusted_keys`` say it.
    :param cache: ``None`` for the user's cache directory.
    """

    file: Path
    profile: Profile
    name: str
    version: str
    app: Path
    entry: EntryPoint
    requirements: tuple[Path, ...]
    python: Version
    platforms: tuple[Target, ...]
    output: Path
    launcher: str
    scripts: tuple[str, ...]
    identity: Identity
    floors: Mapping[str, tuple[int, int]]
    checks: Checks
    exclude: tuple[str, ...]
    data: tuple[Data, ...]
    sources: tuple[Source, ...]
    trim: frozenset[str]
    optimize: int
    link_mode: LinkMode
    epoch: int
    lock_urls: bool
    locks: Path
    traced: Path
    pins: Path
    trusted_keys: Path
    root_document: Path
    cache: Path | None

    @property
    def root(self) -> Path:
        """The project's directory."""
        return self.file.parent

    def target(self, name: str) -> Target:
        """The target called ``name`` (or an alias), with this project's floor.

        :raises InputError: for an unknown name.
        """
        found = find_target(name)
        return found.with_floor(self.floors[found.floor_kind]) if found.floor_kind else found

    def parts(self, target: Target) -> tuple[Target, ...]:
        """The targets that ``target`` is made from: itself, unless it is universal."""
        return tuple(map(self.target, target.parts)) or (target,)

    def lock_file(self, target: Target) -> Path:
        """Where the target's lock lies (PEP 751 wants ``pylock.<name>.toml``)."""
        return self.locks / f"pylock.{target.name}.toml"

    def trace_file(self, platform: str) -> Path:
        """Where it is noted which modules runtimes for a platform were seen to import."""
        return self.traced / f"{platform}.txt"
