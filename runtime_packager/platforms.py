"""What a target is: its names, wheel tags, marker environment, tree layout and floors.

A target never asks the host anything; everything about it is stated here. Names follow
electron-builder's ``${os}-${arch}`` macros (its ``${os}`` is the target's).

A floor is the oldest system a tree may need: wheels that ask for a newer one are not taken, and
binaries that do are refused. It is the target's, changed by :meth:`Target.with_floor` alone.
"""

from __future__ import annotations

import difflib
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.version import Version

from runtime_packager.errors import InputError

Os = Literal["linux", "win", "mac"]

_LEGACY_MANYLINUX = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
"""PEP 600's aliases of the tags that came before it."""

_OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}
"""The first glibc 2.x for which PEP 513 and PEP 599 define a manylinux tag, per machine."""


@dataclass(frozen=True)
class Target:
    """A platform a runtime is assembled for.

    :param name: canonical, for example ``linux-x64``.
    :param machine: what Python's ``platform.machine()`` says there.
    :param triple: python-build-standalone's name of the platform.
    :param floor: (major, minor) of the oldest glibc, musl or macOS wheels may need; for
        Windows (10, 0).
    :param aliases: other names people use for it.
    :param parts: the names of the targets a universal one is made from; empty for any other.
    """

    name: str
    os: Os
    machine: str
    triple: str
    floor: tuple[int, int]
    aliases: tuple[str, ...]
    musl: bool = False
    parts: tuple[str, ...] = ()

    @property
    def architectures(self) -> tuple[str, ...]:
        """What its programs are made for: ``x86_64``, ``aarch64``, or both in one file."""
        if self.parts:
            return tuple(find_target(part).architectures[0] for part in self.parts)
        return (self.triple.partition("-")[0],)

    @property
    def floor_kind(self) -> str | None:
        """The name of its floor among :data:`FLOORS`; ``None`` where there is no choice."""
        match self.os:
            case "linux":
                return "musl" if self.musl else "glibc"
            case "mac":
                return None if self.parts else f"macos-{self.name.removeprefix('mac-')}"
            case _:
                return None

    def with_floor(self, floor: tuple[int, int]) -> Target:
        """The same target for systems from ``floor`` on."""
        return replace(self, floor=floor)

    def runs_on(self, host: Target) -> bool:
        """Whether its tree can be started on ``host``; emulators are not counted on."""
        return host.name in (self.name, *self.parts)

    @property
    def is_windows(self) -> bool:
        """Whether the tree has Windows' layout (``python/python.exe``, ``Lib``)."""
        return self.os == "win"

    @property
    def executable_suffix(self) -> str:
        """``.exe`` on Windows, else empty."""
        return ".exe" if self.is_windows else ""

    def interpreter(self, python: Version) -> str:
        """The interpreter's path in the tree."""
        if self.is_windows:
            return "python/python.exe"
        return f"python/bin/python{python.major}.{python.minor}"

    def stdlib(self, python: Version) -> str:
        """The standard library's path in the tree."""
        if self.is_windows:
            return "python/Lib"
        return f"python/lib/python{python.major}.{python.minor}"

    def site_packages(self, python: Version) -> str:
        """The path in the tree where requirements are installed."""
        return f"{self.stdlib(python)}/site-packages"

    def extension_suffixes(self, python: Version) -> tuple[str, ...]:
        """The endings of extension modules its interpreter loads, in its order.

        As CPython's ``configure`` and ``dynload_win.c`` define them (``SOABI`` and
        ``PYD_TAGGED_SUFFIX``), for builds with the GIL.
        """
        tag = f"{python.major}{python.minor}"
        match self.os:
            case "win":
                return (f".cp{tag}-{self.wheel_platforms()[0]}.pyd", ".pyd")
            case "mac":
                return (f".cpython-{tag}-darwin.so", ".abi3.so", ".so")
            case _:
                libc = "musl" if self.musl else "gnu"
                soabi = f"cpython-{tag}-{self.machine}-linux-{libc}"
                return (f".{soabi}.so", ".abi3.so", ".so")

    def scripts(self) -> str:
        """The path in the tree where executables that wheels bring are installed."""
        return "python/Scripts" if self.is_windows else "python/bin"

    def wheel_platforms(self) -> list[str]:
        """Platform tags a wheel may have, best first.

        glibc by PEP 600 with its legacy aliases, musl by PEP 656, macOS by packaging's rules.
        Plain ``linux_*`` is never accepted: it promises nothing about the system it needs.
        """
        match self.os:
            case "win":
                return [f"win_{self.machine.lower()}"]
            case "mac":
                return list(mac_platforms(self.floor, self.machine))
            case _:
                return list(self._musllinux() if self.musl else self._manylinux())

    def _musllinux(self) -> Iterator[str]:
        major, newest = self.floor
        for minor in range(newest, -1, -1):
            yield f"musllinux_{major}_{minor}_{self.machine}"

    def _manylinux(self) -> Iterator[str]:
        major, newest = self.floor
        for minor in range(newest, _OLDEST_GLIBC[self.machine] - 1, -1):
            yield f"manylinux_{major}_{minor}_{self.machine}"
            if alias := _LEGACY_MANYLINUX.get((major, minor)):
                yield f"{alias}_{self.machine}"

    def tags(self, python: Version) -> list[Tag]:
        """Every tag a wheel may have for this target and CPython version, best first."""
        release, abi = (python.major, python.minor), f"cp{python.major}{python.minor}"
        platforms = self.wheel_platforms()
        return [
            *cpython_tags(release, [abi], platforms),
            *compatible_tags(release, abi, platforms),
        ]

    def markers(self, python: Version) -> dict[str, str]:
        """All 11 environment markers of PEP 508 as an interpreter on the target gives them.

        ``platform_release`` and ``platform_version`` depend on the user's machine, so they are
        empty, which PEP 508 allows: no requirement can select by them.
        """
        system = {"linux": "Linux", "win": "Windows", "mac": "Darwin"}[self.os]
        return {
            "implementation_name": "cpython",
            "implementation_version": str(python),
            "os_name": "nt" if self.is_windows else "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": system,
            "platform_version": "",
            "python_full_version": str(python),
            "python_version": f"{python.major}.{python.minor}",
            "sys_platform": {"linux": "linux", "win": "win32", "mac": "darwin"}[self.os],
        }

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name it answers to, lower case."""
        return frozenset({self.name, self.triple, *self.aliases})


FLOORS = {
    "glibc": (2, 28),
    "musl": (1, 2),
    "macos-x64": (11, 0),
    "macos-arm64": (13, 0),
}
"""Floors by kind. glibc 2.28 is RHEL 8's and Debian 10's, and most of today's wheels need it.
Intel Macs are held at old systems, so theirs stays low; every Mac with Apple's processor runs
macOS 13, and wheels for it ask for 12 or 13 by now."""

OLDEST_FLOORS = {
    "glibc": (2, 17),
    "musl": (1, 2),
    "macos-x64": (11, 0),
    "macos-arm64": (11, 0),
}
"""Below these nothing starts: python-build-standalone needs glibc 2.17, our launcher macOS 11."""

TARGETS = (
    Target(
        "linux-x64", "linux", "x86_64", "x86_64-unknown-linux-gnu", FLOORS["glibc"],
        ("linux-x86_64", "linux-amd64", "linux"),
    ),
    Target(
        "linux-arm64", "linux", "aarch64", "aarch64-unknown-linux-gnu", FLOORS["glibc"],
        ("linux-aarch64",),
    ),
    Target(
        "win-x64", "win", "AMD64", "x86_64-pc-windows-msvc", (10, 0),
        ("win32-x64", "windows-x64", "windows-x86_64", "windows-amd64", "win", "windows"),
    ),
    Target(
        "win-arm64", "win", "ARM64", "aarch64-pc-windows-msvc", (10, 0),
        ("win32-arm64", "windows-arm64", "windows-aarch64"),
    ),
    Target(
        "mac-x64", "mac", "x86_64", "x86_64-apple-darwin", FLOORS["macos-x64"],
        ("darwin-x64", "darwin-x86_64", "macos-x64", "macos-x86_64"),
    ),
    Target(
        "mac-arm64", "mac", "arm64", "aarch64-apple-darwin", FLOORS["macos-arm64"],
        ("darwin-arm64", "darwin-aarch64", "macos-arm64", "macos-aarch64"),
    ),
    Target(
        "linux-x64-musl", "linux", "x86_64", "x86_64-unknown-linux-musl", FLOORS["musl"],
        ("linux-musl-x64", "linux-x86_64-musl"), musl=True,
    ),
    Target(
        "mac-universal", "mac", "universal2", "universal2-apple-darwin", FLOORS["macos-x64"],
        ("darwin-universal", "macos-universal", "macos-universal2", "mac-universal2"),
        parts=("mac-x64", "mac-arm64"),
    ),
)  # fmt: skip
"""Every target, the six that have an interpreter and a processor of their own first."""

SINGLE_TARGETS = tuple(target for target in TARGETS if not target.parts)
"""Those with an interpreter, a lock and a launcher of their own."""

DEFAULT_TARGETS = tuple(target for target in TARGETS if not target.musl)
"""What a configuration without ``platforms`` means by ``all``."""


def find_target(name: str) -> Target:
    """The target that ``name`` (canonical or alias, any case) stands for.

    :raises InputError: for an unknown name; says the known ones and the nearest.
    """
    wanted = name.strip().lower()
    for target in TARGETS:
        if wanted in target.names:
            return target
    known = sorted({alias for target in TARGETS for alias in target.names})
    near = difflib.get_close_matches(wanted, known, n=1)
    listed = ", ".join(target.name for target in TARGETS)
    raise InputError(
        f"unknown platform {name!r}; known are {listed}",
        f"did you mean {find_target(near[0]).name}?" if near else None,
    )


def host_target() -> Target:
    """The target this process runs on.

    :raises InputError: on a system that is none of the targets.
    """
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine().lower(), platform.machine()
    )
    system = {"linux": "linux", "win32": "win", "darwin": "mac"}.get(sys.platform, sys.platform)
    musl = "-musl" if system == "linux" and platform.libc_ver()[0] != "glibc" else ""
    return find_target(f"{system}-{machine}{musl}")
