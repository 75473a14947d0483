"""Finds, reads and validates the table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from packaging.version import Version

from runtime_packager.app import Data, EntryPoint, Script, parse_entry
from runtime_packager.config.model import Config
from runtime_packager.config.profiles import DEFAULT_PLACES, Profile, choose
from runtime_packager.config.reader import Reader
from runtime_packager.config.tables import read_checks, read_floors, read_identity, read_trim
from runtime_packager.errors import InputError
from runtime_packager.interpreters import (
    ArchiveSource,
    DirectorySource,
    GithubSource,
    MirrorSource,
    NpmSource,
    Source,
)
from runtime_packager.io import toml
from runtime_packager.platforms import DEFAULT_TARGETS, Target, find_target
from runtime_packager.tree import LINK_MODES, LinkMode

TABLE = "tool.runtime-packager"
FILE = "pyproject.toml"
_SCRIPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TAKEN = frozenset({"app", "app.pyz", "manifest", "python"})
"""Names at the root of every tree."""
_FREE = "a name that the tree does not use itself"

OLDEST_PYTHON = Version("3.11")


def find_config(start: Path) -> Path:
    """The nearest ``pyproject.toml`` with our table, from ``start`` (file or directory) upward.

    :raises InputError: when there is none.
    """
    if start.is_file():
        return start.resolve()
    for directory in (start.resolve(), *start.resolve().parents):
        file = directory / FILE
        if file.is_file() and _table(file) is not None:
            return file
    raise InputError(
        f"no {FILE} with a [{TABLE}] table in {start.resolve()} or above it",
        "run `runtime-packager init` in the project's directory",
    )


def load_config(file: Path, profile: str | None = None) -> Config:
    """Read and validate ``file``.

    :param profile: which of its profiles; without, the base.
    :raises InputError: with one line for every problem found, or when there is no such profile.
    """
    table = _table(file)
    if table is None:
        raise InputError(f"{file} has no [{TABLE}] table", "run `runtime-packager init`")
    problems: list[str] = []
    table, chosen = choose(table, profile, file, problems)
    reader = Reader(table, file.parent, problems=problems)
    config = _read(reader, file, chosen)
    reader.refuse_unknown()
    if problems:
        of = "" if chosen.is_base else f", profile {chosen.name}"
        raise InputError(
            f"{file}: {len(problems)} problem{'s' * (len(problems) > 1)} in [{TABLE}]{of}",
            details=problems,
        )
    return config


def _table(file: Path) -> dict[str, Any] | None:
    try:
        table = toml.loads(file.read_bytes()).get("tool", {})
    except FileNotFoundError as error:
        raise InputError(f"{file} does not exist") from error
    except toml.TomlError as error:
        raise InputError(f"{file} is not valid TOML: {error}") from error
    found = table.get("runtime-packager") if isinstance(table, dict) else None
    return found if isinstance(found, dict) else None


def _read(reader: Reader, file: Path, profile: Profile) -> Config:
    app_text = reader.text("app", "the app's directory")
    app = reader.existing("app", app_text, directory=True) if app_text else reader.root
    requirements = tuple(
        reader.existing("requirements", text)
        for text in reader.texts("requirements", "a list of requirement files", [])
    )
    floors, launcher = read_floors(reader), _launcher(reader)
    cache = reader.get("cache", str, "a directory", "")
    name = reader.text("name", "the product's name")
    version = _version(reader, "version", "the product's version", "0")
    return Config(
        file=file,
        profile=profile,
        name=name,
        version=version,
        app=app,
        entry=_entry(reader, app),
        requirements=requirements,
        python=_python(reader),
        platforms=_platforms(reader, floors),
        output=_place(reader, "output"),
        launcher=launcher,
        scripts=_scripts(reader, launcher),
        identity=read_identity(reader, name, version),
        exclude=reader.texts("exclude", "a list of patterns", []),
        data=_data(reader),
        sources=_sources(reader),
        trim=read_trim(reader),
        checks=read_checks(reader),
        floors=floors,
        optimize=reader.number("optimize", "0, 1 or 2", 0, range(3)),
        link_mode=_link_mode(reader),
        epoch=reader.number("epoch", "a whole number that grows with every release", 0),
        lock_urls=reader.flag("lock-urls", True),
        locks=_place(reader, "locks"),
        traced=_place(reader, "traced"),
        pins=reader.path(reader.text("pins", "a file", "manifests/interpreters.json")),
        trusted_keys=reader.path(
            reader.text("trusted-keys", "a file", "manifests/trusted-keys.json")
        ),
        root_document=reader.path(reader.text("root", "a file", "manifests/root.dsse.json")),
        cache=reader.path(cache) if cache else None,
    )


def _place(reader: Reader, key: str) -> Path:
    return reader.path(reader.text(key, "a directory", DEFAULT_PLACES[key]))


def _version(reader: Reader, key: str, expected: str, fallback: str) -> str:
    text = reader.text(key, expected)
    try:
        return str(Version(text)) if text else fallback
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        reader.wrong(key, f"{expected} (PEP 440, such as 1.2.3)", text)
        return fallback


def _python(reader: Reader) -> Version:
    python = Version(_version(reader, "python", "a full CPython version such as 3.12.14", "3.12.0"))
    if len(python.release) != 3 or python.is_prerelease or python < OLDEST_PYTHON:
        reader.wrong("python", f"major.minor.micro, {OLDEST_PYTHON} or newer", str(python))
    return python


def _entry(reader: Reader, app: Path) -> EntryPoint:
    text = reader.text("entry", "a script, package.module:function or a console script", "main.py")
    entry = reader.parsed("entry", text, parse_entry) or Script("main.py")
    if isinstance(entry, Script) and app.is_dir() and not (app / entry.path).is_file():
        reader.wrong("entry", f"a file in {app.name}/", text)
    return entry


def _platforms(reader: Reader, floors: Mapping[str, tuple[int, int]]) -> tuple[Target, ...]:
    names = reader.texts("platforms", "a list of platforms", [t.name for t in DEFAULT_TARGETS])
    parsed = (reader.parsed("platforms", name, find_target) for name in names)
    found = dict.fromkeys(target for target in parsed if target)
    return tuple(t.with_floor(floors[t.floor_kind]) if t.floor_kind else t for t in found)


def _launcher(reader: Reader) -> str:
    name = reader.text("launcher", "the launcher's file name", "peft_engine")
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        reader.wrong("launcher", "letters, digits, - and _, without .exe", name)
    elif name.lower() in _TAKEN:
        reader.wrong("launcher", _FREE, name)
    return name


def _scripts(reader: Reader, launcher: str) -> tuple[str, ...]:
    names = reader.texts("scripts", "a list of console scripts of the requirements", [])
    taken = _TAKEN | _files_of(launcher)
    for name in dict.fromkeys(names):
        if not _SCRIPT.fullmatch(name):
            reader.wrong("scripts", "letters, digits, - _ and .", name)
        elif taken & _files_of(name):
            reader.wrong("scripts", _FREE, name)
        taken |= _files_of(name)
    return tuple(dict.fromkeys(names))


def _files_of(launcher: str) -> frozenset[str]:
    """What a launcher of that name brings on any platform; case counts nowhere but on Linux."""
    return frozenset({launcher.lower(), f"{launcher.lower()}.exe", f"{launcher.lower()}.cfg"})


def _link_mode(reader: Reader) -> LinkMode:
    text = reader.text("link-mode", f"one of {', '.join(LINK_MODES)}", "auto")
    for mode in LINK_MODES:
        if mode == text:
            return mode
    reader.wrong("link-mode", f"one of {', '.join(LINK_MODES)}", text)
    return "auto"


def _data(reader: Reader) -> tuple[Data, ...]:
    found = []
    for row in reader.rows("data", "tables with from and to"):
        source = row.path(row.text("from", "a file or directory"))
        to = row.text("to", "a path inside app/")
        if not source.exists():
            row.wrong("from", "an existing file or directory", row.table.get("from"))
        if to.startswith("/") or ".." in to.split("/") or "\\" in to:
            row.wrong("to", "a path inside app/, with / and without ..", to)
        row.refuse_unknown()
        found.append(Data(source, to))
    return tuple(found)


def _sources(reader: Reader) -> tuple[Source, ...]:
    rows = reader.rows("sources", "tables with kind")
    sources = tuple(source for row in rows if (source := _source(row)))
    return sources or (GithubSource(),)


def _source(row: Reader) -> Source | None:
    kinds = "github, mirror, archive, directory or npm"
    kind = row.text("kind", kinds)
    make = _KINDS.get(kind)
    if make is None:
        if kind:
            row.wrong("kind", kinds, kind)
        return None
    before = len(row.problems)
    targets = _named(row, required=kind in ("archive", "directory", "npm"))
    facts = _facts(row, kind)
    row.refuse_unknown()
    if len(row.problems) > before:
        return None
    return row.parsed("kind", kind, lambda _: make(*facts, targets=targets))


_KINDS: dict[str, Callable[..., Source]] = {
    "github": GithubSource,
    "mirror": MirrorSource,
    "archive": ArchiveSource,
    "directory": DirectorySource,
    "npm": NpmSource,
}


def _facts(row: Reader, kind: str) -> tuple[object, ...]:
    """What a source of this kind is made of, in its constructor's order."""
    match kind:
        case "mirror":
            return (row.text("url", "the mirror's address"),)
        case "archive":
            digest = row.text("sha256", "the archive's digest", "-")
            path = row.existing("path", row.text("path", "an archive"))
            return (path, None if digest == "-" else digest)
        case "directory":
            return (row.existing("path", row.text("path", "a prefix"), directory=True),)
        case "npm":
            return (
                row.text("package", "name@version"),
                row.text("sha256", "the package's digest"),
                row.text("prefix", "the interpreter's folder in the package"),
                Version(_version(row, "python", "its CPython version", "0")),
            )
        case _:
            return ()


def _named(row: Reader, *, required: bool) -> frozenset[str] | None:
    """The targets a source is for; ``None`` for all, which a file or package cannot be."""
    names = (
        row.texts("platforms", "a list of platforms", [])
        if not required
        else row.texts("platforms", "the platforms this source serves")
    )
    found = [row.parsed("platforms", name, find_target) for name in names]
    return frozenset(target.name for target in found if target) or None
