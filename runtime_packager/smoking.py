"""Imports everything in an assembled runtime that this host can run: what files do not tell.

Everything but the exceptions of the configuration is read from the tree itself, so any runtime
will do.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import posixpath
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

from runtime_packager.app import DIRECTORY, STUB
from runtime_packager.entries import FileEntry
from runtime_packager.errors import BuildError, InputError
from runtime_packager.imports import Import, facts_of, is_optional, path_lines, scan_app
from runtime_packager.io.cache import Cache
from runtime_packager.io.files import write_atomic
from runtime_packager.io.progress import Progress
from runtime_packager.launcher import find_launcher
from runtime_packager.manifest import Release
from runtime_packager.platforms import Target, host_target
from runtime_packager.smoke import Failure, Probe, Runtime, app_probes, import_all, in_groups
from runtime_packager.tree import UNTRACED
from runtime_packager.wheels import recorded, top_level

TIMEOUT = 60.0
"""Seconds a module may take: ten times what the slowest known packages need on a cold disk."""

FORMAT = 2
"""Raised when the check looks at more: what passed before may not pass then."""

_STUBS = "_start_"
"""How the names of our own files in ``app/`` begin."""


@dataclass(frozen=True, slots=True)
class Smoked:
    """What was imported.

    :param modules: how many, scripts that were compiled among them.
    :param optional: names left alone because they may be missing.
    :param interpreters: how many shared the work.
    :param requirements: name and version of each of which a module was imported.
    """

    modules: int
    optional: tuple[str, ...]
    interpreters: int
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a tree that was imported whole: a sentence, then a requirement a line.

    On this machine, with the same names left alone, by this version of the check.
    """

    file: Path

    @classmethod
    def of(cls, cache: Cache, release: Release, optional: Sequence[str]) -> Memory:
        """That of the tree of ``release``."""
        facts = [release.platform, release.tree_root, sorted(optional), platform.platform(), FORMAT]
        digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        return cls(cache.root / "smoke" / digest)

    def keep(self, found: Smoked) -> None:
        """Remember it."""
        lines = [f"{found.modules} modules imported", *found.requirements]
        write_atomic(self.file, "\n".join(lines).encode())

    def note(self) -> str | None:
        """The sentence; ``None`` when the tree is not known to pass."""
        return next(iter(self._lines()), None)

    def requirements(self, names: Collection[str]) -> tuple[str, ...]:
        """Those with these canonical names that were imported, with their versions."""
        return tuple(x for x in self._lines()[1:] if canonicalize_name(x.split()[0]) in names)

    def _lines(self) -> list[str]:
        return self.file.read_text(encoding="utf-8").splitlines() if self.file.is_file() else []


@dataclass(frozen=True, slots=True)
class _Tree:
    """The places of one tree, as tree paths."""

    root: Path
    target: Target
    python: Version

    @property
    def site(self) -> str:
        return self.target.site_packages(self.python)

    def app_directory(self) -> str:
        """Where the app's modules are, as the tree's own ``.pth`` says."""
        file = self.root / self.site / "_runtime_app.pth"
        lines = path_lines(file.read_text(encoding="utf-8")) if file.is_file() else []
        return posixpath.normpath(f"{self.site}/{lines[0]}") if lines else "app"

    def launcher(self) -> Path:
        """The app's launcher, whose environment is the app's.

        :raises InputError: when there is none.
        """
        script = f"{DIRECTORY}/{STUB}.py"
        found = find_launcher(self.root, script, self.target.executable_suffix)
        if found is None:
            raise InputError(f"{self.root} has no launcher that starts {script}")
        return found

    def app_files(self) -> list[str]:
        """Every source of the app, our own left out."""
        found = sorted((self.root / "app").rglob("*.py"))
        paths = [file.relative_to(self.root).as_posix() for file in found]
        return [path for path in paths if not path.startswith(f"app/{_STUBS}")]

    def entries(self) -> list[str]:
        """What the start stubs start: scripts, and ``module:function``."""
        return [
            text
            for file in sorted((self.root / "app").glob(f"{_STUBS}*.py"))
            if (text := _constant(file.read_text(encoding="utf-8"), "ENTRY"))
        ]


