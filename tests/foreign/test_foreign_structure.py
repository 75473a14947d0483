"""Trees for systems that nothing here runs: read, not run.

The interpreters are stand-ins (:mod:`foreign.stubs`); launcher, wheels and layout are real.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import lief
import pytest
from foreign.project import Project

from runtime_packager.platforms import find_target

MACS = ("mac-x64", "mac-arm64")
CPU = {
    "mac-x64": lief.MachO.Header.CPU_TYPE.X86_64,
    "mac-arm64": lief.MachO.Header.CPU_TYPE.ARM64,
}


@pytest.fixture(scope="module", params=MACS)
def mac(request, every_project: Project) -> tuple[str, Path]:
    return request.param, every_project.output / request.param


@dataclass(frozen=True)
class MachO:
    """What a test asks of a Mach-O file.

    :param oldest: the macOS it was built for, as its load commands say.
    """

    cpu: lief.MachO.Header.CPU_TYPE
    oldest: tuple[int, int]
    signed: bool
    libraries: tuple[str, ...]


def programs(path: Path) -> list[MachO]:
    """The programs in a file, one for each processor."""
    parsed = lief.MachO.parse(str(path))
    assert parsed is not None
    # Values are copied while ``parsed`` lives: what lief hands out of it ends with it.
    return [copied(parsed.at(index)) for index in range(parsed.size)]


def copied(binary: lief.MachO.Binary) -> MachO:
    version = binary.build_version.minos if binary.has_build_version else binary.version_min.version
    return MachO(
        binary.header.cpu_type,
        (version[0], version[1]),
        binary.has_code_signature,
        tuple(str(library.name) for library in binary.libraries),
    )


def binaries(tree: Path) -> dict[str, MachO]:
    """Every Mach-O file of a tree for one processor."""
    found = {}
    for path in tree.rglob("*"):
        if path.is_file() and not path.is_symlink() and lief.is_macho(str(path)):
            (found[path.relative_to(tree).as_posix()],) = programs(path)
    return found


def test_a_mac_tree_is_whole(mac, every_project: Project) -> None:
    _, tree = mac
    stdlib = tree / "python/lib/python3.12"
    assert (stdlib / "os.py").is_file()
    assert (stdlib / "site-packages/fastapi/__init__.py").is_file()
    found = binaries(tree)
    assert {"peft_engine", "python/bin/python3.12"} < found.keys()
    assert any("pydantic_core" in path for path in found)
    assert not [path for path in tree.rglob("*") if path.suffix in (".exe", ".dll", ".pyd")]
    every_project.verify(tree)


def test_every_program_of_a_mac_tree_is_for_that_mac(mac) -> None:
    name, tree = mac
    found = binaries(tree)
    assert [path for path, binary in found.items() if binary.cpu != CPU[name]] == []
    libraries = {path.relative_to(tree).as_posix() for path in tree.rglob("*.so")}
    assert libraries - found.keys() == set()


def test_no_program_of_a_mac_tree_needs_a_newer_macos(mac) -> None:
    name, tree = mac
    floor = find_target(name).floor
    found = binaries(tree)
    assert {path: b.oldest for path, b in found.items() if b.oldest > floor} == {}
    assert found["peft_engine"].oldest == (11, 0)


def test_apple_silicons_programs_are_signed(mac) -> None:
    """It refuses to start any that are not, if only ad hoc; Intel starts them all."""
    name, tree = mac
    if name == "mac-arm64":
        assert [path for path, binary in binaries(tree).items() if not binary.signed] == []


def test_programs_of_a_mac_tree_need_the_systems_libraries_or_the_trees(mac) -> None:
    _, tree = mac
    foreign = {
        f"{path}: {library}"
        for path, binary in binaries(tree).items()
        for library in binary.libraries
        if not library.startswith(("/usr/lib/", "/System/Library/", "@"))
    }
    assert foreign == set()


def test_a_universal_mac_tree_is_both(every_project: Project) -> None:
    tree = every_project.output / "mac-universal"
    cpus = {
        name: {program.cpu for program in programs(tree / name)}
        for name in ("peft_engine", "python/bin/python3.12")
    }
    assert all(found == set(CPU.values()) for found in cpus.values()), cpus
    every_project.verify(tree)


@pytest.mark.parametrize(
    ("name", "launcher", "program", "reads"),
    [
        ("linux-x64", "peft_engine", "python/bin/python3.12", lief.is_elf),
        ("linux-arm64", "peft_engine", "python/bin/python3.12", lief.is_elf),
        ("linux-x64-musl", "peft_engine", "python/bin/python3.12", lief.is_elf),
        ("win-x64", "peft_engine.exe", "python/python.exe", lief.is_pe),
        ("win-arm64", "peft_engine.exe", "python/python.exe", lief.is_pe),
    ],
)
def test_the_other_trees_of_one_run_are_whole(
    every_project: Project, name, launcher, program, reads
) -> None:
    tree = every_project.output / name
    assert reads(str(tree / launcher))
    assert reads(str(tree / program))
    every_project.verify(tree)
