"""A real CPython for arm64 Linux (and the same for x64), from Debian, laid out as
python-build-standalone's is: found relative to its own executable, its libraries beside it.

Debian's packages are fetched under an apt root of our own, so that the machine's architectures
and lists stay as they are. The C library is left to the system, as python-build-standalone does;
for qemu there is a system root with it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from foreign import pbs
from foreign.store import made
from packaging.version import Version

from runtime_packager.platforms import find_target

SUITE, SHORT = "bookworm", "3.11"
PYTHON = Version("3.11.2")
FLOOR = "2.36"
"""The suite's glibc, which its programs may need."""

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ARCHITECTURES = {"linux-arm64": "arm64", "linux-x64": "amd64"}
MODULES = ("debian.py", "pbs.py")
_SYSTEM = re.compile(r"(ld-linux.*|lib(c|m|dl|rt|pthread|util|resolv|nsl|crypt|gcc_s)\.so.*)")
"""Libraries that every system has, or that only modules need which nobody misses."""
_WITHOUT_LIBRARIES = ("nis", "_dbm", "_crypt", "_curses", "_curses_panel", "readline")
"""Extension modules that Debian builds and we leave out, with what they need."""


def archive(name: str) -> pbs.Archive:
    """The archive for ``linux-arm64`` or ``linux-x64``."""
    target = find_target(name)

    def make(folder: Path) -> None:
        prefix = folder / "python"
        _lay_out(packages(name), prefix)
        pbs.pack(prefix, folder, PYTHON, target)
        shutil.rmtree(prefix)

    return pbs.found(made(name, MODULES, mirror(), make), PYTHON, target)


def sysroot(name: str) -> Path:
    """A directory with nothing but the C library of ``name``: what ``qemu -L`` takes."""

    def make(folder: Path) -> None:
        source = packages(name)
        for top in ("lib", "lib64"):
            if (source / top).is_dir():
                shutil.copytree(source / top, folder / top, symlinks=True)
        machine = find_target(name).machine
        shutil.copy(source / f"lib/{machine}-linux-gnu/libgcc_s.so.1", folder / "lib")

    return made(f"sysroot-{name}", MODULES, mirror(), make)


def packages(name: str) -> Path:
    """Everything that Debian's python needs, extracted."""

    def make(folder: Path) -> None:
        apt = folder / "apt"
        _apt(apt, name, "update")
        install = ("install", "--yes", "--no-install-recommends", "--download-only")
        _apt(apt, name, *install, f"python{SHORT}")
        for package in (apt / "cache/archives").glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
            if package.name.startswith(f"python{SHORT}-minimal_"):
                assert package.name.split("_")[1].startswith(f"{PYTHON}-"), package.name
        shutil.rmtree(apt)

    return made(f"debian-{name}", MODULES, mirror(), make)


def mirror() -> str:
    """The Debian mirror that this machine's apt is set up with."""
    form = "$(ORIGIN)|$(LABEL)|$(REPO_URI)"
    words = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    (first, *_) = sorted(set(re.findall(r"^Debian\|Debian\|(.*)$", done.stdout, re.MULTILINE)))
    return str(first)


def _apt(root: Path, name: str, *words: str) -> None:
    """apt-get with a state, lists and cache of its own, for one architecture."""
    architecture = ARCHITECTURES[name]
    for folder in ("lists/partial", "cache/archives/partial"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "status").touch()
    line = f"deb [arch={architecture} signed-by={KEYRING}] {mirror()} {SUITE} main\n"
    (root / "sources.list").write_text(line)
    options = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Dir::Cache": str(root / "cache"),
        "Dir::Etc::sourcelist": str(root / "sources.list"),
        "Dir::Etc::sourceparts": "-",
        "Dir::State": str(root),
        "Dir::State::lists": str(root / "lists"),
        "Dir::State::status": str(root / "status"),
    }
    settings = [word for item in options.items() for word in ("-o", "=".join(item))]
    done = subprocess.run(["apt-get", "--quiet", *settings, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _lay_out(source: Path, prefix: Path) -> None:
    machine = _machine(source)
    (prefix / "bin").mkdir(parents=True)
    shutil.copy(source / f"usr/bin/python{SHORT}", prefix / "bin")
    for alias in ("python", "python3"):
        (prefix / "bin" / alias).symlink_to(f"python{SHORT}")
    stdlib = prefix / f"lib/python{SHORT}"
    shutil.copytree(source / f"usr/lib/python{SHORT}", stdlib, symlinks=True)
    pbs.drop(stdlib, "sitecustomize.py", "EXTERNALLY-MANAGED", "**/__pycache__", "dist-packages")
    pbs.drop(stdlib, *(f"lib-dynload/{module}.cpython*" for module in _WITHOUT_LIBRARIES))
    (stdlib / "site-packages").mkdir()
    (stdlib / "site-packages/README.txt").write_text("Packages are installed here.\n")
    _undo_debian(stdlib)
    header = prefix / f"include/python{SHORT}/patchlevel.h"
    header.parent.mkdir(parents=True)
    header.write_text(f'#define PY_VERSION "{PYTHON}"\n')
    _bring_libraries(source, prefix, machine)


def _machine(source: Path) -> str:
    (loader,) = source.glob("lib/*-linux-gnu")
    return loader.name.partition("-")[0]


def _undo_debian(stdlib: Path) -> None:
    """Debian keeps ``site-packages`` for virtual environments; ours is for all.

    Its ``site`` is frozen into the program, so what it leaves out is added after it has run.
    """
    (stdlib / "sitecustomize.py").write_text(
        "import os, site\n"
        "site.addsitedir(os.path.join(os.path.dirname(os.__file__), 'site-packages'))\n"
    )
    question = 'sys.base_prefix != sys.prefix or hasattr(sys, "real_prefix")'
    text = (stdlib / "sysconfig.py").read_text()
    assert text.count(question) == 1
    (stdlib / "sysconfig.py").write_text(text.replace(question, "True"))


def _bring_libraries(source: Path, prefix: Path, machine: str) -> None:
    lib = prefix / "lib"
    modules = sorted((lib / f"python{SHORT}/lib-dynload").glob("*.so"))
    program = prefix / f"bin/python{SHORT}"
    brought: list[Path] = []
    wanted = {name for path in (program, *modules) for name in _needed(path)}
    while wanted := {name for name in wanted if not _SYSTEM.fullmatch(name)}:
        name = wanted.pop()
        if (lib / name).exists():
            continue
        brought.append(lib / name)
        shutil.copy(_library(source, machine, name), lib / name)
        wanted |= set(_needed(lib / name))
    for path in modules:
        path.chmod(0o755)
    for rpath, paths in (
        ("$ORIGIN/../lib", [program]),
        ("$ORIGIN/../..", modules),
        ("$ORIGIN", brought),
    ):
        subprocess.run(["patchelf", "--set-rpath", rpath, *paths], check=True)


def _library(source: Path, machine: str, name: str) -> Path:
    for folder in ("lib", "usr/lib"):
        path = source / folder / f"{machine}-linux-gnu" / name
        if path.exists():
            return path.resolve()
    raise AssertionError(f"{name} is in none of the packages")


def _needed(path: Path) -> list[str]:
    done = subprocess.run(
        ["patchelf", "--print-needed", path], capture_output=True, text=True, check=True
    )
    return done.stdout.split()
