"""What ``init --electron`` writes into an Electron project: the desktop modules and their wiring.

The modules are copies, byte for byte, of those that PEFT Studio runs. Their digests are kept beside
them, so that a later version replaces what nobody touched and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime_packager import __version__, wiring_texts
from runtime_packager.config import Config
from runtime_packager.errors import InputError
from runtime_packager.io.files import write_atomic

FOLDER = "runtime-packager"
RECORD = "copied.json"
BUILDER_FILE = "electron-builder.yml"

OWN = ("settings.js",)
"""What of electron/src is PEFT Studio's alone."""

BESIDE = {
    "preload.js": "preload.js",
    "build/entitlements.runtime.plist": "builder/entitlements.runtime.plist",
}
"""What is copied from elsewhere in electron/, and where to."""

BUILDER_STEMS = ("electron-builder", "electron-builder.config")
BUILDER_SUFFIXES = (
    *(".yml", ".yaml", ".json", ".json5", ".toml"),
    *(".js", ".cjs", ".mjs", ".ts", ".cts", ".mts"),
)
"""Where electron-builder looks for its configuration, besides ``build`` in package.json."""

WIRED = f"{FOLDER}/builder/seal.js"
"""What only a configuration that has our settings mentions."""


@dataclass(frozen=True, slots=True)
class Wired:
    """What was done.

    :param folder: where the modules are.
    :param before: the version that was there, if any.
    :param written: names below ``folder`` that are new or other than before.
    :param removed: names that this version does without.
    :param builder: electron-builder's configuration.
    :param builder_written: whether it was written; what was there is never touched.
    :param add: what is to be added to the configuration that was there, if anything.
    :param todo: what is left to do, a line each.
    """

    folder: Path
    before: str | None
    written: list[str]
    removed: list[str]
    builder: Path
    builder_written: bool
    add: str | None
    todo: list[str] = field(default_factory=list)


def write_wiring(project: Path, load: Callable[[], Config]) -> Wired:
    """Copy the modules into an Electron project, and write electron-builder's settings.

    Nothing else is touched, and running it again changes nothing.

    :param project: the directory with package.json.
    :param load: reads the packager's configuration, once the project is known to be one.
    :raises InputError: when it is no Electron project, or copies were edited.
    """
    package = _read_package(project)
    config = load()
    folder = project / FOLDER
    files = _files(project, package, config)
    record = _read_record(folder / RECORD)
    known: dict[str, str] = record.get("files", {})
    _require_unedited(folder, files, known)
    written = [name for name, data in files.items() if not _holds(folder / name, data)]
    for name in written:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / name, files[name])
    removed = [name for name in known if name not in files and (folder / name).is_file()]
    for name in removed:
        (folder / name).unlink()
    # Last: after an interruption the files are as known, or already the new ones.
    _write_record(folder / RECORD, files)
    builder, builder_written, add = _builder(project, package, config)
    return Wired(
        folder=folder,
        before=record.get("version"),
        written=written,
        removed=removed,
        builder=builder,
        builder_written=builder_written,
        add=add,
        todo=wiring_texts.todo(project, package, config),
    )


def modules() -> Path:
    """Where the desktop modules are: in the wheel, else in the repository.

    :raises FileNotFoundError: when this installation lacks them.
    """
    here = Path(__file__).resolve().parent
    for place in (here / "desktop", here.parent / "electron"):
        if (place / "src" / "runtime-packager.js").is_file():
            return place
    raise FileNotFoundError(f"{here / 'desktop'} is missing from this installation")


def _files(project: Path, package: dict[str, Any], config: Config) -> dict[str, bytes]:
    """Everything below the folder but the record, by name."""
    source = modules()
    found = {
        path.relative_to(source / "src").as_posix(): path.read_bytes()
        for path in sorted((source / "src").rglob("*"))
        if path.suffix in {".js", ".py", ".html"}
    }
    for name in OWN:
        found.pop(name, None)
    found |= {to: (source / name).read_bytes() for name, to in BESIDE.items()}
    licence = next(at / "LICENSE" for at in (source, source.parent) if (at / "LICENSE").is_file())
    written = {
        "README.md": wiring_texts.readme(__version__),
        "example-main.js": wiring_texts.example_main(project, package, config),
        # The copies are CommonJS, also in a project that is not.
        "package.json": '{\n  "private": true,\n  "type": "commonjs"\n}\n',
    }
    texts = {name: text.encode() for name, text in written.items()}
    return found | texts | {"LICENSE": licence.read_bytes()}


def _read_package(project: Path) -> dict[str, Any]:
    file = project / "package.json"
    if not file.is_file():
        raise InputError(
            f"{project.resolve()} has no package.json",
            "name the Electron project's directory: runtime-packager init --electron DIR",
        )
    package = _read_object(file)
    groups = (package.get("dependencies"), package.get("devDependencies"))
    if not any(isinstance(group, dict) and "electron" in group for group in groups):
        raise InputError(
            f"{file} does not depend on electron",
            "npm install --save-dev electron electron-builder; or name another directory",
        )
    return package


def _read_record(file: Path) -> dict[str, Any]:
    return _read_object(file) if file.is_file() else {}


def _read_object(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{file} is not valid JSON: {error}", "mend it first") from error
    if not isinstance(found, dict):
        raise InputError(f"{file} is not a JSON object", "mend it first")
    return found


def _write_record(file: Path, files: dict[str, bytes]) -> None:
    record = {
        "note": "runtime-packager init --electron replaces files that are as recorded here",
        "version": __version__,
        "files": {name: _digest(data) for name, data in sorted(files.items())},
    }
    data = (json.dumps(record, indent=2) + "\n").encode()
    if not _holds(file, data):
        write_atomic(file, data)


def _require_unedited(folder: Path, files: dict[str, bytes], known: dict[str, str]) -> None:
    edited = []
    for name in sorted(files.keys() | known.keys()):
        place = folder / name
        if not place.exists():
            continue
        data = place.read_bytes() if place.is_file() else b""
        accepted = {known.get(name), _digest(files[name]) if name in files else None}
        if _digest(data) not in accepted:
            edited.append(name)
    if edited:
        raise InputError(
            f"files in {folder} are not as they were copied; nothing was changed",
            "keep your changes elsewhere and delete these files, then run it again",
            details=edited,
        )


def _holds(file: Path, data: bytes) -> bool:
    return file.is_file() and _plain(file.read_bytes()) == _plain(data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(_plain(data)).hexdigest()


def _plain(data: bytes) -> bytes:
    """Git on Windows gives text files other line ends; nobody edited them."""
    return data.replace(b"\r\n", b"\n")


def _builder(
    project: Path, package: dict[str, Any], config: Config
) -> tuple[Path, bool, str | None]:
    names = [stem + suffix for stem in BUILDER_STEMS for suffix in BUILDER_SUFFIXES]
    found = next((project / name for name in names if (project / name).is_file()), None)
    if found is None and "build" in package:
        found = project / "package.json"
    if found is None:
        text = wiring_texts.builder_file(project, package, config)
        write_atomic(project / BUILDER_FILE, text.encode())
        return project / BUILDER_FILE, True, None
    if WIRED in found.read_text(encoding="utf-8", errors="replace"):
        return found, False, None
    return found, False, wiring_texts.builder_lines(project, config, found.suffix)
