"""The order of the sealed proof, and what its findings amount to."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime_packager.afterrun import snapshot
from runtime_packager.afterrun.running import (
    Ended,
    Identity,
    code_text,
    home,
    identities,
    run_for,
)
from runtime_packager.afterrun.snapshot import Difference, What
from runtime_packager.app import DIRECTORY, STUB
from runtime_packager.errors import BuildError, InputError, IntegrityError
from runtime_packager.io.progress import Progress
from runtime_packager.launcher import find_launcher
from runtime_packager.manifest import IntegrityFailure, Release
from runtime_packager.platforms import find_target, host_target

PROBE_LIMIT = 1800.0
"""Seconds all children together may take."""

_PROBE = Path(__file__).with_name("probe.py")
_DATA_HINT = (
    "an installed runtime may be read-only, and is refused once it was changed: data belongs into "
    "the user's data directory, scratch into the temporary one"
)
_BYTECODE_HINT = (
    "Python wrote bytecode that the runtime lacks: children get the app's optimisation (-O) and "
    "-B only when they are given them"
)


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of the app and of its children as somebody.

    :param identity: for people.
    :param app: how the app ended.
    :param children: how each kind ended: its exit code, ``None`` when it had to be killed.
    :param modules: how many modules of the requirements each imported.
    :param problems: what failed, for people.
    """

    identity: str
    app: Ended
    children: dict[str, int | None]
    modules: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What was run, and how many names are exactly as they were.

    :param skipped: who could not reach the runtime, and why.
    """

    trials: tuple[Trial, ...]
    skipped: tuple[str, ...]
    names: int


def prove(
    root: Path,
    release: Release,
    arguments: Sequence[str],
    *,
    seconds: float,
    verify: Callable[[], object],
    progress: Progress,
) -> Proof:
    """Run the verified runtime at ``root`` and show that it is as it was.

    :param arguments: the app's.
    :param seconds: the app may run before it is ended.
    :param verify: verifies every byte again, or raises :class:`IntegrityFailure`.
    :raises InputError: when it is for another system than this one.
    :raises IntegrityError: naming every file that appeared, vanished or changed.
    :raises BuildError: when nothing was written, but the app or a child failed.
    """
    require_host(root, release.platform)
    root = Path(os.path.realpath(root))
    launcher = _launcher(root, release.platform)
    before = snapshot.take(root)
    trials, skipped = _try(launcher, arguments, seconds, progress)
    differences = snapshot.compare(before, snapshot.take(root))
    judge(root, differences, _broken(verify), [line for t in trials for line in t.problems])
    return Proof(tuple(trials), tuple(skipped), len(before))


def require_host(root: Path, platform: str) -> None:
    """:class:`InputError` unless a tree for ``platform`` runs on this system."""
    here, target = host_target(), find_target(platform)
    if not target.runs_on(here):
        raise InputError(
            f"{root} is for {target.name} and cannot be run here, on {here.name}",
            f"use --after-run on {target.name}; verify without it works everywhere",
        )


def _launcher(root: Path, platform: str) -> Path:
    """The launcher that starts the app; the others start console scripts.

    :raises InputError: when there is none.
    """
    script = f"{DIRECTORY}/{STUB}.py"
    found = find_launcher(root, script, find_target(platform).executable_suffix)
    if found is None:
        raise InputError(f"{root} has no launcher that starts {script}")
    return found


def judge(
    root: Path,
    differences: Sequence[Difference],
    broken: Sequence[str],
    problems: Sequence[str],
) -> None:
    """Raise what the findings amount to.

    :param broken: what the second verification found, one line each; a line about a path that
        is among the differences says nothing new.
    :param problems: what failed without writing.
    :raises IntegrityError: for a difference or anything broken; what failed is reported with it.
    :raises BuildError: when something failed and nothing was written.
    """
    known = tuple(f"{difference.path}: " for difference in differences)
    written = [*map(str, differences), *(line for line in broken if not line.startswith(known))]
    if written:
        raise IntegrityError(
            f"{root} was changed by running it",
            "; ".join(_hints(differences)),
            details=[*written, *problems],
        )
    if problems:
        raise BuildError(
            f"nothing was written into {root}, but not everything ran",
            "what it printed is above; the app's arguments come after --",
            details=problems,
        )


def _hints(differences: Sequence[Difference]) -> list[str]:
    bytecode = [d for d in differences if d.what is What.APPEARED and d.path.endswith(".pyc")]
    hints = [_BYTECODE_HINT] if bytecode else []
    if len(bytecode) < len(differences) or not differences:
        hints.append(_DATA_HINT)
    return [*hints, "assemble it again before you ship it"]


def _broken(verify: Callable[[], object]) -> list[str]:
    try:
        verify()
    except IntegrityFailure as failure:
        return [str(problem) for problem in failure.problems]
    return []


def _try(
    launcher: Path, arguments: Sequence[str], seconds: float, progress: Progress
) -> tuple[list[Trial], list[str]]:
    superuser = hasattr(os, "geteuid") and os.geteuid() == 0
    trials: list[Trial] = []
    skipped: list[str] = []
    for identity in identities(launcher.parent, superuser=superuser):
        try:
            trials.append(_trial(launcher, arguments, seconds, identity, progress))
        except OSError as error:
            skipped.append(f"{identity.name} cannot start {launcher}: {error.strerror}")
            progress.warn(f"not tried as {identity.name}: {error.strerror}")
    if not trials:
        raise BuildError(
            f"{launcher.name} could not be started",
            "is a directory above it closed, or its file system mounted noexec?",
            details=skipped,
        )
    return trials, skipped


def _trial(
    launcher: Path,
    arguments: Sequence[str],
    seconds: float,
    identity: Identity,
    progress: Progress,
) -> Trial:
    with home(identity) as place:
        progress.note(f"running {launcher.name} as {identity.name} for at most {seconds:g} s")
        app = run_for([launcher, *arguments], identity, place, seconds)
        progress.note(f"running its interpreter's children as {identity.name}")
        probe, answer = place / "probe.py", place / "answer.json"
        shutil.copyfile(_PROBE, probe)
        probe.chmod(0o644)
        python = (launcher, "--runtime-python")
        ended = run_for([*python, probe, answer], identity, place, PROBE_LIMIT)
        found = json.loads(answer.read_bytes()) if answer.is_file() else {}
    children: dict[str, int | None] = found.get("children", {})
    problems = [f"{launcher.name} {failure}" for failure in [app.failure()] if failure]
    problems += [
        f"{launcher.name} --runtime-python: a child started by {how} {code_text(code)}"
        for how, code in children.items()
        if code != 0
    ]
    if not found:
        problems.append(f"{launcher.name} --runtime-python {code_text(ended.code)}")
    return Trial(
        identity.name,
        app,
        children,
        len(found.get("modules", ())),
        tuple(f"as {identity.name}: {problem}" for problem in problems),
    )
