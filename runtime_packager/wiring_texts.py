"""The texts that ``init --electron`` makes for one project; the modules themselves are copied."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import Any

from runtime_packager.config import Config

_README = """\
# The desktop modules of runtime-packager {version}

Copied by `runtime-packager init --electron`. Do not edit them: the same command of a later version
replaces them, and refuses to when they are not as it wrote them (`copied.json` has their digests).
What is to differ in your app is a setting: see `defaults.js`.

- `runtime-packager.js`: `setupRuntime`, what your main process calls; `example-main.js` shows how
- `preload.js`: the bridge to your window, `window.runtime`
- `builder/`: electron-builder's hooks; they sign, seal and verify the packaged runtime
- `example/`: a backend in one file and a page, to start from

Leave this directory out of linting and formatting.
"""

_MAIN = """\
'use strict';

/** An example of a main process: copy it to where your package.json says `main`. */

const electron = require('electron');
const path = require('node:path');
const {{ setupRuntime }} = require('./runtime-packager/runtime-packager.js');

setupRuntime({{
  electron,
  settings: {{
    product: {product},
    title: {title},
    launcher: {launcher},
    // Without packaging, a Python of this machine runs this:
    script: path.join(__dirname, {script}),
  }},
  page: path.join(__dirname, 'window'), // with index.html; runtime-packager/example/window is one
  // To update itself the app needs electron-updater among its dependencies:
  // loadUpdater: () => require('electron-updater').autoUpdater,
}});
"""

_COMMENTS = {
    "appId": "Yours: once people have installed the app it cannot change.",
    "files": "The app's own files. The runtime is not among them: it is a resource, below.",
    "extraResources": "What `runtime-packager assemble` made, with every file: it is sealed.",
    "electronFuses": "What the app's own program may be made to do.",
    "afterPack": "These sign the runtime's programs, seal its manifest, and verify what is packed.",
}


def readme(version: str) -> str:
    """What stands beside the copies."""
    return _README.format(version=version)


def example_main(project: Path, package: dict[str, Any], config: Config) -> str:
    """A main process in ten lines, for this project's product."""
    script = getattr(config.entry, "path", "main.py")
    place = _relative(config.app / str(script), project)
    return _MAIN.format(
        product=_quoted(config.name),
        title=_quoted(title(package)),
        launcher=_quoted(config.launcher),
        script=_quoted(place),
    )


def title(package: dict[str, Any]) -> str:
    """What people call the app."""
    build = package.get("build")
    named = build.get("productName") if isinstance(build, dict) else None
    return str(package.get("productName") or named or package.get("name") or "App")


def builder_file(project: Path, package: dict[str, Any], config: Config) -> str:
    """A whole electron-builder.yml."""
    left_out = ["runtime-packager/{builder,example}/**", "runtime-packager/example-main.js"]
    left_out += ["runtime-packager/*.{md,json}", "pyproject.toml", "manifests/**", "release/**"]
    for place in (config.output, config.app):
        below = _relative(place, project)
        if below == ".":
            left_out += ["**/*.py", "requirements*.txt"]
        if below != "." and not below.startswith(".."):
            left_out.append(f"{below}/**")
    settings = {
        "appId": f"org.example.{config.name}",
        "productName": title(package),
        "directories": {"output": "release"},
        "files": ["**/*", *(f"!{pattern}" for pattern in left_out)],
        **builder_settings(project, config),
    }
    head = (
        "# How the app is packed; written by `runtime-packager init --electron`, yours to change.\n"
    )
    return head + "".join(_yaml(settings))


def builder_lines(project: Path, config: Config, suffix: str) -> str:
    """The settings to add to a configuration that is there."""
    settings = builder_settings(project, config)
    if suffix in {".yml", ".yaml"}:
        return "".join(_yaml(settings))
    text = json.dumps(settings, indent=2)
    return textwrap.dedent("\n".join(text.splitlines()[1:-1])) + "\n"


def builder_settings(project: Path, config: Config) -> dict[str, Any]:
    """What electron-builder has to be told for the runtime's sake."""
    hook = "runtime-packager/builder"
    launchers = [config.launcher, *config.scripts, "python", "pythonw"]
    source = f"{_relative(config.output, project)}/${{os}}-${{arch}}"
    return {
        "asar": True,
        "extraResources": [{"from": source, "to": "backend", "filter": ["**/*"]}],
        "electronFuses": {
            "runAsNode": False,
            "enableNodeOptionsEnvironmentVariable": False,
            "enableNodeCliInspectArguments": False,
            "enableEmbeddedAsarIntegrityValidation": True,
            "onlyLoadAppFromAsar": True,
            "grantFileProtocolExtraPrivileges": False,
        },
        "afterExtract": f"{hook}/after-extract.js",
        "afterPack": f"{hook}/seal.js",
        "afterSign": f"{hook}/after-sign.js",
        "afterAllArtifactBuild": f"{hook}/verify-packaged.js",
        "win": {
            "requestedExecutionLevel": "asInvoker",
            "signExts": [f"!{name}.exe" for name in launchers],
            "signtoolOptions": {
                "sign": f"{hook}/sign-windows.js",
                "signingHashAlgorithms": ["sha256"],
            },
        },
        "mac": {
            "hardenedRuntime": True,
            "signIgnore": ["/Contents/Resources/backend/"],
            "notarize": False,
        },
    }


def todo(project: Path, package: dict[str, Any], config: Config) -> list[str]:
    """What is left to do once everything is written."""
    runtime = f"{_relative(config.output, project)}/<platform>"
    main = package.get("main", "index.js")
    lines = [f"let {main} call setupRuntime: runtime-packager/example-main.js shows how"]
    if package.get("type") == "module":
        lines.append(
            'the project is "type": "module": write `import electron from "electron"` and '
            '`import { setupRuntime } from "./runtime-packager/runtime-packager.js"`, or name the '
            "example main.cjs"
        )
    lines.append(
        "let the backend say ready and prove who it is: runtime-packager/example/backend.py does"
    )
    groups = (package.get("dependencies"), package.get("devDependencies"))
    if not any(isinstance(group, dict) and "electron-builder" in group for group in groups):
        lines.append("npm install --save-dev electron-builder")
    lines.append("runtime-packager assemble")
    lines.append(f"runtime-packager keys trusted {runtime} --output trust")
    lines.append("npx electron-builder")
    return lines


def _yaml(settings: dict[str, Any], indent: str = "") -> list[str]:
    """YAML with JSON for what is not a mapping or a list at the end of a line."""
    lines = []
    for key, value in settings.items():
        if not indent and (comment := _COMMENTS.get(key)):
            lines.append(f"\n# {comment}\n")
        match value:
            case dict():
                lines.append(f"{indent}{key}:\n")
                lines += _yaml(value, indent + "  ")
            case list():
                lines.append(f"{indent}{key}:\n")
                lines += [f"{indent}  - {json.dumps(item)}\n" for item in value]
            case _:
                lines.append(f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}\n")
    return lines


def _relative(place: Path, project: Path) -> str:
    return Path(os.path.relpath(place, project.resolve())).as_posix()


def _quoted(text: str) -> str:
    """A JavaScript string, in the quotes that formatters want."""
    return "'" + json.dumps(text)[1:-1].replace("'", "\\'").replace('\\"', '"') + "'"
