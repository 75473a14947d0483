"""Programs for Windows, run by wine in the chroot that ``.ci/foreign.sh`` makes.

Each session sees the chroot through an overlay of its own, in a namespace of its own: nothing
that runs in it changes the chroot, and nothing of it is left when it ends.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foreign.namespace import Namespace
from foreign.store import ci_cache

CHROOT = "trixie-wine-1"
"""Its name in the CI cache; ``.ci/foreign.sh`` says the same."""

PATIENCE = 60
"""Seconds after which a program that should have ended is given up."""

ENVIRONMENT = {
    "HOME": "/opt",
    "LANG": "C.UTF-8",
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "WINEDEBUG": "-all",
    "WINEPREFIX": "/opt/wine",
}

_SETUP = """
chroot="$1" work="$2" shared="$3"
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay -o "lowerdir=$chroot,upperdir=$work/upper,workdir=$work/work" overlay "$work/root"
mount -t proc proc "$work/root/proc"
mkdir -p "$work/root$shared"
mount --bind "$shared" "$work/root$shared"
"""


def missing() -> str | None:
    """Why wine cannot be used here; ``None`` when it can."""
    if os.geteuid() != 0:
        return "wine's chroot needs root"
    if not (ci_cache() / CHROOT).is_dir():
        return "there is no wine chroot: run .ci/foreign.sh"
    return None


@dataclass(frozen=True)
class Wine:
    """A running wine that sees ``shared`` at its own path, as ``Z:\\...``."""

    namespace: Namespace
    root: Path
    shared: Path

    def inside(self, *words: object, **env: str) -> list[str]:
        """What runs ``words`` in the chroot."""
        settings = [f"{name}={value}" for name, value in {**ENVIRONMENT, **env}.items()]
        command = ["chroot", str(self.root), "env", "-i", *settings, *map(str, words)]
        return [*self.namespace.entering, *command]

    def command(self, *words: object, **env: str) -> list[str]:
        """What runs ``words`` (the program's Unix path first) under wine."""
        return self.inside("wine", *words, **env)

    def run(self, *words: object, **env: str) -> subprocess.CompletedProcess[str]:
        """Run to the end, its output as text with Unix line ends."""
        command = self.command(*words, **env)
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)

    @contextmanager
    def started(self, *words: object, **options: Any) -> Iterator[subprocess.Popen[str]]:
        """Start it with a pipe for its output; nothing of ``shared`` runs on after the block."""

        def ours(line: list[str]) -> bool:
            return str(self.shared) in line[0].replace("\\", "/")

        with self.namespace.started(self.command(*words), ours, **options) as child:
            yield child

    def running(self, name: str) -> list[int]:
        """Ids, as this machine counts, of the processes whose program is called ``name``."""
        return [
            pid
            for pid, (program, *_) in self.namespace.processes().items()
            if re.split(r"[/\\]", program)[-1] == name
        ]


def windows_path(path: Path) -> str:
    """What wine's programs call a file of this machine."""
    return "Z:" + str(path).replace("/", "\\")


@contextmanager
def session(shared: Path, work: Path) -> Iterator[Wine]:
    """A wine for one test session.

    :param shared: the directory that programs may see and write; outside the chroot.
    :param work: an empty directory, mounted over while the session lasts.
    """
    with Namespace(_SETUP, ci_cache() / CHROOT, work, shared) as namespace:
        wine = Wine(namespace, work / "root", shared)
        # One server for all programs, or each would start Windows' services anew; and services
        # keep the standard handles they were started with, so the first program has none.
        for words in (("wineserver", "--persistent"), ("wine", "cmd", "/c", "exit 0")):
            subprocess.run(
                wine.inside(*words),
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        yield wine
    shutil.rmtree(work)
