"""Why pip found no answer, in words that name the package, the platform and what would fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from runtime_packager.errors import (
    BuildError,
    InputError,
    IntegrityError,
    NetworkError,
    PackagerError,
)
from runtime_packager.platforms import Target
from runtime_packager.wheels.trouble import Trouble, literal, together

VERSIONS_SHOWN = 3
TAGS_SHOWN = 3
WHEELS_SHOWN = 4

_MISSING_HINT = (
    "choose another version or another Python, leave the requirement out there with a marker (as "
    'in uvloop; sys_platform != "win32"), drop that platform, or build a wheel on such a system '
    "and give it by --find-links"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of pip, and the last lines it printed."""

    target: Target
    python: Version
    lines: Sequence[str]

    def tags(self) -> str:
        """For messages: the wheels that fit, in few words."""
        platforms = self.target.wheel_platforms()
        shown = ", ".join(platforms[:TAGS_SHOWN]) + (", ..." if platforms[TAGS_SHOWN:] else "")
        return f"cp{self.python.major}{self.python.minor}, abi3 or py3 wheels for {shown} or any"


def failure(problem: Mapping[str, Any], asked: Asked) -> PackagerError:
    """The error that a problem in the child's answer for one target stands for."""
    return together([trouble(problem, asked)], 1, asked.python)


def trouble(problem: Mapping[str, Any], asked: Asked) -> Trouble:
    """What a problem in the child's answer stands for."""
    match problem["kind"]:
        case "unsatisfiable":
            return _unsatisfiable(problem, asked)
        case "build":
            return Trouble(
                asked.target,
                BuildError,
                "a requirement exists for {} only as source that cannot be prepared here",
                _MISSING_HINT,
                tuple(asked.lines or problem["message"].splitlines()),
            )
        case _:
            return Trouble.of(_same_anywhere(problem, asked), asked.target)


def _same_anywhere(problem: Mapping[str, Any], asked: Asked) -> PackagerError:
    match problem["kind"]:
        case "unlockable":
            return _unlockable(problem["requirements"])
        case "network":
            return _network([problem["message"]])
        case "hash":
            return IntegrityError(
                "a file is not what the requirements' --hash says",
                "if the change is meant, update the hashes",
                details=[line for line in problem["message"].splitlines() if line.strip()],
            )
        case "input":
            return InputError(f"pip refuses the requirements: {problem['message']}")
        case _:
            return BuildError(f"pip failed: {problem['message']}", details=asked.lines)


def _unlockable(requirements: Iterable[str]) -> InputError:
    return InputError(
        "editable, local-directory and version-control requirements cannot be locked",
        "build a wheel of it and put that into a --find-links directory; "
        "the app's own code needs no requirement",
        details=list(requirements),
    )


def unread(pages: Iterable[Sequence[str]]) -> NetworkError:
    """The error for index pages, (url, reason) each, that could not be read."""
    lines = [f"{url}: {reason}" for url, reason in pages]
    return _network(list(dict.fromkeys(lines)))


def _network(details: Sequence[str]) -> NetworkError:
    return NetworkError(
        "a package index cannot be read",
        "check the connection, the proxy and pip's index settings (pip config list)",
        details=details,
    )


def _unsatisfiable(problem: Mapping[str, Any], asked: Asked) -> Trouble:
    causes = problem["causes"]
    if not causes:
        what = literal(problem["message"]) + " ({})"
        return Trouble(asked.target, BuildError, what, None, tuple(asked.lines))
    pythons = [cause for cause in causes if cause["kind"] == "python"]
    if pythons:
        return Trouble(
            asked.target,
            InputError,
            "requirements need another Python than {}",
            "choose a Python version they all accept, or other versions of them",
            tuple(f"{_asker(cause)} needs {cause['wants']}" for cause in pythons),
        )
    hopeless = [cause for cause in causes if cause["kind"] == "package" and _empty(cause, problem)]
    if hopeless:
        return _unavailable(hopeless, problem, asked)
    return Trouble(
        asked.target,
        InputError,
        "requirements contradict each other ({})",
        "loosen one of them",
        tuple(dict.fromkeys(f"{_asker(c)} needs {c['wants']}" for c in causes)),
    )


def _asker(cause: Mapping[str, Any]) -> str:
    if cause["kind"] == "constraint":
        return "a constraint"
    return cause["by"] or "the requirements file"


def _empty(cause: Mapping[str, Any], problem: Mapping[str, Any]) -> bool:
    """Whether no usable version satisfies this one requirement, taken by itself."""
    accepted = _specifier(cause["wants"])
    usable = problem["usable"].get(cause["name"], ())
    return not any(accepted.contains(version, prereleases=True) for version in usable)


def _specifier(wants: str) -> SpecifierSet:
    try:
        return Requirement(wants.partition(" (from ")[0]).specifier
    except ValueError:  # what packaging calls invalid, or a number of thousands of digits
        return SpecifierSet()


