"""Run as a script in a child process: pip, made to see the target instead of this machine.

Only pip and the standard library are imported, because the child's path is pip's, not ours. The
request is JSON on stdin, pip's arguments are in argv, the answer is JSON on stdout; whatever pip
and build backends print goes to stderr.

pip itself evaluates environment markers on the host and cannot be told otherwise, so four of its
functions are replaced (markers, tags, Python version, choice of candidates) and others listened
to. :data:`PATCH_POINTS` lists them; when a pip lacks one, the answer says so instead of a wrong
closure, which is why pip is imported inside functions, after that look. Build backends run in
processes of their own, which stay as they are.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

PATCH_POINTS = (
    ("pip._vendor.packaging.markers", "default_environment"),
    ("pip._vendor.packaging.markers", "Marker.evaluate"),
    ("pip._internal.models.target_python", "TargetPython.get_sorted_tags"),
    ("pip._internal.models.target_python", "TargetPython.get_unsorted_tags"),
    ("pip._internal.resolution.resolvelib.candidates", "RequiresPythonCandidate"),
    ("pip._internal.resolution.resolvelib.factory", "Factory.get_installation_error"),
    ("pip._internal.resolution.resolvelib.factory", "Factory.get_wheel_cache_entry"),
    ("pip._internal.index.package_finder", "PackageFinder.find_best_candidate"),
    ("pip._internal.index.package_finder", "PackageFinder.find_all_candidates"),
    ("pip._internal.index.package_finder", "PackageFinder.make_candidate_evaluator"),
    ("pip._internal.index.package_finder", "LinkEvaluator.evaluate_link"),
    ("pip._internal.index.collector", "_handle_get_simple_fail"),
    ("pip._internal.models.link", "Link.from_json"),
    ("pip._internal.models.installation_report", "InstallationReport.to_dict"),
    ("pip._internal.commands.install", "InstallationReport"),
    ("pip._internal.commands.install", "InstallCommand.run"),
    ("pip._internal.commands.install", "InstallCommand.get_requirements"),
    ("pip._internal.commands.install", "InstallCommand.get_default_session"),
    ("pip._internal.commands.install", "InstallCommand._build_package_finder"),
)
"""(module, attribute) of all that is used of pip's inside; present from pip 25.1 on."""

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

_OVERRULED: dict[str, Any] = {
    "use_user_site": False,
    "target_dir": None,
    "root_path": None,
    "prefix_path": None,
    "platforms": None,
    "python_version": None,
    "abis": None,
    "implementation": None,
    "ignore_requires_python": False,
    "ignore_dependencies": False,
    "only_dependencies": False,
    "force_reinstall": False,
    "upgrade": False,
}
"""Options a person's pip configuration may set that mean nothing, or harm, here."""


@dataclass
class Seen:
    """What pip met on its way, for the answer.

    :param skipped: per project the files that do not fit: (filename, kind, pip's reason).
    :param links: the links of the files named in ``wanted``.
    :param unreachable: index pages that could not be read: (url, reason).
    """

    wanted: frozenset[str] = frozenset()
    skipped: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    usable: dict[str, set[str]] = field(default_factory=dict)
    links: dict[str, list[Any]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    unreachable: list[tuple[str, str]] = field(default_factory=list)
    causes: list[dict[str, str | None]] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)


class Unlockable(Exception):  # noqa: N818 - caught below, becomes part of the answer
    """Requirements that name no file with a digest; ``args[0]`` is the list of their texts."""


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        json.dump(_answer(request, sys.argv[1:]), out)


def _answer(request: dict[str, Any], arguments: list[str]) -> dict[str, Any]:
    missing = missing_patch_points()
    if missing:
        version = importlib.import_module("pip").__version__
        return {"problem": {"kind": "pip", "missing": missing, "version": version}}
    seen = Seen(wanted=frozenset(item["filename"] for item in request.get("wanted", ())))
    _become(request["target"])
    _listen(seen)
    command = _command(request, seen)
    try:
        code = command.main(arguments)
    except SystemExit as error:
        code = error.code
    if code and "problem" not in seen.answer:
        seen.answer["problem"] = {"kind": "other", "message": f"pip ended with exit code {code}"}
    return seen.answer


def missing_patch_points() -> list[str]:
    """The patch points this pip does not have, as dotted names."""
    return [f"{module}.{name}" for module, name in PATCH_POINTS if not _exists(module, name)]


def _exists(module: str, name: str) -> bool:
    try:
        functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError):
        return False
    return True


