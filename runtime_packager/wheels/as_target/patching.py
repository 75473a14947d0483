"""Replacing what pip asks the host: markers, tags, Python version, the choice of candidates."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

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


class Believed:
    """The platform pip believes to run on; it changes between two resolutions, pip does not."""

    def __init__(self) -> None:
        self.markers: dict[str, str] = {}
        self.version: tuple[int, ...] = ()
        self.tags: list[Any] = []
        self.known: frozenset[Any] = frozenset()

    def become(self, target: dict[str, Any]) -> None:
        """From now on it is ``target``: markers, Python version, tags by preference."""
        from pip._vendor.packaging.tags import Tag

        self.markers = target["markers"]
        self.version = tuple(target["python"])
        self.tags = [Tag(*name) for name in target["tags"]]
        self.known = frozenset(self.tags)


def missing_patch_points() -> list[str]:
    """The patch points this pip does not have, as dotted names."""
    return [f"{module}.{name}" for module, name in PATCH_POINTS if not exists(module, name)]


def exists(module: str, name: str) -> bool:
    """Whether this pip has the attribute, given by module and dotted name."""
    try:
        functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError):
        return False
    return True


def steer(believed: Believed) -> None:
    """Replace what pip asks the host by what ``believed`` says at that moment; done once."""

    def python_candidate(original: Callable[..., None], self: Any, _: Any = None) -> None:
        original(self, believed.version)

    def remember_version(original: Callable[..., None], self: Any, *args: Any, **kw: Any) -> None:
        original(self, *args, **kw)
        self.py_version_info = believed.version
        self.py_version = ".".join(map(str, believed.version[:2]))

    def no_cache_entry(*_: Any, **__: Any) -> None:
        """pip's cache of built wheels is the host's."""

    markers = "pip._vendor.packaging.markers"
    replace(markers, "default_environment", lambda: dict(believed.markers))
    target = "pip._internal.models.target_python"
    wrap(target, "TargetPython.__init__", remember_version)
    replace(target, "TargetPython.get_sorted_tags", lambda self: believed.tags)
    replace(target, "TargetPython.get_unsorted_tags", lambda self: believed.known)
    candidate = "pip._internal.resolution.resolvelib.candidates"
    wrap(candidate, "RequiresPythonCandidate.__init__", python_candidate)
    factory = "pip._internal.resolution.resolvelib.factory"
    replace(factory, "Factory.get_wheel_cache_entry", no_cache_entry)
    finder = "pip._internal.index.package_finder"
    wrap(finder, "PackageFinder.find_best_candidate", _wheels_first())


def _wheels_first() -> Callable[..., Any]:
    """A project's wheels when any fits, else what there is: source archives."""
    known: dict[int, tuple[Any, Any]] = {}

    def find(
        original: Callable[..., Any],
        self: Any,
        project_name: str,
        specifier: Any = None,
        hashes: Any = None,
    ) -> Any:
        # pip remembers what it found and is asked again and again. The key's object is kept, so
        # that no other takes its place in memory.
        found = original(self, project_name, specifier, hashes)
        if id(found) not in known:
            evaluator = self.make_candidate_evaluator(
                project_name=project_name, specifier=specifier, hashes=hashes
            )
            known[id(found)] = found, _only_wheels(found, evaluator)
        return known[id(found)][1]

    return find


def _only_wheels(found: Any, evaluator: Any) -> Any:
    wheels = [
        candidate
        for candidate in found.applicable_candidates
        if candidate.link.is_wheel and not candidate.link.is_yanked
    ]
    if not wheels or len(wheels) == len(found.applicable_candidates):
        return found
    best = evaluator.sort_best_candidate(wheels)
    return type(found)(found.all_candidates, wheels, best)


def _owner(module: str, name: str) -> tuple[Any, str]:
    *parents, last = name.split(".")
    return functools.reduce(getattr, parents, importlib.import_module(module)), last


def replace(module: str, name: str, value: object) -> None:
    """Put ``value`` in the place of an attribute, given by module and dotted name."""
    owner, last = _owner(module, name)
    setattr(owner, last, value)


def wrap(module: str, name: str, wrapper: Callable[..., Any]) -> None:
    """Put ``wrapper(original, *arguments)`` in the place of a function."""
    owner, last = _owner(module, name)
    original = getattr(owner, last)

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, *args, **kwargs)

    setattr(owner, last, call)
