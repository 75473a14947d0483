"""Compiles the launcher for every target, on any host, with the C compiler of ``ziglang``.

``python -m runtime_packager.launcher.build`` builds what is out of date into ``launcher/bin``.
The wheel's build hook loads this file by its path, in an environment that holds no more than
``ziglang``, so it imports the standard library only.

Linux is linked statically against musl: one file then runs on glibc of any age and on musl, and
no dynamic loader costs time before the interpreter's own. What glibc does better (locales, name
lookup) a program that ends in ``execve`` has no use for.

The bytes depend on the sources, the flags and the compiler's version, not on where, when or for
which directory they are built: source names are relative, there is no debug information, and the
output always has the same name, which a macOS binary's signature contains.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent / "src"
BINARIES = Path(__file__).parent / "bin"
STAMP = "stamp"
"""Beside each binary: what it was made from and what its bytes are."""

PARALLEL = 2
"""Compilers at a time. Each keeps a core busy; more would fight over the compiler's own cache."""

_COMMON_SOURCES = ("common.c", "config.c")
_UNIX_SOURCES = (
    *_COMMON_SOURCES, "unix.c", "unix_report.c", "unix_guard.c", "family.c", "refusal.c",
)  # fmt: skip
LINUX_SOURCES = (*_UNIX_SOURCES, "guard_linux.c")
MACOS_SOURCES = (*_UNIX_SOURCES, "guard_macos.c")
_WINDOWS_SOURCES = (
    *_COMMON_SOURCES, "windows.c", "windows_report.c", "windows_command.c", "windows_guard.c",
)  # fmt: skip
COMMON_FLAGS = (
    "-std=gnu11", "-Os", "-s", "-g0", "-ffile-prefix-map=.=launcher",
    "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror",
)  # fmt: skip
_WINDOWS_FLAGS = ("-municode", "-Wl,--subsystem,windows")
_WINDOWS_LIBRARIES = ("-lntdll", "-luser32")


class CompileError(RuntimeError):
    """The compiler is not there or refused the sources; its words are in the message."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one binary is made.

    :param triple: the compiler's name of the system it is made for.
    :param sources: the files of ``src`` for this system.
    """

    triple: str
    sources: tuple[str, ...]
    flags: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    suffix: str = ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The compiler's arguments but for the output."""
        flags = (*COMMON_FLAGS, *self.flags)
        return ("-target", self.triple, *flags, *self.sources, *self.libraries)


def _windows(triple: str) -> Recipe:
    return Recipe(triple, _WINDOWS_SOURCES, _WINDOWS_FLAGS, _WINDOWS_LIBRARIES, ".exe")


RECIPES = {
    "linux-x64": Recipe("x86_64-linux-musl", LINUX_SOURCES),
    "linux-arm64": Recipe("aarch64-linux-musl", LINUX_SOURCES),
    "win-x64": _windows("x86_64-windows-gnu"),
    "win-arm64": _windows("aarch64-windows-gnu"),
    "mac-x64": Recipe("x86_64-macos.11.0", MACOS_SOURCES),
    "mac-arm64": Recipe("aarch64-macos.11.0", MACOS_SOURCES),
    "linux-x64-musl": Recipe("x86_64-linux-musl", LINUX_SOURCES),
}
"""Every target's recipe. Targets with equal recipes share one compilation."""


def binary_path(target: str, out: Path = BINARIES) -> Path:
    """Where the launcher of ``target`` (a canonical name) lies once it is built."""
    return out / target / f"launcher{RECIPES[target].suffix}"


def build(
    targets: Iterable[str] = RECIPES,
    out: Path = BINARIES,
    *,
    sources: Path = SOURCES,
    report: Callable[[str], None] = lambda line: None,
) -> list[Path]:
    """Compile what is out of date; return the binaries of all ``targets``, in their order.

    :param out: receives ``<target>/launcher[.exe]`` and a stamp for each target.
    :param report: called with one line for each target, from several threads.
    :raises CompileError: when the compiler is missing or fails.
    """
    wanted = list(targets)
    groups: dict[Recipe, list[str]] = {}
    for target in wanted:
        groups.setdefault(RECIPES[target], []).append(target)
    with ThreadPoolExecutor(PARALLEL) as pool:
        jobs = [
            pool.submit(_build_group, recipe, names, out, sources, report)
            for recipe, names in groups.items()
        ]
        for job in jobs:
            job.result()
    return [binary_path(target, out) for target in wanted]


def _build_group(
    recipe: Recipe, targets: list[str], out: Path, sources: Path, report: Callable[[str], None]
) -> None:
    digest = _input_digest(recipe, sources)
    stale = [target for target in targets if not _is_current(target, out, digest)]
    for target in targets:
        if target not in stale:
            report(f"{target}: up to date")
    if not stale:
        return
    with tempfile.TemporaryDirectory() as scratch:
        binary = Path(scratch) / f"launcher{recipe.suffix}"
        _compile(recipe, sources, binary)
        for target in stale:
            _place(binary, binary_path(target, out), digest)
            report(f"{target}: built, {binary.stat().st_size:,} bytes")


def _input_digest(recipe: Recipe, sources: Path) -> str:
    """Hex SHA-256 of all that decides the bytes."""
    digest = hashlib.sha256(repr((_compiler_version(), recipe.arguments)).encode())
    for path in sorted(sources.glob("*.[ch]")):
        data = path.read_bytes()
        digest.update(f"\n{path.name} {len(data)}\n".encode() + data)
    return digest.hexdigest()


def _compiler_version() -> str:
    if importlib.util.find_spec("ziglang") is None:
        raise CompileError(
            f"the launcher's compiler is missing: ziglang is not installed for {sys.executable}; "
            "hint: install the package ziglang"
        )
    return importlib.metadata.version("ziglang")


def _is_current(target: str, out: Path, digest: str) -> bool:
    binary = binary_path(target, out)
    try:
        return (binary.parent / STAMP).read_text() == _stamp(digest, binary)
    except FileNotFoundError:
        return False


def _stamp(digest: str, binary: Path) -> str:
    return f"input {digest}\noutput {hashlib.sha256(binary.read_bytes()).hexdigest()}\n"


def _compile(recipe: Recipe, sources: Path, output: Path) -> None:
    command = [sys.executable, "-m", "ziglang", "cc", *recipe.arguments, "-o", str(output)]
    done = subprocess.run(
        command, cwd=sources, check=False, capture_output=True, text=True, errors="replace"
    )
    if done.returncode != 0 or not output.is_file():
        raise CompileError(f"the launcher for {recipe.triple} did not compile:\n{done.stderr}")


def _place(binary: Path, final: Path, digest: str) -> None:
    """Put the binary in place by a rename, so that nobody ever starts half of it."""
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=final.parent) as scratch:
        copy = Path(shutil.copyfile(binary, Path(scratch) / final.name))
        copy.chmod(0o755)
        copy.replace(final)
    (final.parent / STAMP).write_text(_stamp(digest, final))


def main(arguments: Sequence[str] | None = None) -> int:
    """The developers' entry: build and say what was done. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m runtime_packager.launcher.build")
    parser.add_argument("--target", action="append", choices=list(RECIPES), help="default: all")
    parser.add_argument("--out", type=Path, default=BINARIES, help="default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        build(options.target or RECIPES, options.out, report=_print)
    except CompileError as error:
        _print(f"error: {error}")
        return 4
    return 0


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    raise SystemExit(main())
