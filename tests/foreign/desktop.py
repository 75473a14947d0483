"""The desktop app, packed for Windows by ``npm run dist`` in a project of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from foreign.project import ROOT, Project

ELECTRON = ROOT / "electron"
SOURCES = ("build", "scripts", "src", "window")
FILES = ("main.js", "preload.js", "package.json", "package-lock.json", "electron-builder.yml")
PATIENCE = 300
"""Seconds after which a build is given up."""

PASSWORD = "correct horse"

_MAKENSIS = """#!/bin/sh
unset NSISDIR # electron-builder's guess of where the rest of makensis is
exec makensis '-XTarget amd64-unicode' "$@" # wine here runs 64-bit programs only
"""


def missing() -> str | None:
    """Why it cannot be packed here; ``None`` when it can."""
    for program, package in (
        ("node", "nodejs"),
        ("makensis", "nsis"),
        ("osslsigncode", "osslsigncode"),
        ("7za", "p7zip-full"),
    ):
        if not shutil.which(program):
            return f"{program} is missing: apt install {package}"
    if not (ELECTRON / "node_modules/electron-builder").is_dir():
        return "electron-builder is missing: npm --prefix electron ci"
    return None


@dataclass(frozen=True)
class Certificate:
    """A certificate for signing code that nobody trusts."""

    chain: Path
    key: Path

    @property
    def environment(self) -> dict[str, str]:
        """What asks for signing with it."""
        return {
            "WINDOWS_SIGN_CERTIFICATE": str(self.chain),
            "WINDOWS_SIGN_KEY": str(self.key),
            "WINDOWS_SIGN_PASSWORD": PASSWORD,
        }


def make_certificate(folder: Path) -> Certificate:
    """Make one in ``folder``."""
    folder.mkdir()
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-subj", "/CN=Nobody"]
    words += ["-addext", "extendedKeyUsage=codeSigning", "-days", "30"]
    words += ["-passout", f"pass:{PASSWORD}", "-keyout", str(made.key), "-out", str(made.chain)]
    subprocess.run(words, check=True, capture_output=True)
    return made


@dataclass(frozen=True)
class Desktop:
    """The app's sources beside a project whose runtime is assembled."""

    project: Project
    tools: Path

    @property
    def path(self) -> Path:
        """Where the sources are."""
        return self.project.path / "electron"

    @property
    def output(self) -> Path:
        """Where what is packed appears."""
        return self.path / "dist/win-x64"

    @property
    def unpacked(self) -> Path:
        """The app, unpacked."""
        return self.output / "win-unpacked"

    @property
    def runtime(self) -> Path:
        """The runtime in it."""
        return self.unpacked / "resources/backend"

    def dist(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """``npm run dist`` for win-x64, with the runtime that is there."""
        command = ["node", "scripts/dist.js", "--win", "--arch", "x64", "--keep-backend", *words]
        return subprocess.run(
            command,
            cwd=self.path,
            env=self._environment() | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("WINDOWS_SIGN", "CSC_"))}
        return kept | {
            "ELECTRON_BUILDER_7ZIP_PATH": str(shutil.which("7za")),
            "ELECTRON_BUILDER_NSIS_DIR": str(self.tools / "nsis"),
            "ELECTRON_BUILDER_NSIS_RESOURCES_DIR": str(self.tools / "resources"),
            "PYTHONPATH": str(ROOT),
            "RUNTIME_PACKAGER_CACHE": os.environ.get("RUNTIME_PACKAGER_CACHE", str(ROOT / "cache")),
            "RUNTIME_PACKAGER_ELECTRON_DIST": electron(),
            "RUNTIME_PACKAGER_PROGRAM": str(Path(sys.executable).parent / "runtime-packager"),
            "SETUP_COMPRESSOR": "off",
        }


def make(project: Project, tools: Path) -> Desktop:
    """The app's sources in ``project``, and the tools that electron-builder would download.

    Its packages are hard links: electron-builder finds no packages behind a symbolic one.
    """
    place = project.path / "electron"
    place.mkdir()
    for name in SOURCES:
        shutil.copytree(ELECTRON / name, place / name)
    for name in FILES:
        shutil.copy(ELECTRON / name, place)
    modules = ELECTRON / "node_modules"
    shutil.copytree(modules, place / "node_modules", symlinks=True, copy_function=linked)
    (tools / "resources/plugins/x86-unicode").mkdir(parents=True)
    makensis = tools / "nsis/linux/makensis"
    makensis.parent.mkdir(parents=True)
    makensis.write_text(_MAKENSIS)
    makensis.chmod(0o755)
    return Desktop(project, tools)


def linked(source: str | Path, place: str | Path) -> str:
    """A hard link, or a copy where there can be none."""
    try:
        os.link(source, place)
    except OSError:
        shutil.copy2(source, place)
    return str(place)


def electron() -> str:
    """The directory with Electron for Windows, as it comes."""
    script = "process.stdout.write(require('./test/e2e/real-electron.js').electronDist('win'))"
    done = subprocess.run(
        ["node", "-e", script], cwd=ELECTRON, check=True, capture_output=True, text=True
    )
    return done.stdout