def _unavailable(
    causes: Sequence[Mapping[str, Any]], problem: Mapping[str, Any], asked: Asked
) -> Trouble:
    names = list(dict.fromkeys(str(cause["name"]) for cause in causes))
    known = [name for name in names if problem["usable"].get(name) or problem["skipped"].get(name)]
    if not known and problem["unreachable"]:
        return Trouble.of(unread(problem["unreachable"]), asked.target)
    details, misfits = list[str](), True
    wants = {name: [cause for cause in causes if cause["name"] == name] for name in names}
    for name in names:
        accepted = [_specifier(cause["wants"]) for cause in wants[name]]
        found = _misfits(name, accepted, problem, asked.python)
        misfits = misfits and bool(found)
        details += _why(name, found, problem)
    details += [f"not read: {url}: {reason}" for url, reason in problem["unreachable"]]
    what = f"no file of {literal(', '.join(map(_named, wants.values())))} fits {{}}"
    if not misfits:
        hint = "correct the name or the version"
        return Trouble(asked.target, InputError, what, hint, tuple(details))
    return Trouble(asked.target, BuildError, what, _MISSING_HINT, tuple(details), asked.tags())


def _named(causes: Sequence[Mapping[str, Any]]) -> str:
    """What is wanted of one project; a resolver that went back asks for many versions of it."""
    named = [
        f"{cause['wants']} (needed by {cause['by']})" if cause["by"] else str(cause["wants"])
        for cause in causes
    ]
    different = list(dict.fromkeys(named))
    more = f" and {len(different) - 1} like it" if len(different) > 1 else ""
    return different[0] + more


def _misfits(
    name: str, accepted: Sequence[SpecifierSet], problem: Mapping[str, Any], python: Version
) -> dict[Version, str]:
    """Per version that is wanted why its files do not fit, newest version first."""
    files: dict[Version, list[Sequence[str]]] = {}
    for file in problem["skipped"].get(name, ()):
        version = _version_of(file[0])
        if version and any(one.contains(version, prereleases=True) for one in accepted):
            files.setdefault(version, []).append(file)
    return {version: _reasons(files[version], python) for version in sorted(files, reverse=True)}


def _why(name: str, misfits: Mapping[Version, str], problem: Mapping[str, Any]) -> list[str]:
    lines = [f"{name} {version}: {why}" for version, why in [*misfits.items()][:VERSIONS_SHOWN]]
    if rest := len(misfits) - len(lines):
        lines.append(f"and {rest} older versions likewise")
    if wheels := problem["wheels"].get(name):
        return [*lines, f"{name}: versions that have a wheel that fits are {_newest(wheels)}"]
    if usable := problem["usable"].get(name):
        return [*lines, f"{name}: versions that fit, by their source, are {_newest(usable)}"]
    if lines:
        return [*lines, f"{name}: no version has a wheel that fits"]
    if problem["skipped"].get(name):
        return [f"{name}: none of its files fits"]
    return [f"{name}: no configured index or --find-links directory has such a project"]


def _newest(versions: Iterable[str]) -> str:
    found = sorted(map(Version, versions), reverse=True)
    return ", ".join(map(str, found[:VERSIONS_SHOWN])) + (", ..." if found[VERSIONS_SHOWN:] else "")


def _reasons(files: Iterable[Sequence[str]], python: Version) -> str:
    """Why a version's files do not fit; its wheels by their tags, those for this Python first."""
    wheels, others = list[str](), list[str]()
    for filename, kind, detail in files:
        if kind == "platform_mismatch" and filename.endswith(".whl"):
            wheels.append("-".join(filename[:-4].split("-")[-3:]))
        else:
            others.append(_reason(filename, kind, detail))
    ours = f"cp{python.major}{python.minor}-"
    wheels.sort(key=lambda tags: not (tags.startswith(ours) or "-abi3-" in tags or "py3" in tags))
    shown = [f"wheels for {', '.join(wheels[:WHEELS_SHOWN])}"] if wheels else []
    if rest := len(wheels[WHEELS_SHOWN:]):
        shown[0] += f" and {rest} more"
    return "; ".join([*shown, *dict.fromkeys(others)])


def _reason(filename: str, kind: str, detail: str) -> str:
    match kind:
        case "requires_python_mismatch":
            return f"needs Python {detail.partition('Requires-Python ')[2]}"
        case "format_unsupported" if filename.endswith(".whl"):
            return "its wheels are switched off (--no-binary)"
        case "format_unsupported":
            return "its source archive is switched off (--only-binary) or of no known kind"
        case _:
            return detail


def _version_of(filename: str) -> Version | None:
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[1]
        return parse_sdist_filename(filename)[1]
    except ValueError:  # what packaging calls invalid, or a number of thousands of digits
        return None
