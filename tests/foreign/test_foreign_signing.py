"""Windows programs signed with Authenticode after they were sealed, by a tool that is not ours."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from foreign.project import Project

LAUNCHER, PYTHON = "peft_engine.exe", "python/python.exe"
LEVELS = ("full", "quick", "exe")


@pytest.fixture(scope="module")
def certificate(scratch: Path) -> tuple[Path, Path]:
    """A certificate for signing code that nobody trusts, and its key."""
    folder = scratch / "certificate"
    folder.mkdir()
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Nobody"]
    words += ["-addext", "extendedKeyUsage=codeSigning", "-days", "30"]
    subprocess.run([*words, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def tree(windows_project: Project, tmp_path: Path) -> Path:
    """The runtime in a copy of its own."""
    place = tmp_path / "runtime"
    shutil.copytree(windows_project.output / "win-x64", place, symlinks=True)
    return place


Sign = Callable[..., None]


@pytest.fixture
def sign(certificate: tuple[Path, Path], tmp_path: Path) -> Sign:
    """Signs a program where it lies; further words are osslsigncode's."""
    chain, key = certificate

    def sign(program: Path, *words: str) -> None:
        _osslsigncode(
            program, tmp_path, "sign", "-certs", chain, "-key", key, "-h", "sha256", *words
        )

    return sign


def _osslsigncode(program: Path, folder: Path, *words: object) -> None:
    made = folder / "made"
    command = ["osslsigncode", *map(str, words), "-in", str(program), "-out", str(made)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    program.write_bytes(made.read_bytes())
    made.unlink()


def programs(tree: Path) -> dict[str, bool]:
    """The launcher, the interpreter and the first library of each kind; whether each is signed."""
    kinds = [sorted(tree.glob(pattern))[0] for pattern in ("**/*.pyd", "python/*.dll")]
    chosen = [LAUNCHER, PYTHON, *(path.relative_to(tree).as_posix() for path in kinds)]
    return {name: any(table(tree / name)) for name in chosen}


def table(program: Path) -> tuple[int, int]:
    """Offset and size of a 64-bit program's certificate table."""
    data = program.read_bytes()
    (header,) = struct.unpack_from("<I", data, 60)
    start, size = struct.unpack_from("<II", data, header + 24 + 144)
    return int(start), int(size)


def signed_after(project: Project, tree: Path, level: str = "full") -> dict[str, bool]:
    answer = project.run("verify", tree, "--level", level, "--allow-code-signing")
    return {one["path"]: one["signed"] for one in answer["signed_after"]}


def refused(project: Project, tree: Path, *words: str) -> str:
    code, answer = project.called("verify", tree, *words)
    assert code == 5, answer
    return "\n".join([answer["error"]["message"], *answer["error"]["details"]])


def test_signed_programs_verify_where_that_is_allowed(
    windows_project: Project, tree: Path, sign: Sign
) -> None:
    chosen = programs(tree)
    assert set(chosen.values()) == {True, False}, "some are its makers' signed ones, some are not"
    for name in chosen:
        sign(tree / name)
    for level in LEVELS:
        assert signed_after(windows_project, tree, level) == dict.fromkeys(sorted(chosen), True)
        said = refused(windows_project, tree, "--level", level)
        assert all(name in said for name in chosen)


def test_signing_again_beside_and_taking_away(
    windows_project: Project, tree: Path, sign: Sign, tmp_path: Path
) -> None:
    launcher, python = tree / LAUNCHER, tree / PYTHON
    sign(launcher)
    sign(launcher, "-n", "another name, so that it is another size")
    sign(launcher, "-nest", "-ph")
    _osslsigncode(python, tmp_path, "remove-signature")
    assert signed_after(windows_project, tree) == {LAUNCHER: True, PYTHON: False}
    _osslsigncode(launcher, tmp_path, "remove-signature")
    assert signed_after(windows_project, tree).get(LAUNCHER) is not True


def flip(program: Path) -> None:
    data = bytearray(program.read_bytes())
    data[2048] ^= 1
    program.write_bytes(data)


def append(program: Path) -> None:
    program.write_bytes(program.read_bytes() + bytes(8))


def move_table(program: Path) -> None:
    data = bytearray(program.read_bytes())
    (start, size), (header,) = table(program), struct.unpack_from("<I", data, 60)
    struct.pack_into("<II", data, header + 24 + 144, start + 64, size)
    data[start:start] = bytes(64)
    program.write_bytes(data)


@pytest.mark.parametrize("harm", [flip, append, move_table])
def test_a_signed_program_that_was_changed_is_refused(
    windows_project: Project, tree: Path, sign: Sign, harm: Callable[[Path], None]
) -> None:
    for name in (LAUNCHER, PYTHON):
        sign(tree / name)
        harm(tree / name)
    for level in LEVELS:
        said = refused(windows_project, tree, "--level", level, "--allow-code-signing")
        assert said.count("[code-signature]") == 2
