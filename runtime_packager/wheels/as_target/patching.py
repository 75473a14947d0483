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


def missing_patch_points() -> list[str]:
    """The patch points this pip does not have, as dotted names."""
    return [f"{module}.{name}" for module, name in PATCH_POINTS if not _exists(module, name)]


def _exists(module: str, name: str) -> bool:
    try:
        functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError):
        return False
    return True


def become(target: dict[str, Any]) -> None:
    """Replace what pip asks the host by what ``target`` says."""
    replace("pip._vendor.packaging.markers", "default_environment", lambda: dict(target["markers"]))
    version = tuple(target["python"])
    _become_tags(target["tags"], version)

    def python_candidate(original: Callable[..., None], self: Any, _: Any = None) -> None:
        original(self, version)

    def no_cache_entry(*_: Any, **__: Any) -> None:
        """pip's cache of built wheels is the host's."""

    candidate = "pip._internal.resolution.resolvelib.candidates"
    wrap(candidate, "RequiresPythonCandidate.__init__", python_candidate)
    factory = "pip._internal.resolution.resolvelib.factory"
    replace(factory, "Factory.get_wheel_cache_entry", no_cache_entry)
    finder = "pip._internal.index.package_finder"
    wrap(finder, "PackageFinder.find_best_candidate", _wheels_first)


def _become_tags(names: list[list[str]], version: tuple[int, ...]) -> None:
    from pip._vendor.packaging.tags import Tag

    tags = [Tag(*name) for name in names]
    known = frozenset(tags)
    module = "pip._internal.models.target_python"

    def remember_version(original: Callable[..., None], self: Any, *args: Any, **kw: Any) -> None:
        original(self, *args, **kw)
        self.py_version_info = version
        self.py_version = f"{version[0]}.{version[1]}"

    wrap(module, "TargetPython.__init__", remember_version)
    replace(module, "TargetPython.get_sorted_tags", lambda self: tags)
    replace(module, "TargetPython.get_unsorted_tags", lambda self: known)


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
