"""Runs a copy of a runtime whose interpreters note what they import.

The copy is thrown away, so the runtime itself stays as it was sealed: only native files, which hold
most of the bytes and which no app writes into, are hard links.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

from runtime_packager.afterrun import Ended, Identity, home, run_for
from runtime_packager.app import DIRECTORY, STUB
from runtime_packager.errors import BuildError, InputError
from runtime_packager.io.files import remove_tree
from runtime_packager.io.progress import Progress
from runtime_packager.launcher import find_launcher
from runtime_packager.manifest import Release
from runtime_packager.platforms import Target, find_target, host_target
from runtime_packager.tree import STDLIB, UNTRACED, Seen, Trace, module_name
from runtime_packager.wheels import recorded

ALWAYS_LIMIT = 120.0
"""Seconds that importing what is always needed may take."""

_HOOK = Path(__file__).with_name("hook.py")
_ALWAYS = Path(__file__).with_name("always.py")
_NAME = "_runtime_trace"
_NATIVE = re.compile(r"\.(?:so|pyd|dll|dylib)(?:\.|$)", re.IGNORECASE)
_FROZEN = re.compile(r"<frozen ([\w.]+)>")


@dataclass(frozen=True, slots=True)
class Run:
    """One run that was traced.

    :param trace: what was seen of each distribution in the runtime.
    :param processes: interpreters that noted anything.
    """

    trace: Trace
    ended: Ended
    processes: int


@dataclass(frozen=True, slots=True)
class _Copy:
    """The runtime that is run.

    :param notes: where its interpreters write.
    """

    root: Path
    notes: Path
    target: Target
    python: Version

    @property
    def site(self) -> Path:
        return self.root / self.target.site_packages(self.python)


def record(
    root: Path,
    release: Release,
    arguments: Sequence[str],
    progress: Progress,
    *,
    seconds: float | None = None,
    script: str | None = None,
) -> Run:
    """Run the app of the runtime at ``root`` and see what it imports, its children included.

    :param arguments: the app's.
    :param seconds: until it is ended; ``None`` until it ends itself. Ctrl-C ends it at any time.
    :param script: a console script of the runtime that is run instead of the app.
    :raises InputError: when the runtime is for another system, or has no such script.
    :raises BuildError: when the app cannot be started, or fails.
    """
    target = find_target(release.platform)
    _require_host(root, target)
    python = Version(str(release.interpreters[0]["python"]))
    root = Path(os.path.realpath(root))
    with _copied(root, target, python) as copy, home(Identity("yourself")) as place:
        launcher = _launcher(copy, script)
        until = f"for {seconds:g} s or until Ctrl-C" if seconds else "until it ends or Ctrl-C"
        progress.note(f"running {launcher.name} {until}: use everything that has to work")
        ended = _run([launcher, *arguments], place, seconds)
        processes = len(list(copy.notes.iterdir()))
        tops = sorted({name.partition(".")[0] for name in _trace(copy)[STDLIB].modules})
        progress.note("importing what every runtime needs: for debugging, errors and children")
        _run([launcher, "--runtime-python", _ALWAYS, *tops], place, ALWAYS_LIMIT)
        return Run(_trace(copy), ended, processes)


def _require_host(root: Path, target: Target) -> None:
    here = host_target()
    if not target.runs_on(here):
        raise InputError(
            f"{root} is for {target.name} and cannot be run here, on {here.name}",
            f"trace it on {target.name}: what it imports elsewhere says nothing about here",
        )


@contextmanager
def _copied(root: Path, target: Target, python: Version) -> Iterator[_Copy]:
    """A copy of the runtime whose interpreters note what they import."""
    scratch = Path(tempfile.mkdtemp(prefix="runtime-packager-trace-", dir=_near(root)))
    copy = _Copy(Path(os.path.realpath(scratch)) / "runtime", scratch / "notes", target, python)
    if (root / copy.site.relative_to(copy.root) / f"{UNTRACED}.py").exists():
        scratch.rmdir()
        raise InputError(
            f"{root} was made with trim.untraced: what it lacks cannot be seen to be imported",
            "trace one that `runtime-packager assemble --keep-untraced --output DIR` makes",
        )
    try:
        copy.notes.mkdir()
        shutil.copytree(root, copy.root, symlinks=True, copy_function=_link)
        hook = _HOOK.read_text(encoding="utf-8")
        hook = hook.replace('PLACE = ""', f"PLACE = {os.path.realpath(copy.notes)!r}", 1)
        (copy.site / f"{_NAME}.py").write_text(hook, encoding="utf-8")
        (copy.site / f"{_NAME}.pth").write_text(f"import {_NAME}\n", encoding="utf-8")
        yield copy
    finally:
        remove_tree(scratch)


def _near(root: Path) -> Path | None:
    """Where hard links of the runtime can be made; ``None`` for the temporary directory."""
    same = os.stat(tempfile.gettempdir()).st_dev == root.stat().st_dev
    return None if same or not os.access(root.parent, os.W_OK) else root.parent


def _link(source: str, to: str) -> None:
    if _NATIVE.search(os.path.basename(source)):
        with suppress(OSError):
            os.link(source, to)
            return
    shutil.copy2(source, to)


def _launcher(copy: _Copy, script: str | None) -> Path:
    starts = f"{DIRECTORY}/_start_script_{script}.py" if script else f"{DIRECTORY}/{STUB}.py"
    found = find_launcher(copy.root, starts, copy.target.executable_suffix)
    if found is None:
        raise InputError(
            f"the runtime has no launcher that starts {script or starts}",
            "console scripts get launchers by the key scripts of the configuration",
        )
    return found


def _run(command: Sequence[str | Path], place: Path, seconds: float | None) -> Ended:
    """:raises BuildError: when it fails."""
    try:
        ended = run_for(command, Identity("yourself"), place, seconds, interruptible=True)
    except OSError as error:
        raise BuildError(f"{command[0]} could not be started: {error.strerror}") from error
    if failure := ended.failure():
        raise BuildError(
            f"{Path(command[0]).name} {failure}: nothing was noted",
            "what it printed is above; the app's arguments come after --",
        )
    return ended


def _trace(copy: _Copy) -> Trace:
    """What the notes say, by distribution."""
    owners, versions = _owners(copy)
    stdlib = copy.target.stdlib(copy.python)
    found: dict[str, set[str]] = {name: set() for name in versions}
    for path in _noted(copy):
        name = module_name(path)
        owner = owners.get(path)
        if owner is None and path.startswith(("python/DLLs/", f"{stdlib}/")):
            owner = None if path.startswith(f"{stdlib}/site-packages/") else STDLIB
        if owner and name:
            found[owner].add(name)
    return {name: Seen(versions[name], frozenset(found[name])) for name in versions}


def _noted(copy: _Copy) -> set[str]:
    """The files that were run or loaded, as paths of the tree."""
    notes = (os.fsdecode(file.read_bytes()) for file in copy.notes.iterdir())
    lines = {line for text in notes for line in text.split("\n") if line}
    return {path for line in lines if (path := _tree_path(line, copy))}


def _tree_path(line: str, copy: _Copy) -> str:
    """Where a noted module lies; empty for one that is built in, made up, or not of the tree."""
    try:
        return _existing(line, copy)
    except (OSError, ValueError):  # code made from text may be named by all of that text
        return ""


def _existing(line: str, copy: _Copy) -> str:
    place = Path(line)
    if frozen := _FROZEN.fullmatch(line):
        base = copy.root.joinpath(copy.target.stdlib(copy.python), *frozen[1].split("."))
        place = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    # Bytecode without a source names that as it was compiled: by its place in the tree.
    real = Path(os.path.realpath(copy.root / place))
    there = real.is_file() or real.with_name(f"{real.name}c").is_file()
    return real.relative_to(copy.root).as_posix() if there and copy.root in real.parents else ""


def _owners(copy: _Copy) -> tuple[dict[str, str], dict[str, str]]:
    """By tree path the distribution that brings it, and by distribution its version."""
    site = copy.target.site_packages(copy.python)
    owners: dict[str, str] = {}
    versions = {STDLIB: f"{copy.python.major}.{copy.python.minor}"}
    for title, version, paths in recorded(copy.site):
        name = canonicalize_name(title)
        versions[name] = str(Version(version))
        owners |= {posixpath.normpath(f"{site}/{path}"): name for path in paths}
    return owners, versions
