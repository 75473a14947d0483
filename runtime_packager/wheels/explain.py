"""Why pip found no answer, in words that name the package, the platform and what would fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from runtime_packager.errors import (
    BuildError,
    InputError,
    IntegrityError,
    NetworkError,
    PackagerError,
)
from runtime_packager.platforms import Target

VERSIONS_SHOWN = 5
TAGS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of pip, and the last lines it printed."""

    target: Target
    python: Version
    lines: Sequence[str]

    def __str__(self) -> str:
        """For messages: what to call the situation."""
        return f"{self.target.name}, Python {self.python}"


def failure(problem: Mapping[str, Any], asked: Asked) -> PackagerError:  # noqa: PLR0911 - cases
    """The error that a problem in the child's answer stands for."""
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
        case "unsatisfiable":
            return _unsatisfiable(problem, asked)
        case "input":
            return InputError(f"pip refuses the requirements: {problem['message']}")
        case "build":
            return BuildError(
                "a requirement exists only as source that cannot be prepared on this machine",
                f"pin a version that has wheels for {asked.target.name}",
                details=asked.lines or problem["message"].splitlines(),
            )
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


def _unsatisfiable(problem: Mapping[str, Any], asked: Asked) -> PackagerError:
    causes = problem["causes"]
    if not causes:
        return BuildError(f"{problem['message']} ({asked})", details=asked.lines)
    pythons = [cause for cause in causes if cause["kind"] == "python"]
    if pythons:
        return InputError(
            f"requirements need another Python than {asked.python} ({asked.target.name})",
            "choose a Python version they all accept, or other versions of them",
            details=[f"{_asker(cause)} needs {cause['wants']}" for cause in pythons],
        )
    hopeless = [cause for cause in causes if cause["kind"] == "package" and _empty(cause, problem)]
    if hopeless:
        return _unavailable(hopeless, problem, asked)
    return InputError(
        f"requirements contradict each other ({asked})",
        "loosen one of them",
        details=list(dict.fromkeys(f"{_asker(c)} needs {c['wants']}" for c in causes)),
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
    except (InvalidRequirement, InvalidSpecifier):
        return SpecifierSet()


def _unavailable(
    causes: Sequence[Mapping[str, Any]], problem: Mapping[str, Any], asked: Asked
) -> PackagerError:
    names = {cause["name"] for cause in causes}
    known = [name for name in names if problem["usable"].get(name) or problem["skipped"].get(name)]
    if not known and problem["unreachable"]:
        return unread(problem["unreachable"])
    details = [line for cause in causes for line in _why(cause, problem)]
    if problem["unreachable"]:
        details += [f"not read: {url}: {reason}" for url, reason in problem["unreachable"]]
    wanted = ", ".join(dict.fromkeys(_named(cause) for cause in causes))
    message = f"no file of {wanted} fits {asked}"
    if not _only_misfits(causes, problem):
        return InputError(message, "correct the name or the version", details=details)
    return BuildError(message, _misfit_hint(asked), details=details)


def _named(cause: Mapping[str, Any]) -> str:
    return f"{cause['wants']} (needed by {cause['by']})" if cause["by"] else str(cause["wants"])


def _only_misfits(causes: Iterable[Mapping[str, Any]], problem: Mapping[str, Any]) -> bool:
    """Whether every missing package exists in a version that is wanted, for others than us."""
    return all(_misfits(cause, problem) for cause in causes)


def _misfits(cause: Mapping[str, Any], problem: Mapping[str, Any]) -> dict[Version, list[str]]:
    """Per wanted version why its files do not fit, newest version first."""
    accepted, found = _specifier(cause["wants"]), dict[Version, list[str]]()
    for filename, kind, detail in problem["skipped"].get(cause["name"], ()):
        version = _version_of(filename)
        if version is not None and accepted.contains(version, prereleases=True):
            found.setdefault(version, []).append(_reason(filename, kind, detail))
    return dict(sorted(found.items(), reverse=True))


def _why(cause: Mapping[str, Any], problem: Mapping[str, Any]) -> list[str]:
    name, misfits = cause["name"], _misfits(cause, problem)
    if misfits:
        lines = [
            f"{name} {version}: {'; '.join(dict.fromkeys(reasons))}"
            for version, reasons in [*misfits.items()][:VERSIONS_SHOWN]
        ]
        rest = len(misfits) - len(lines)
        return [*lines, f"and {rest} older versions likewise"] if rest else lines
    usable = sorted(map(Version, problem["usable"].get(name, ())), reverse=True)
    if usable:
        shown = ", ".join(map(str, usable[:VERSIONS_SHOWN]))
        return [f"{name}: versions that fit are {shown}" + (", ..." if usable[5:] else "")]
    if problem["skipped"].get(name):
        return [f"{name}: none of its files fits"]
    return [f"{name}: no configured index or --find-links directory has such a project"]


def _reason(filename: str, kind: str, detail: str) -> str:
    match kind:
        case "platform_mismatch" if filename.endswith(".whl"):
            return f"wheel for {'-'.join(filename[:-4].split('-')[-3:])}"
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
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _misfit_hint(asked: Asked) -> str:
    platforms = asked.target.wheel_platforms()
    shown = ", ".join(platforms[:TAGS_SHOWN]) + (", ..." if platforms[TAGS_SHOWN:] else "")
    abi = f"cp{asked.python.major}{asked.python.minor}"
    return (
        f"accepted are wheels for {abi}, abi3 or py3 on {shown} or any; choose another version, "
        f"another Python, or build a wheel on {asked.target.name} and give it by --find-links"
    )
