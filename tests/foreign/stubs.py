"""Interpreters of which only the structure is real: for systems whose CPython cannot be had here.

Files lie where python-build-standalone puts them, programs and extension modules have the right
format, processor and floor, and the standard library is the real one of another target. Nothing
of it starts: the programs exit and the modules are empty.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from foreign import pbs, windows
from packaging.version import Version

from runtime_packager.platforms import Target, find_target

ZIG = {
    "linux-arm64": "aarch64-linux-gnu.2.17",
    "linux-x64-musl": "x86_64-linux-musl",
    "mac-x64": "x86_64-macos.10.15",
    "mac-arm64": "aarch64-macos.11.0",
    "win-arm64": "aarch64-windows-gnu",
}
"""The compiler's name of each system, with the floor that python-build-standalone builds for."""

_PROGRAM = "int main(void) { return 70; }\n"
_MODULE = "{export} void *PyInit_stub(void) {{ return 0; }}\n"


def lay_out(target: Target, python: Version, real: Path, prefix: Path) -> None:
    """Fill ``prefix`` for ``target``.

    :param real: the prefix of the host's CPython of this version: its standard library, and which
        extension modules there are.
    """
    if target.name == "linux-x64":
        shutil.copytree(real, prefix, symlinks=True)
    elif target.is_windows:
        _windows(target, python, prefix)
    else:
        _unix(target, python, real, prefix)


def _unix(target: Target, python: Version, real: Path, prefix: Path) -> None:
    short = f"{python.major}.{python.minor}"
    ignored = shutil.ignore_patterns("__pycache__", "lib-dynload", "_sysconfigdata*", "*.so")
    shutil.copytree(real / f"lib/python{short}", prefix / f"lib/python{short}", ignore=ignored)
    shutil.copytree(real / f"include/python{short}", prefix / f"include/python{short}")
    _compile(target, _PROGRAM, prefix / f"bin/python{short}")
    for alias in ("python", "python3"):
        (prefix / "bin" / alias).symlink_to(f"python{short}")
    ending = target.extension_suffixes(python)[0]
    module = _module(target, prefix / f"lib/python{short}/lib-dynload/_ctypes_test{ending}")
    for path in (real / f"lib/python{short}/lib-dynload").glob("*.so"):
        name = path.name.partition(".")[0]
        copy = module.with_name(f"{name}{ending}")
        if copy != module:
            shutil.copy(module, copy)
    library = f"libpython{short}.dylib" if target.os == "mac" else f"libpython{short}.so.1.0"
    shutil.copy(module, prefix / "lib" / library)


def _windows(target: Target, python: Version, prefix: Path) -> None:
    """The real layout of win-x64, with a stub in every program's place but on x64 itself."""
    windows.unpack(prefix)
    header = prefix / "include/patchlevel.h"
    header.write_text(header.read_text().replace(f'"{windows.PYTHON}"', f'"{python}"'))
    if target.name == windows.TARGET.name:
        return
    program = _compile(target, _PROGRAM, prefix / "python.exe")
    shutil.copy(program, prefix / "pythonw.exe")
    module = _module(target, prefix / "python3.dll")
    ending = target.extension_suffixes(python)[0]
    for path in [*prefix.rglob("*.dll"), *prefix.rglob("*.pyd")]:
        if path != module:
            shutil.copy(module, path)
        if ".cp" in path.name:
            path.rename(path.with_name(path.name.partition(".")[0] + ending))
    pbs.drop(prefix, "Lib/**/*.exe")  # pip's and distlib's, for other processors


def _module(target: Target, output: Path) -> Path:
    export = "__declspec(dllexport)" if target.is_windows else ""
    # A library for macOS carries its own name, by default the path it was compiled to.
    name = ["-Wl,-install_name,@rpath/stub.so"] if target.os == "mac" else []
    return _compile(target, _MODULE.format(export=export), output, "-shared", *name)


def _compile(target: Target, source: str, output: Path, *flags: str) -> Path:
    output.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "ziglang", "cc", "-target", ZIG[target.name], "-Os", "-s"]
    command += ["-g0", *flags, "-x", "c", "-", "-o", str(output)]
    done = subprocess.run(command, input=source, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    for leftover in (*output.parent.glob("*.pdb"), *output.parent.glob("*.lib")):
        leftover.unlink()
    output.chmod(0o755)
    return output


def make(target: Target, python: Version, real: Path, folder: Path) -> None:
    """Put the archive for ``target`` into ``folder``."""
    prefix = folder / "python"
    lay_out(target, python, real, prefix)
    pbs.pack(prefix, folder, python, target)
    shutil.rmtree(prefix)


def targets() -> list[Target]:
    """All seven that have an interpreter of their own."""
    return [find_target(name) for name in ("linux-x64", "win-x64", *ZIG)]
