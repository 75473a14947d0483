"""Trees for systems that nothing here runs: read, not run.

The interpreters are stand-ins (:mod:`foreign.stubs`); launcher, wheels and layout are real.
"""

from __future__ import annotations

from pathlib import Path

import lief
import pytest
from foreign.project import Project

MACS = ("mac-x64", "mac-arm64")
CPU = {
    "mac-x64": lief.MachO.Header.CPU_TYPE.X86_64,
    "mac-arm64": lief.MachO.Header.CPU_TYPE.ARM64,
}


@pytest.fixture(scope="module", params=MACS)
def mac(request, every_project: Project) -> tuple[str, Path]:
    every_project.assembled(request.param)
    return request.param, every_project.output / request.param


def binaries(tree: Path) -> dict[str, lief.MachO.Binary]:
    """Every Mach-O file of the tree."""
    found = {}
    for path in tree.rglob("*"):
        if path.is_file() and not path.is_symlink() and lief.is_macho(str(path)):
            (found[path.relative_to(tree).as_posix()],) = lief.MachO.parse(str(path))
    return found


def test_a_mac_tree_is_whole(mac, every_project: Project) -> None:
    _, tree = mac
    stdlib = tree / "python/lib/python3.12"
    assert (stdlib / "os.py").is_file()
    assert (stdlib / "site-packages/fastapi/__init__.py").is_file()
    assert {"peft_engine", "python/bin/python3.12"} < binaries(tree).keys()
    assert any("pydantic_core" in path for path in binaries(tree))
    assert not [path for path in tree.rglob("*") if path.suffix in (".exe", ".dll", ".pyd")]
    every_project.verify(tree)


def test_every_program_of_a_mac_tree_is_for_that_mac(mac) -> None:
    name, tree = mac
    wrong = [path for path, binary in binaries(tree).items() if binary.header.cpu_type != CPU[name]]
    assert wrong == []
    assert not [
        path for path in tree.rglob("*.so") if path.is_file() and not lief.is_macho(str(path))
    ]


def test_no_program_of_a_mac_tree_needs_a_newer_macos(mac) -> None:
    name, tree = mac
    floor = (11, 0) if name == "mac-x64" else (13, 0)
    newer = {
        path: oldest
        for path, binary in binaries(tree).items()
        if (oldest := oldest_system(binary)) > floor
    }
    assert newer == {}
    assert oldest_system(binaries(tree)["peft_engine"]) == (11, 0)


def oldest_system(binary: lief.MachO.Binary) -> tuple[int, int]:
    """The macOS a program was built for, as its load commands say."""
    found = binary.build_version.minos if binary.has_build_version else binary.version_min.version
    return found[0], found[1]


def test_apple_silicons_programs_are_signed(mac) -> None:
    """It refuses to start any that are not, if only ad hoc; Intel starts them all."""
    name, tree = mac
    if name == "mac-arm64":
        unsigned = [
            path for path, binary in binaries(tree).items() if not binary.has_code_signature
        ]
        assert unsigned == []


def test_programs_of_a_mac_tree_need_the_systems_libraries_or_the_trees(mac) -> None:
    _, tree = mac
    foreign = {
        f"{path}: {library.name}"
        for path, binary in binaries(tree).items()
        for library in binary.libraries
        if not library.name.startswith(("/usr/lib/", "/System/Library/", "@"))
    }
    assert foreign == set()


@pytest.mark.parametrize(
    ("name", "launcher", "program", "reads"),
    [
        ("win-arm64", "peft_engine.exe", "python/python.exe", lief.is_pe),
        ("linux-x64-musl", "peft_engine", "python/bin/python3.12", lief.is_elf),
    ],
)
def test_the_other_trees_are_whole(every_project, name, launcher, program, reads) -> None:
    tree = every_project.assembled(name).output / name
    assert reads(str(tree / launcher))
    assert reads(str(tree / program))
    every_project.verify(tree)
