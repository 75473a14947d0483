"""Programs for arm64 Linux, run by qemu's user emulation with a C library of their own.

The launcher starts the interpreter by ``execve``, so the kernel must know that qemu runs such
files. It is told so in a user namespace, where the setting is nobody else's and ends with us.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from foreign.namespace import Namespace

PATIENCE = 60
"""Seconds after which a program that should have ended is given up."""

EMULATOR = "qemu-aarch64"

_SETUP = r"""
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
head='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
printf '%s' ":arm64:M::$head:$mask:$1:F" > /proc/sys/fs/binfmt_misc/register
"""
"""ELF, 64 bit, little-endian, executable or shared (``e_type`` 2 or 3), machine 183."""


def missing() -> str | None:
    """Why arm64 programs cannot be run here; ``None`` when they can."""
    if not shutil.which(EMULATOR):
        return f"{EMULATOR} is not installed: run .ci/foreign.sh"
    if not shutil.which("patchelf") or not shutil.which("apt-get"):
        return "Debian's packages need apt-get and patchelf: run .ci/foreign.sh"
    try:
        with Namespace(_SETUP, shutil.which(EMULATOR), as_user=True):
            return None
    except RuntimeError as error:
        return f"the kernel lets nobody say what runs arm64 programs: {error}"


@dataclass(frozen=True)
class Qemu:
    """A namespace in which arm64 programs start like any other."""

    namespace: Namespace
    sysroot: Path

    def run(self, *words: object, **env: str) -> subprocess.CompletedProcess[str]:
        """Run to the end, its output as text."""
        return subprocess.run(
            self.command(*words),
            capture_output=True,
            text=True,
            env=self.environment(**env),
            timeout=PATIENCE,
        )

    @contextmanager
    def started(self, *words: object, **env: str) -> Iterator[subprocess.Popen[str]]:
        """Start it with a pipe for its output; nothing emulated runs on after the block."""

        def ours(line: list[str]) -> bool:
            return line[0].endswith(EMULATOR)

        environment = self.environment(**env)
        with self.namespace.started(self.command(*words), ours, env=environment) as child:
            yield child

    def command(self, *words: object) -> list[str]:
        """What runs ``words``."""
        return [*self.namespace.entering, *map(str, words)]

    def environment(self, **env: str) -> dict[str, str]:
        """Ours, with the C library that arm64 programs are to find."""
        return {**os.environ, "QEMU_LD_PREFIX": str(self.sysroot), **env}

    def running(self, program: Path) -> list[int]:
        """Ids, as this machine counts, of the processes that run a program of this path.

        The kernel puts qemu before it, and an interpreter that was started by the launcher is
        the same process under another name.
        """
        return [
            pid
            for pid, words in self.namespace.processes().items()
            if words[1:] and words[1] == str(program)
        ]


@contextmanager
def session(sysroot: Path) -> Iterator[Qemu]:
    """An emulation whose C library is in ``sysroot``."""
    with Namespace(_SETUP, shutil.which(EMULATOR), as_user=True) as namespace:
        yield Qemu(namespace, sysroot)
