"""Overhearing what pip meets on its way, so that a failure can be explained without its prose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from runtime_packager.wheels.as_target.patching import wrap

_NETWORK = frozenset(
    [
        "ConnectionError", "ConnectionFailedError", "ConnectionTimeoutError", "HTTPError",
        "IncompleteDownloadError", "NetworkConnectionError", "ProxyConnectionError", "RetryError",
        "SSLError", "SSLMissingError", "SSLVerificationError", "Timeout",
    ]
)  # fmt: skip
_BUILD = frozenset(
    [
        "BuildDependencyInstallError", "InstallWheelBuildError", "InstallationSubprocessError",
        "InvalidPyProjectBuildRequires", "MetadataGenerationFailed", "MetadataInconsistent",
        "MetadataInvalid", "MissingPyProjectBuildRequires",
    ]
)  # fmt: skip
_UNSATISFIABLE = frozenset({"DistributionNotFound", "UnsupportedPythonVersion", "UnsupportedWheel"})
_HASH = frozenset({"HashError", "HashErrors"})


@dataclass
class Seen:
    """What pip met on its way for one target, for the answer.

    :param judged: per project the files pip looked at: (link, kind, version or reason).
    :param unfit: per project the links of wheels whose tags do not fit.
    :param links: the links of the files named in ``wanted``.
    :param unreachable: index pages that could not be read: (url, reason).
    """

    wanted: frozenset[str] = frozenset()
    judged: dict[str, list[tuple[Any, str, str]]] = field(default_factory=dict)
    unfit: dict[str, list[Any]] = field(default_factory=dict)
    links: dict[str, list[Any]] = field(default_factory=dict)
    unreachable: list[tuple[str, str]] = field(default_factory=list)
    causes: list[dict[str, str | None]] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)


@dataclass
class Ear:
    """Where what is overheard goes: to the target at hand, and file sizes to all of them.

    :param sizes: bytes by address, as indexes say (PEP 700).
    """

    seen: Seen = field(default_factory=Seen)
    sizes: dict[str, int] = field(default_factory=dict)


class Unlockable(Exception):  # noqa: N818 - becomes part of the answer
    """Requirements that name no file with a digest; ``args[0]`` is the list of their texts."""


def listen(ear: Ear) -> None:
    """Have pip leave in ``ear`` what it finds, skips, cannot read or cannot reconcile."""

    def evaluate(original: Callable[..., Any], self: Any, link: Any) -> Any:
        kind, detail = original(self, link)
        # Thousands of files are looked at: they are told apart only when something went wrong.
        ear.seen.judged.setdefault(self.project_name, []).append((link, kind.name, detail))
        if ear.seen.wanted and link.filename in ear.seen.wanted:
            ear.seen.links.setdefault(link.filename, []).append(link)
        return kind, detail

    def fail(original: Callable[..., Any], link: Any, reason: Any, *rest: Any, **kw: Any) -> Any:
        status = getattr(getattr(reason, "response", None), "status_code", None)
        if status not in (404, 410):
            ear.seen.unreachable.append((link.redacted_url, str(reason)))
        return original(link, reason, *rest, **kw)

    def explain(original: Callable[..., Any], self: Any, error: Any, constraints: Any) -> Any:
        ear.seen.causes.extend(_causes(error, constraints))
        return original(self, error, constraints)

    finder = "pip._internal.index.package_finder"
    wrap(finder, "LinkEvaluator.evaluate_link", evaluate)
    wrap("pip._internal.index.collector", "_handle_get_simple_fail", fail)
    factory = "pip._internal.resolution.resolvelib.factory"
    wrap(factory, "Factory.get_installation_error", explain)
    _listen_for_sizes(ear.sizes)


def _listen_for_sizes(sizes: dict[str, int]) -> None:
    """pip drops the sizes that indexes give (PEP 700)."""
    from pip._internal.models.link import Link

    original = Link.from_json

    def from_json(cls: Any, file_data: dict[str, Any], page_url: str) -> Any:
        link = original(file_data, page_url)
        if link is not None and isinstance(file_data.get("size"), int):
            sizes[link.url_without_fragment] = file_data["size"]
        return link

    setattr(Link, "from_json", classmethod(from_json))  # noqa: B010 (mypy: not our method)


def _causes(error: Any, constraints: Any) -> list[dict[str, str | None]]:
    """What cannot hold together: who asks for what."""
    found: list[dict[str, str | None]] = []
    for requirement, parent in error.causes:
        wanted = requirement.format_for_error()
        python = type(requirement).__name__ == "RequiresPythonRequirement"
        kind = "python" if python else "package"
        asker = f"{parent.name} {parent.version}" if parent is not None else None
        found.append({"kind": kind, "name": requirement.project_name, "wants": wanted, "by": asker})
    for name in sorted({c["name"] for c in found if c["name"] in constraints}, key=str):
        limit = constraints[name].format_for_error()
        found.append({"kind": "constraint", "name": name, "wants": f"{name}{limit}", "by": None})
    return found


def problem_of(error: Exception, seen: Seen) -> dict[str, Any]:
    """What went wrong, for the answer: ``kind``, pip's words, and what concerns it of ``seen``."""
    if isinstance(error, Unlockable):
        return {"kind": "unlockable", "requirements": error.args[0]}
    concerned = {str(cause["name"]) for cause in seen.causes}
    return {
        "kind": _kind(error),
        "type": type(error).__name__,
        "message": str(error),
        "causes": seen.causes,
        "skipped": {name: _skipped(name, seen) for name in concerned},
        "usable": {name: _usable(name, seen, (".whl", "")) for name in concerned},
        "wheels": {name: _usable(name, seen, (".whl",)) for name in concerned},
        "unreachable": seen.unreachable,
    }


def _usable(name: str, seen: Seen, endings: tuple[str, ...]) -> list[str]:
    """The versions that some file, so ending, fits."""
    judged = seen.judged.get(name, ())
    found = {
        version
        for link, kind, version in judged
        if kind == "candidate" and link.filename.endswith(endings)
    }
    return sorted(found)


def _skipped(name: str, seen: Seen) -> list[tuple[str, str, str]]:
    """The files that do not fit: (filename, kind, pip's reason)."""
    unfit = [(link.filename, "platform_mismatch", "") for link in seen.unfit.get(name, ())]
    return unfit + [
        (link.filename, kind, detail)
        for link, kind, detail in seen.judged.get(name, ())
        if kind not in ("candidate", "different_project") and link.ext
    ]


def _kind(error: Exception) -> str:
    names = {base.__name__ for base in type(error).__mro__}
    for kind, known in (
        ("hash", _HASH),
        ("network", _NETWORK),
        ("build", _BUILD),
        ("unsatisfiable", _UNSATISFIABLE),
    ):
        if names & known:
            return kind
    return "input" if "PipError" in names else "other"
