"""Profiles: several runtimes of one project, each a few keys that stand in for the table's own.

The table itself describes the base. ``[tool.runtime-packager.profiles.NAME]`` describes another:
the base with its keys replaced; inside ``checks``, ``floors``, ``trim`` and ``windows`` key by key.
What a profile makes lies in directories of its own, so that no profile ever touches another's.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime_packager.errors import InputError
from runtime_packager.platforms import TARGETS, find_target

BASE = "default"
"""What the base is called when the table does not name it with ``profile``."""

DEFAULT_PLACES = {
    "output": "dist/runtime",
    "locks": "manifests/locks",
    "traced": "manifests/traced",
}
"""The base's directories; a profile's lie in them, below its name."""

_MERGED = frozenset({"checks", "floors", "trim", "windows"})
_SETS = frozenset({"output", "platforms", "requirements", "scripts", "data", "exclude"})
_OWN = _MERGED | _SETS | {"entry", "link-mode", "optimize"}
_PATHS = frozenset({"app", "cache", "locks", "pins", "root", "traced", "trusted-keys"})
_FACTS = frozenset({"epoch", "launcher", "lock-urls", "name", "python", "sources", "version"})
_SHARED = _PATHS | _FACTS | {"profile", "profiles"}
"""Keys of the project: one product, one version, one interpreter, one set of signers."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_NAME_EXPECTED = "at most 32 of a-z, 0-9 and -"
_TAKEN = frozenset({"all", "wheels"})
"""Words that stand for something else: every platform, and the wheels beside the base's locks."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Which runtime of its project a configuration describes.

    :param is_base: it is the table's own.
    :param names: of all profiles of the project, the base first.
    :param outputs: where each of them puts its runtimes; none is ever part of an app.
    """

    name: str
    is_base: bool
    names: tuple[str, ...]
    outputs: tuple[Path, ...]

    @property
    def option(self) -> str:
        """What a command line needs behind it to mean this profile: nothing for the base."""
        return "" if self.is_base else f" --profile {self.name}"


def choose(
    table: Mapping[str, Any], wanted: str | None, file: Path, problems: list[str]
) -> tuple[dict[str, Any], Profile]:
    """The table that describes the profile ``wanted``, or the base.

    :param problems: takes what is wrong with the profiles, chosen or not.
    :raises InputError: when there is no such profile.
    """
    base = {key: value for key, value in table.items() if key not in ("profile", "profiles")}
    name = _base_name(table, problems)
    overlays = dict(_overlays(table, name, problems))
    names = (name, *overlays)
    chosen = name if wanted is None else wanted
    if chosen not in names:
        raise _unknown(chosen, names, file)
    tables = {name: base} | {each: _laid_over(base, each, keys) for each, keys in overlays.items()}
    outputs = {each: _path(file, table, "output") for each, table in tables.items()}
    problems += _collisions(outputs, name)
    profile = Profile(chosen, chosen == name, names, tuple(outputs.values()))
    return tables[chosen], profile


def _base_name(table: Mapping[str, Any], problems: list[str]) -> str:
    name = table.get("profile", BASE)
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    problems.append(f"profile: expected {_NAME_EXPECTED}, is {name!r}")
    return BASE


def _overlays(
    table: Mapping[str, Any], base: str, problems: list[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every profile's own keys, without those that cannot be had."""
    profiles = table.get("profiles", {})
    if not isinstance(profiles, dict):
        problems.append(f"profiles: expected a table of tables, is {profiles!r}")
        return
    for name, keys in profiles.items():
        where = f"profiles.{name}"
        if problem := _name_problem(name, base):
            problems.append(f"{where}: {problem}")
        elif not isinstance(keys, dict):
            problems.append(f"{where}: expected a table, is {keys!r}")
        else:
            problems += [
                f"{where}.{key}: {_key_problem(key)}" for key in sorted(keys.keys() - _OWN)
            ]
            yield name, {key: value for key, value in keys.items() if key in _OWN}


def _name_problem(name: str, base: str) -> str | None:
    if not _NAME.fullmatch(name):
        return f"expected {_NAME_EXPECTED} as a profile's name"
    if name == base:
        return "the base is called so; its keys stand in the table itself"
    if name in _TAKEN or _is_platform(name):
        return "the name stands for something else already; choose another"
    return None


def _is_platform(name: str) -> bool:
    try:
        find_target(name)
    except InputError:
        return False
    return True


def _key_problem(key: str) -> str:
    if key in _SHARED:
        return "is the whole project's; it stands in the table itself"
    near = difflib.get_close_matches(key, _OWN, n=1)
    return f"unknown key; {f'did you mean {near[0]}?' if near else f'known are {_listed(_OWN)}'}"


def _listed(keys: frozenset[str]) -> str:
    return ", ".join(sorted(keys))


def _unknown(name: str, names: Sequence[str], file: Path) -> InputError:
    near = difflib.get_close_matches(name, names, n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    return InputError(
        f"{file} has no profile {name!r}",
        f"{guess}there {'is' if len(names) == 1 else 'are'} {' and '.join(names)}; "
        "[tool.runtime-packager.profiles.NAME] adds one",
    )


def _laid_over(base: Mapping[str, Any], name: str, overlay: Mapping[str, Any]) -> dict[str, Any]:
    places = {
        key: f"{base.get(key, default)}/{name}"
        for key, default in DEFAULT_PLACES.items()
        if isinstance(base.get(key, default), str)
    }
    return {**base, **places, **{key: _replaced(base, key, overlay[key]) for key in overlay}}


def _replaced(base: Mapping[str, Any], key: str, value: Any) -> Any:
    inner = base.get(key)
    if key in _MERGED and isinstance(inner, dict) and isinstance(value, dict):
        return {**inner, **value}
    return value


def _path(file: Path, table: Mapping[str, Any], key: str) -> Path:
    text = table.get(key, DEFAULT_PLACES[key])
    return (file.parent / (text if isinstance(text, str) else DEFAULT_PLACES[key])).absolute()


def _collisions(outputs: Mapping[str, Path], base: str) -> Iterator[str]:
    """Outputs that would lie in one another: publishing one would remove the other."""
    names = {target.name for target in TARGETS}
    for name, output in outputs.items():
        others = {each: path for each, path in outputs.items() if each != name}
        for other, path in others.items():
            inside = output.is_relative_to(path) and output.relative_to(path).parts[:1]
            if output == path and (other == base or other < name):
                yield f"profiles.{name}.output: {other} has the same, {output}"
            elif inside and inside[0] in names:
                yield f"profiles.{name}.output: {output} lies in a runtime of {other}"
