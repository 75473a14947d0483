"""Native files for every system, made by the compiler that makes the launcher.

Nothing is linked against a system's own libraries, which that compiler would have to build first:
stand-ins with the same sonames and symbol versions give the same facts.
"""

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from runtime_packager.binaries import Binary, read_layers
from runtime_packager.entries import FileEntry, Layer
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Silent

LINUX, ARM_LINUX = "x86_64-linux-gnu", "aarch64-linux-gnu"
WINDOWS = "x86_64-windows-gnu"
MAC, ARM_MAC = "x86_64-macos.11.0", "aarch64-macos.13.0"

PLAIN = "int answer(void) { return 42; }\n"
NEEDY = "int answer(void);\nint ask(void) { return answer(); }\n"
DLL = "int DllMainCRTStartup(void *a, unsigned b, void *c) { return 1; }\n__declspec(dllexport) "


class Compiler:
    """Builds one file a call, in its own directory; says where it is."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def build(
        self, name: str, triple: str, source: str, *flags: str | Path, script: str = ""
    ) -> Path:
        """The shared library ``name``; ``script`` is an ELF version script."""
        facts = repr((name, triple, source, flags, script))
        place = self.home / hashlib.sha256(facts.encode()).hexdigest()[:16]
        if place.is_dir():
            return place / name
        place.mkdir()
        (place / "source.c").write_text(source)
        (place / "versions").write_text(script)
        command = [sys.executable, "-m", "ziglang", "cc", "-target", triple, "-nostdlib"]
        command += ["-shared", "-s", *flags, "source.c", "-o", name]
        command += ["-Wl,--version-script,versions"] if script else []
        done = subprocess.run(command, cwd=place, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return place / name

    def linux(self, *rpaths: str, soname: str = "libanswer.so", triple: str = LINUX) -> Path:
        """A Linux library that needs ``soname``."""
        needed = self.build(soname, triple, PLAIN, f"-Wl,-soname,{soname}")
        flags = [f"-Wl,-rpath,{rpath}" for rpath in rpaths]
        return self.build("needy.so", triple, NEEDY, needed, *flags)

    def glibc(self, version: str) -> Path:
        """A Linux library that needs this version of glibc, such as ``2.34``."""
        script = f"GLIBC_{version} {{ answer; }};"
        needed = self.build("libc.so.6", LINUX, PLAIN, "-Wl,-soname,libc.so.6", script=script)
        return self.build("needy.so", LINUX, NEEDY, needed)

    def windows(self, needed: str = "answer.dll") -> Path:
        """A Windows library that needs ``needed``."""
        dll = self.build(needed, WINDOWS, DLL + PLAIN, "-Wl,--out-implib,answer.lib")
        source = (
            "__declspec(dllimport) int answer(void);\n" + DLL + "int ask(void) { return answer(); }"
        )
        return self.build("needy.pyd", WINDOWS, source, dll.with_name("answer.lib"))

    def mac(
        self, install_name: str, *rpaths: str, triple: str = ARM_MAC, weak: bool = False
    ) -> Path:
        """A macOS library that needs ``install_name``, weakly if it says so."""
        name = "libanswer.dylib"
        needed = self.build(name, triple, PLAIN, f"-Wl,-install_name,{install_name}")
        flags = [f"-Wl,-rpath,{rpath}" for rpath in rpaths]
        link = [f"-L{needed.parent}", "-weak-lanswer"] if weak else [needed]
        return self.build("needy.so", triple, NEEDY, *link, *flags)


def layer_of(files: Mapping[str, Path], origin: str = "pkg 1.0") -> Layer:
    """A layer that has these files at these paths."""
    entries = []
    for path, source in files.items():
        data = source.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        entries.append(FileEntry(path, len(data), digest, False, source))
    return Layer(origin, tuple(entries))


def read(files: Mapping[str, Path], cache: Path) -> tuple[Binary, ...]:
    """What the reader says about these files."""
    return read_layers([layer_of(files)], Cache(cache), Silent())