def smoke(
    root: Path,
    target: Target,
    python: Version,
    progress: Progress,
    *,
    optional: Sequence[str] = (),
    timeout: float = TIMEOUT,
    workers: int | None = None,
) -> Smoked:
    """Import every module of the app, every one it imports, and those of every requirement.

    Nothing is written to the tree by us, and nothing is verified.

    :param optional: modules that may be missing, as ``checks.optional-imports`` has them; they are
        not tried, and whoever fails for want of one of them is forgiven.
    :param timeout: seconds a module may take.
    :param workers: interpreters that run side by side, by default one a processor.
    :raises InputError: when the host cannot run the tree.
    :raises BuildError: naming every module that cannot be imported, and why.
    """
    _require_runs_here(root, target)
    tree = _Tree(root.resolve(), target, python)
    app, requirements = _app(tree), _requirements(tree)
    left = [probe.module for probe in (*app, *requirements) if is_optional(probe.module, optional)]
    workers = workers or os.cpu_count() or 1
    tried = _wanted(requirements, optional)
    groups = in_groups(_wanted(app, optional), tried, workers)
    runtime = Runtime(tree.root, tree.launcher(), tree.root / tree.app_directory())
    failures = [
        failure
        for failure in import_all(runtime, groups, timeout, workers, progress)
        if not (failure.missing and is_optional(failure.missing, optional))
    ]
    modules = sum(map(len, groups))
    if failures:
        raise _error(failures, modules)
    brought = sorted({who for probe in tried for who in probe.wanted_by}, key=str.lower)
    return Smoked(modules, tuple(sorted(set(left))), len(groups), tuple(brought))


def _require_runs_here(root: Path, target: Target) -> None:
    host = host_target()
    if not target.runs_on(host):
        raise InputError(
            f"{root} is for {target.name} and cannot be run here, on {host.name}: "
            "nothing was imported",
            "its binaries and imports were read instead when it was assembled (the table checks "
            f"of the configuration); run this on {target.name}",
        )


def _error(failures: Sequence[Failure], modules: int) -> BuildError:
    count = len(failures)
    return BuildError(
        f"{count} of {modules} modules cannot be imported in the runtime",
        "add what is missing, or name a module that may fail under checks.optional-imports",
        details=[str(failure) for failure in failures],
    )


def _wanted(probes: Sequence[Probe], optional: Sequence[str]) -> list[Probe]:
    """The probes without what may be missing, names taken from a module included."""
    return [
        Probe(
            probe.module,
            tuple(n for n in probe.names if not is_optional(f"{probe.module}.{n}", optional)),
            probe.wanted_by,
            probe.compiled,
        )
        for probe in probes
        if not is_optional(probe.module, optional)
    ]


def _app(tree: _Tree) -> list[Probe]:
    root, files, entries = tree.app_directory(), tree.app_files(), tree.entries()
    scripts = [f"app/{text}" for text in entries if ":" not in text]
    script = scripts[0] if scripts else ""
    started = [
        Probe(module, (function.partition(".")[0],), (f"entry {module}:{function}",))
        for module, colon, function in (text.partition(":") for text in entries)
        if colon
    ]
    itself = script.removeprefix(f"{root}/").removesuffix(".py")
    imports = _imports(tree, files, root)
    found = [probe for probe in _wanted_by_app(imports) if probe.module != itself]
    # What does not compile is a template, unless something imports it.
    sources = [path for path in files if path in imports or path == script]
    return [*app_probes(sources, root, script), *started, *found]


def _imports(tree: _Tree, files: Sequence[str], root: str) -> dict[str, list[Import]]:
    sources = [FileEntry(path, 0, "", False, tree.root / path) for path in files]
    facts = facts_of(tree.target.markers(tree.python), tree.python.release)
    interpreter = tree.root / tree.target.interpreter(tree.python)
    return scan_app(sources, root, facts, interpreter)


def _wanted_by_app(imports: Mapping[str, Sequence[Import]]) -> Iterator[Probe]:
    """What the app's sources import, lazily too."""
    for path, listed in imports.items():
        for found in listed:
            asker = f"{path.removeprefix('app/')}:{found.line}"
            yield Probe(found.module, found.names, (asker,))


def _requirements(tree: _Tree) -> list[Probe]:
    """The top-level modules of every distribution that is installed in the tree.

    Not those that nobody was seen to import, and that are there for the sake of other files.
    """
    site, found = tree.root / tree.site, []
    hollow = _hollow(site)
    for name, version, paths in recorded(site):
        there = (path for path in paths if "__pycache__" not in path and _is_there(site / path))
        wanted = [module for module in top_level(there) if module not in hollow]
        found += [Probe(module, (), (f"{name} {version}",)) for module in wanted]
    return found


def _is_there(file: Path) -> bool:
    """Whether the tree has a file of a wheel, or the bytecode that stands in for a source."""
    return file.exists() or file.with_name(f"{file.name}c").exists()


def _hollow(site: Path) -> list[str]:
    file = site / f"{UNTRACED}.py"
    return _constant(file.read_text(encoding="utf-8"), "HOLLOW").split() if file.is_file() else []


def _constant(text: str, name: str) -> str:
    """The text that a module assigns to ``name`` at its top; empty when it does not."""
    for node in ast.parse(text).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=ast.Constant(value=str(value))) if (
                found == name
            ):
                return value
            case _:
                pass
    return ""
