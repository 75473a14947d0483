"""Archives laid out as python-build-standalone lays them out, a few hundred bytes each."""

from __future__ import annotations

import struct
import tarfile
from typing import Any

from fakes.tarball import file, link, tar_gz
from packaging.version import Version

from runtime_packager.platforms import Target

Member = tuple[tarfile.TarInfo, bytes]

_ELF = {"x86_64": 62, "aarch64": 183}
_PE = {"x86_64": 0x8664, "aarch64": 0xAA64}
_MACHO = {"x86_64": 0x01000007, "aarch64": 0x0100000C}


def program(target: Target) -> bytes:
    """The head of a program for ``target``: enough to tell its format and machine."""
    arch = target.triple.partition("-")[0]
    if target.os == "linux":
        return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 2, _ELF[arch]) + bytes(44)
    if target.os == "mac":
        return b"\xcf\xfa\xed\xfe" + struct.pack("<I", _MACHO[arch]) + bytes(24)
    stub = b"MZ" + bytes(58) + struct.pack("<I", 64)
    return stub + b"PE\0\0" + struct.pack("<H", _PE[arch]) + bytes(18)


def patchlevel(python: Version) -> bytes:
    """The header that says which version it is."""
    return f'/* Version */\n#define PY_VERSION      \t"{python}"\n'.encode()


def members(python: Version, target: Target, root: str = "python") -> list[Member]:
    """The members of an official archive, some of everything."""
    return _windows(python, target, root) if target.is_windows else _unix(python, target, root)


def _unix(python: Version, target: Target, root: str) -> list[Member]:
    short = f"{python.major}.{python.minor}"
    lib = f"{root}/lib/python{short}"
    found = [
        link(f"{root}/bin/python", f"python{short}"),
        link(f"{root}/bin/python3", f"python{short}"),
        file(f"{root}/bin/python{short}", program(target), 0o755),
        file(f"{root}/bin/pip3", b"#!/bin/sh\n", 0o755),
        file(f"{root}/include/python{short}/patchlevel.h", patchlevel(python)),
        file(f"{lib}/os.py", b"import abc\n"),
        file(f"{lib}/__pycache__/os.cpython-3.pyc", b"stale"),
        file(f"{lib}/lib-dynload/_x.so", program(target), 0o755),
        file(f"{lib}/site-packages/README.txt", b"here go packages\n"),
        file(f"{lib}/site-packages/pip/__init__.py"),
    ]
    if target.os == "linux":
        found += [
            link(f"{root}/lib/libpython{short}.so", f"libpython{short}.so.1.0"),
            file(f"{root}/lib/libpython{short}.so.1.0", b"shared" + program(target), 0o755),
            file(f"{root}/share/terminfo/x/xterm", b"terminal"),
            file(f"{root}/share/terminfo/N/NCR", b"terminal"),
            link(f"{root}/share/terminfo/n/ncr", "../N/NCR"),
            link(f"{root}/share/terminfo/x/xterm-color", "xterm"),
        ]
    return found


def _windows(python: Version, target: Target, root: str) -> list[Member]:
    return [
        file(f"{root}/python.exe", program(target)),
        file(f"{root}/pythonw.exe", program(target)),
        file(f"{root}/include/patchlevel.h", patchlevel(python)),
        file(f"{root}/Lib/os.py", b"import abc\n"),
        file(f"{root}/Lib/site-packages/pip/__init__.py"),
        file(f"{root}/DLLs/_x.pyd", program(target)),
    ]


def archive(python: Version, target: Target, extra: list[Member] | None = None) -> bytes:
    """An official archive, with ``extra`` members at its end."""
    return tar_gz([*members(python, target), *(extra or [])])


def npm_archive(python: Version, target: Target) -> bytes:
    """The same as an npm package has it: links are copies or gone, no execute bits."""
    short = f"{python.major}.{python.minor}"
    root = "package/python"
    kept: list[Member] = [
        file(info.name, data)
        for info, data in members(python, target, root)
        if info.isreg() and "/terminfo/" not in info.name
    ]
    extra: list[Any] = [
        file(f"{root}/bin/python3", program(target)),  # bin/python is gone
        file(f"{root}/lib/libpython{short}.so", b"shared" + program(target)),
        file(f"{root}/lib/python{short}/site-packages/other/__init__.py"),
        file(f"{root}/share/terminfo/X/xterm", b"terminal"),
        file("package/package.json", b"{}"),
    ]
    return tar_gz([*kept, *extra])
