"""The binaries: what they are, that they are what the sources say, and how they enter a tree."""

from __future__ import annotations

import hashlib
import shutil
import struct
from pathlib import Path

import pytest

from runtime_packager.errors import BuildError
from runtime_packager.launcher import LINE_LIMIT, SIZE_LIMIT, launcher_entry
from runtime_packager.launcher.build import (
    RECIPES,
    SOURCES,
    CompileError,
    binary_path,
    build,
    main,
)
from runtime_packager.platforms import SINGLE_TARGETS, Target, find_target, host_target

ELF_MACHINES = {"x86_64": 62, "aarch64": 183}
PE_MACHINES = {"AMD64": 0x8664, "ARM64": 0xAA64}
MACHO_MACHINES = {"x86_64": 0x01000007, "arm64": 0x0100000C}
PT_INTERP = 3
PE_SUBSYSTEM_GUI = 2


def test_every_target_has_a_recipe() -> None:
    assert list(RECIPES) == [target.name for target in SINGLE_TARGETS]


@pytest.mark.parametrize("target", SINGLE_TARGETS, ids=lambda target: target.name)
def test_binary_is_for_its_target(target: Target) -> None:
    path = binary_path(target.name)
    if not path.is_file():
        pytest.skip(f"not built: python -m runtime_packager.launcher.build --target {target.name}")
    data = path.read_bytes()
    check = {"linux": check_elf, "win": check_pe, "mac": check_macho}[target.os]
    check(data, target.machine)
    assert len(data) < 100_000
    for trace in (b"/home/", b"/tmp/", str(SOURCES).encode()):
        assert trace not in data


def check_elf(data: bytes, machine: str) -> None:
    assert data[:6] == b"\x7fELF\x02\x01"
    assert struct.unpack_from("<H", data, 18) == (ELF_MACHINES[machine],)
    (table,), (size, count) = (
        struct.unpack_from("<Q", data, 32),
        struct.unpack_from("<HH", data, 54),
    )
    kinds = [struct.unpack_from("<I", data, table + size * index)[0] for index in range(count)]
    assert PT_INTERP not in kinds, "not static"


def check_pe(data: bytes, machine: str) -> None:
    (header,) = struct.unpack_from("<I", data, 0x3C)
    assert (data[:2], data[header : header + 4]) == (b"MZ", b"PE\0\0")
    assert struct.unpack_from("<H", data, header + 4) == (PE_MACHINES[machine],)
    assert struct.unpack_from("<H", data, header + 24 + 68) == (PE_SUBSYSTEM_GUI,)


def check_macho(data: bytes, machine: str) -> None:
    assert struct.unpack_from("<II", data) == (0xFEEDFACF, MACHO_MACHINES[machine])


def test_same_bytes_from_another_directory(tmp_path: Path) -> None:
    host = host_target().name
    digests = set()
    for directory in ("one", "another, longer"):
        sources = shutil.copytree(SOURCES, tmp_path / directory / "src")
        (binary,) = build([host], tmp_path / directory / "out", sources=sources)
        digests.add(hashlib.sha256(binary.read_bytes()).hexdigest())
    assert digests == {hashlib.sha256(build([host])[0].read_bytes()).hexdigest()}


def test_rebuilt_only_when_source_or_binary_changed(tmp_path: Path) -> None:
    host, lines = host_target().name, list[str]()
    sources = shutil.copytree(SOURCES, tmp_path / "src")

    def rebuild() -> str:
        build([host], tmp_path, sources=sources, report=lines.append)
        return lines.pop()

    assert "built" in rebuild()
    assert rebuild() == f"{host}: up to date"
    binary_path(host, tmp_path).write_bytes(b"half")
    assert "built" in rebuild()
    (sources / "common.c").write_bytes((sources / "common.c").read_bytes() + b"\n")
    assert "built" in rebuild()


def test_a_source_that_does_not_compile_is_quoted(tmp_path: Path) -> None:
    sources = shutil.copytree(SOURCES, tmp_path / "src")
    (sources / "common.c").write_text("#error on purpose\n")
    with pytest.raises(CompileError, match="on purpose"):
        build([host_target().name], tmp_path, sources=sources)
    assert not binary_path(host_target().name, tmp_path).exists()


def test_developers_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host = host_target().name
    assert main(["--target", host, "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(f"{host}: built, ")


def test_entry_of_a_tree(tmp_path: Path) -> None:
    binary = binary_path("win-x64", tmp_path)
    binary.parent.mkdir()
    binary.write_bytes(b"MZ")
    entry = launcher_entry(find_target("win-x64"), "peft_engine", tmp_path)
    assert (entry.path, entry.size, entry.executable) == ("peft_engine.exe", 2, True)
    assert (entry.sha256, entry.source) == (hashlib.sha256(b"MZ").hexdigest(), binary)


def test_entry_that_was_not_built(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="launcher for mac-x64 has not been built") as caught:
        launcher_entry(find_target("mac-x64"), "peft_engine", tmp_path)
    assert caught.value.hint == ("run python -m runtime_packager.launcher.build --target mac-x64")


def test_limits_are_the_launchers() -> None:
    header = (SOURCES / "launcher.h").read_text()
    assert f"LINE_LIMIT = {LINE_LIMIT}," in header
    assert SIZE_LIMIT == 64 * 1024
    assert "CFG_SIZE_LIMIT = 64 * 1024," in header