def _become(target: dict[str, Any]) -> None:
    """Replace what pip asks the host by what ``target`` says."""
    _replace(
        "pip._vendor.packaging.markers", "default_environment", lambda: dict(target["markers"])
    )
    version = tuple(target["python"])
    _become_tags(target["tags"], version)

    def python_candidate(original: Callable[..., None], self: Any, _: Any = None) -> None:
        original(self, version)

    def no_cache_entry(*_: Any, **__: Any) -> None:
        """pip's cache of built wheels is the host's."""

    candidate = "pip._internal.resolution.resolvelib.candidates"
    _wrap(candidate, "RequiresPythonCandidate.__init__", python_candidate)
    factory = "pip._internal.resolution.resolvelib.factory"
    _replace(factory, "Factory.get_wheel_cache_entry", no_cache_entry)
    finder = "pip._internal.index.package_finder"
    _wrap(finder, "PackageFinder.find_best_candidate", _wheels_first)


def _become_tags(names: list[list[str]], version: tuple[int, ...]) -> None:
    from pip._vendor.packaging.tags import Tag  # noqa: PLC0415

    tags = [Tag(*name) for name in names]
    known = frozenset(tags)
    module = "pip._internal.models.target_python"

    def remember_version(original: Callable[..., None], self: Any, *args: Any, **kw: Any) -> None:
        original(self, *args, **kw)
        self.py_version_info = version
        self.py_version = f"{version[0]}.{version[1]}"

    _wrap(module, "TargetPython.__init__", remember_version)
    _replace(module, "TargetPython.get_sorted_tags", lambda self: tags)
    _replace(module, "TargetPython.get_unsorted_tags", lambda self: known)


def _wheels_first(
    original: Callable[..., Any],
    self: Any,
    project_name: str,
    specifier: Any = None,
    hashes: Any = None,
) -> Any:
    """A project's wheels when any fits, else what there is: source archives."""
    found = original(self, project_name, specifier, hashes)
    wheels = [
        candidate
        for candidate in found.applicable_candidates
        if candidate.link.is_wheel and not candidate.link.is_yanked
    ]
    if not wheels or len(wheels) == len(found.applicable_candidates):
        return found
    best = self.make_candidate_evaluator(
        project_name=project_name, specifier=specifier, hashes=hashes
    ).sort_best_candidate(wheels)
    return type(found)(found.all_candidates, wheels, best)


def _listen(seen: Seen) -> None:
    def evaluate(original: Callable[..., Any], self: Any, link: Any) -> Any:
        kind, detail = original(self, link)
        if kind.name == "candidate":
            seen.usable.setdefault(self.project_name, set()).add(detail)
        elif link.ext and kind.name != "different_project":
            files = seen.skipped.setdefault(self.project_name, [])
            files.append((link.filename, kind.name, detail))
        if link.filename in seen.wanted:
            seen.links.setdefault(link.filename, []).append(link)
        return kind, detail

    def fail(original: Callable[..., Any], link: Any, reason: Any, *rest: Any, **kw: Any) -> Any:
        status = getattr(getattr(reason, "response", None), "status_code", None)
        if status not in (404, 410):
            seen.unreachable.append((link.redacted_url, str(reason)))
        return original(link, reason, *rest, **kw)

    def explain(original: Callable[..., Any], self: Any, error: Any, constraints: Any) -> Any:
        seen.causes.extend(_causes(error, constraints))
        return original(self, error, constraints)

    finder = "pip._internal.index.package_finder"
    _wrap(finder, "LinkEvaluator.evaluate_link", evaluate)
    _wrap("pip._internal.index.collector", "_handle_get_simple_fail", fail)
    factory = "pip._internal.resolution.resolvelib.factory"
    _wrap(factory, "Factory.get_installation_error", explain)
    _listen_for_sizes(seen)


def _listen_for_sizes(seen: Seen) -> None:
    """pip drops the sizes that indexes give (PEP 700)."""
    from pip._internal.models.link import Link  # noqa: PLC0415

    original = Link.from_json

    def from_json(cls: Any, file_data: dict[str, Any], page_url: str) -> Any:
        link = original(file_data, page_url)
        if link is not None and isinstance(file_data.get("size"), int):
            seen.sizes[link.url_without_fragment] = file_data["size"]
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


