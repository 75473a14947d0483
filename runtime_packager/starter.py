"""The commented configuration that ``init`` writes for a project it has looked at."""

from __future__ import annotations

import json
import re
from pathlib import Path

from runtime_packager.config import FILE, TABLE
from runtime_packager.errors import InputError
from runtime_packager.interpreters import available_versions
from runtime_packager.io import toml
from runtime_packager.io.files import write_atomic
from runtime_packager.tree import RULES

APP_DIRECTORIES = ("backend", "server", "app", "src")
"""Where Electron projects usually keep their Python, best guess first."""

BESIDE = (
    "manifests",
    "node_modules",
    "venv",
    "package*.json",
    "pyproject.toml",
    "requirements*.txt",
)
"""What else lies in a project whose root is its app, and is not to be packed."""

SCRIPTS = ("main.py", "app.py", "server.py", "__main__.py")

PYTHON = (3, 12)
"""The minor version to start with: every major compiled package has wheels for it."""

_TEMPLATE = """\
[tool.runtime-packager]
# The product and its version, as the signed manifest states them.
name = {name}
version = {version}

# The app's directory, and what starts it: a script in it, "package.module:function",
# or the name of a console script that a requirement brings.
app = {app}
entry = {entry}

# Files and folders of the app directory that are not packed (shell patterns).
# Hidden files and bytecode never are.
exclude = {exclude}

# Requirement files, locked for every platform by `runtime-packager lock`.
requirements = {requirements}

# The interpreter's exact version; `runtime-packager interpreters list --available` shows all.
python = {python}

# What `--platform all` means; without --platform only this machine's is assembled.
# Names are electron-builder's ${{os}}-${{arch}}; more: linux-arm64, win-arm64, mac-universal.
platforms = ["linux-x64", "win-x64", "mac-x64", "mac-arm64"]

# Where runtimes go: one directory per platform. Ship it with electron-builder:
#   extraResources: [{{ from: "{output_text}/${{os}}-${{arch}}", to: "backend" }}]
output = {output}

# The launcher's file name, which the desktop app starts; .exe is added on Windows.
# launcher = "peft_engine"

# Console scripts of requirements that get launchers of their own, beside the app's.
# scripts = ["alembic"]

# Grows with every release: an update with a smaller one is a rollback.
# epoch = 0

# Files from outside the app directory, placed inside app/.
# data = [{{ from = "models/tiny.bin", to = "data/tiny.bin" }}]

# Where interpreters come from, tried in this order. Default: GitHub's official releases.
# sources = [
#   {{ kind = "github" }},
#   {{ kind = "mirror", url = "https://mirror.example/python-build-standalone" }},
#   {{ kind = "archive", path = "cpython.tar.gz", platforms = ["linux-x64"] }},
# ]

# The oldest systems the runtime has to start on. These are the defaults:
# [tool.runtime-packager.floors]
# glibc = "2.28"
# macos-x64 = "11.0"
# macos-arm64 = "13.0"

# What Windows shows of the launcher: its icon, and the company and more in its properties.
# [tool.runtime-packager.windows]
# icon = "build/icon.ico"
# company = "Example Ltd"

# Exceptions, when a check finds something that is all right:
# [tool.runtime-packager.checks]
# optional-imports = ["ujson"]   # modules the app does without
# system-libraries = ["libasound.so.2"]   # libraries the users' systems have

# What the tree goes without. These are the rules and their defaults:
# [tool.runtime-packager.trim]
{trim}
"""


def write_configuration(directory: Path) -> tuple[Path, list[str], list[str]]:
    """Add a commented table to the project's ``pyproject.toml``, which is made when missing.

    Returns the file, what was guessed, a line each, and what the user still has to do.

    :raises InputError: when there is such a table already, or the file is not valid TOML.
    """
    file = directory / FILE
    try:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        known = toml.loads(text)
    except (UnicodeDecodeError, toml.TomlError) as error:
        raise InputError(f"{file} is not valid TOML: {error}", "mend it first") from error
    if "runtime-packager" in known.get("tool", {}):
        raise InputError(f"{file} has a [{TABLE}] table already", "edit it, or remove it first")
    guesses = _guess(directory, known.get("project", {}))
    table = _TEMPLATE.format(
        **{key: json.dumps(value) for key, value in guesses.items()},
        output_text=guesses["output"],
        trim="\n".join(
            f"# {rule.name} = {'true ' if rule.default else 'false'}  # {rule.description}"
            for rule in RULES.values()
        ),
    )
    joined = f"{text.rstrip()}\n\n{table}" if text.strip() else table
    write_atomic(file, joined.encode())
    missing = []
    if not (directory / str(guesses["app"]) / str(guesses["entry"])).is_file():
        missing.append(f"set entry: there is no {guesses['entry']} in {guesses['app']}")
    return file, [f"{key} = {json.dumps(value)}" for key, value in guesses.items()], missing


def _guess(directory: Path, project: dict[str, object]) -> dict[str, object]:
    app = next((name for name in APP_DIRECTORIES if (directory / name).is_dir()), ".")
    home = directory / app
    entry = next((name for name in SCRIPTS if (home / name).is_file()), SCRIPTS[0])
    places = [f"{app}/requirements.txt", "requirements.txt"]
    found = [place for place in places if (directory / place).is_file()]
    prefix = "" if app == "." else f"{app}/"
    return {
        "name": project.get("name") or _name(directory),
        "version": project.get("version") or "0.1.0",
        "app": app,
        "entry": entry,
        "exclude": ["dist", "tests", *(BESIDE if app == "." else ())],
        "requirements": [Path(place).as_posix() for place in found[:1]],
        "python": next(str(v) for v in available_versions() if (v.major, v.minor) == PYTHON),
        "output": f"{prefix}dist",
    }


def _name(directory: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", directory.resolve().name.lower()).strip("-") or "app"
