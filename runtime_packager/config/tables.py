"""Reads the tables inside the table: trimming rules, floors, checks, what Windows shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from runtime_packager.config.model import PATH_BUDGET, Checks
from runtime_packager.config.reader import Reader
from runtime_packager.errors import InputError
from runtime_packager.launcher import ICON_LIMIT, Icon, Identity, read_icon, text_problem
from runtime_packager.platforms import FLOORS, OLDEST_FLOORS
from runtime_packager.tree import RULES

_FLOOR = re.compile(r"(\d{1,3})\.(\d{1,3})")
_LONGEST_WINDOWS_PATH = range(60, 260)


def read_trim(reader: Reader) -> frozenset[str]:
    """The rules that apply."""
    table = _table(reader, "trim", "a table of rule = true or false")
    chosen = {name for name, rule in RULES.items() if table.flag(name, rule.default)}
    table.refuse_unknown()
    return frozenset(chosen)


def read_floors(reader: Reader) -> Mapping[str, tuple[int, int]]:
    """A floor of every kind."""
    table = _table(reader, "floors", "a table of kind = version")
    found = {kind: _floor(table, kind, default) for kind, default in FLOORS.items()}
    table.refuse_unknown()
    return found


def _floor(table: Reader, kind: str, default: tuple[int, int]) -> tuple[int, int]:
    oldest = ".".join(map(str, OLDEST_FLOORS[kind]))
    expected = f'a version such as "{default[0]}.{default[1]}", {oldest} or newer'
    text = table.text(kind, expected, f"{default[0]}.{default[1]}")
    match = _FLOOR.fullmatch(text)
    floor = (int(match[1]), int(match[2])) if match else (0, 0)
    if text and floor < OLDEST_FLOORS[kind]:
        table.wrong(kind, expected, text)
        return default
    return floor


def read_checks(reader: Reader) -> Checks:
    """What is looked at, and the exceptions."""
    table = _table(reader, "checks", "a table")
    patterns = "a list of patterns of tree paths"
    checks = Checks(
        binaries=table.flag("binaries", True),
        imports=table.flag("imports", True),
        smoke=table.flag("smoke", True),
        system_libraries=table.texts("system-libraries", "a list of library names", []),
        accept=table.texts("accept", patterns, []),
        optional_imports=table.texts("optional-imports", "a list of modules", []),
        universal_arm64=table.texts("universal-arm64", patterns, []),
        path_budget=table.number(
            "path-budget", "a number from 60 to 259", PATH_BUDGET, _LONGEST_WINDOWS_PATH
        ),
    )
    table.refuse_unknown()
    return checks


def read_identity(reader: Reader, name: str, version: str) -> Identity:
    """What Windows shows of the launchers: by default the product's name and version."""
    table = _table(reader, "windows", "a table")
    product = _shown(table, "product", "what the product is called", name)
    identity = Identity(
        product=product,
        version=version,
        description=_shown(table, "description", "what the program is", product),
        company=_shown(table, "company", "whose program it is", ""),
        copyright=_shown(table, "copyright", "a line such as © 2026 Example", ""),
        icon=_icon(table),
    )
    table.refuse_unknown()
    return identity


def _shown(table: Reader, key: str, expected: str, default: str) -> str:
    text = table.get(key, str, expected, default) or default
    if problem := text_problem(text):
        table.wrong(key, problem, text)
        return ""
    return text


def _icon(table: Reader) -> Icon | None:
    text = table.get("icon", str, "an .ico file", "")
    if not text:
        return None
    path = table.existing("icon", text)
    return table.parsed("icon", text, lambda _: _read_icon(path)) if path.is_file() else None


def _read_icon(path: Path) -> Icon:
    try:
        with path.open("rb") as stream:
            return read_icon(stream.read(ICON_LIMIT + 1))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _table(reader: Reader, key: str, expected: str) -> Reader:
    table = reader.get(key, dict, expected, {}) or {}
    return Reader(table, reader.root, f"{reader.where}{key}.", reader.problems)