def _command(request: dict[str, Any], seen: Seen) -> Any:
    from pip._internal.commands import install  # noqa: PLC0415
    from pip._internal.models.installation_report import InstallationReport  # noqa: PLC0415

    class Reduced(InstallationReport):
        """The report, without its megabytes of descriptions."""

        def to_dict(self) -> dict[str, Any]:
            chosen = super().to_dict()["install"]
            seen.answer["packages"] = [_reduced(item, seen.sizes) for item in chosen]
            return {}

    class Command(install.InstallCommand):
        """``pip install`` whose failure is kept for the answer."""

        def get_requirements(self, args: Any, options: Any, finder: Any, session: Any) -> Any:
            requirements = super().get_requirements(args, options, finder, session)
            unlockable = [str(item) for item in requirements if _names_no_file(item)]
            if unlockable:
                raise Unlockable(unlockable)
            return requirements

        def run(self, options: Any, args: Any) -> int:
            for name, value in _OVERRULED.items():
                setattr(options, name, value)
            options.features_enabled = []
            try:
                if request["verb"] == "locate":
                    return _locate(self, options, request["wanted"], seen)
                return super().run(options, args)
            except Exception as error:
                seen.answer["problem"] = _problem(error, seen)
                raise

    setattr(install, "InstallationReport", Reduced)  # noqa: B010 (mypy: pip's class)
    return Command("install", "Resolve as another platform.")


def _names_no_file(requirement: Any) -> bool:
    link = requirement.link
    if requirement.editable:
        return True
    return link is not None and (link.is_vcs or link.is_existing_dir())


def _reduced(item: dict[str, Any], sizes: dict[str, int]) -> dict[str, Any]:
    """One entry of pip's report, cut down to what a lock needs."""
    info, metadata = item["download_info"], item["metadata"]
    url = info["url"].partition("#")[0]
    parts = urlsplit(url)
    size = sizes.get(url)
    if parts.scheme == "file" and "archive_info" in info:
        size = Path(url2pathname(parts.path)).stat().st_size
    return {
        "name": metadata["name"],
        "version": metadata["version"],
        "url": url,
        "filename": unquote(parts.path.rpartition("/")[2]),
        "sha256": info.get("archive_info", {}).get("hashes", {}).get("sha256"),
        "size": size,
        "requires_python": metadata.get("requires_python"),
        "archive": "archive_info" in info,
        "requested": item["requested"],
    }


def _locate(command: Any, options: Any, wanted: list[dict[str, str]], seen: Seen) -> int:
    """Find where the files of a lock can be had now; any platform's, whatever pip thinks of it."""
    from pip._internal.utils.hashes import Hashes  # noqa: PLC0415

    session = command.get_default_session(options)
    finder = command._build_package_finder(options=options, session=session)
    if options.requirements:
        command.get_requirements([], options, finder, session)
    for name in sorted({item["name"] for item in wanted}):
        finder.find_all_candidates(name)
    seen.answer["locations"] = {
        item["filename"]: [
            _location(link, session)
            for link in seen.links.get(item["filename"], ())
            if not link.has_hash or link.is_hash_allowed(Hashes({"sha256": [item["sha256"]]}))
        ]
        for item in wanted
    }
    seen.answer["unreachable"] = seen.unreachable
    return 0


def _location(link: Any, session: Any) -> dict[str, str | None]:
    """A file's URL and the ``Authorization`` header that pip's own configuration gives for it."""
    url, authorization = link.url_without_fragment, None
    credentials = getattr(session.auth, "_get_url_and_credentials", None)
    if credentials is not None and not link.is_file:
        url, user, password = credentials(url)
        if user is not None or password is not None:
            pair = f"{user or ''}:{password or ''}".encode()
            authorization = f"Basic {b64encode(pair).decode()}"
    return {"url": url, "authorization": authorization}


def _problem(error: Exception, seen: Seen) -> dict[str, Any]:
    if isinstance(error, Unlockable):
        return {"kind": "unlockable", "requirements": error.args[0]}
    concerned = {cause["name"] for cause in seen.causes}
    return {
        "kind": _kind(error),
        "type": type(error).__name__,
        "message": str(error),
        "causes": seen.causes,
        "skipped": {k: v for k, v in seen.skipped.items() if k in concerned},
        "usable": {k: sorted(v) for k, v in seen.usable.items() if k in concerned},
        "unreachable": seen.unreachable,
    }


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


def _owner(module: str, name: str) -> tuple[Any, str]:
    *parents, last = name.split(".")
    return functools.reduce(getattr, parents, importlib.import_module(module)), last


def _replace(module: str, name: str, value: object) -> None:
    owner, last = _owner(module, name)
    setattr(owner, last, value)


def _wrap(module: str, name: str, wrapper: Callable[..., Any]) -> None:
    """Put ``wrapper(original, *arguments)`` in the place of a function."""
    owner, last = _owner(module, name)
    original = getattr(owner, last)

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, *args, **kwargs)

    setattr(owner, last, call)


if __name__ == "__main__":
    main()
