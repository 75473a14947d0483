"""Whatever is wrong, the launcher says it in one sentence and ends with a code of its own."""

from __future__ import annotations

import os
import platform
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from launcher_tree import Tree, make_tree

GOOD = "format = 1\ninterpreter = python/bin/python3\nscript = app.py\n"

KEYS = "format, interpreter, argument, script or environment"
RELATIVE = (
    "expected a path relative to the launcher with / between its parts and no .. in it, found"
)

INVALID = {
    "empty": ("", 'line 1: expected a line "format = ...", found the end of the file'),
    "format late": (
        "# x\nscript = app.py\nformat = 1\n",
        'line 2: expected format = 1 as the first setting, found "script"',
    ),
    "format 2": (
        "format = 2\n",
        'line 1: format: expected 1, the only format this launcher knows, found "2"',
    ),
    "format twice": (f"{GOOD}format = 1", "line 4: format: expected once, found again"),
    "unknown key": (
        f"{GOOD}interpeter = x\n",
        f'line 4: expected {KEYS}, found the unknown key "interpeter"',
    ),
    "no equals": (f"{GOOD}hello\n", 'line 4: expected key = value, found "hello"'),
    "no value": (f"{GOOD}argument =\n", "line 4: argument: expected a value, found none"),
    "script twice": (f"{GOOD}script = app.py\n", "line 4: script: expected once, found again"),
    "interpreter twice": (
        f"{GOOD}interpreter = x\n",
        "line 4: interpreter: expected once, found again",
    ),
    "no interpreter": (
        "format = 1\nscript = app.py\n",
        'line 3: expected a line "interpreter = ...", found the end of the file',
    ),
    "no script": (
        "format = 1\ninterpreter = x",
        'line 3: expected a line "script = ...", found the end of the file',
    ),
    "long line": (
        f"{GOOD}# {'x' * 4095}\n",
        "line 4: expected at most 4096 bytes, found 4097",
    ),
    "large": (GOOD + "# x\n" * 20_000, "expected at most 65536 bytes, found more"),
    "nul": (
        f"{GOOD}argument = a\0b\n",
        "line 4: expected text, found the control character 0x00",
    ),
    "stray return": (
        f"{GOOD}argument = a\rb\n",
        "line 4: expected text, found the control character 0x0D",
    ),
    "byte order mark": (
        f"\ufeff{GOOD}",
        'line 1: expected format = 1 as the first setting, found "\ufeffformat"',
    ),
    "nameless": (
        f"{GOOD}environment = =x\n",
        'line 4: environment: expected NAME=VALUE, found "=x"',
    ),
    "no variable": (
        f"{GOOD}environment = A-B=x\n",
        'line 4: environment: expected NAME=VALUE, found "A-B=x"',
    ),
    "variable twice": (
        f"{GOOD}environment = A=1\nenvironment = A=2\n",
        "line 5: environment: expected A once, found again",
    ),
    "other reference": (
        f"{GOOD}environment = A=${{root}}${{HOME}}\n",
        'line 4: environment: expected no reference but ${root}, found "${HOME}"',
    ),
    **{
        f"path {path}": (f"format = 1\nscript = {path}\n", f'line 2: script: {RELATIVE} "{path}"')
        for path in ("/a", "../a", "a/../b", "a/..", "./a", "a//b", "a/", "a\\b", "C:a", "..")
    },
}


@pytest.mark.parametrize("text, problem", INVALID.values(), ids=INVALID.keys())
def test_an_invalid_cfg_is_named_with_its_line(tree: Tree, text: str, problem: str) -> None:
    tree.cfg.write_bytes(text.encode())
    done = tree.run()
    place = ": " if text.startswith("format") and len(text) > 65536 else ", "
    assert done.stderr == f"peft_engine: {tree.cfg}{place}{problem}\n"
    assert (done.returncode, done.stdout) == (73, "")


@pytest.mark.parametrize(
    "odd",
    [
        b"\xff",
        b"\xc0\xaf",
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf0\x80\x80\x80",
        b"\xe0\x80\x80",
    ],
)
def test_bytes_that_are_not_utf8_are_refused(tree: Tree, odd: bytes) -> None:
    tree.cfg.write_bytes(GOOD.encode() + b"argument = " + odd + b"\n")
    done = tree.run()
    assert f"line 4: expected UTF-8, found the byte 0x{odd[0]:02X} at column 12" in done.stderr
    assert done.returncode == 73


@settings(max_examples=60)
@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda text: (GOOD + text).encode()))
def test_no_cfg_crashes_the_launcher(shared_tree: Tree, data: bytes) -> None:
    shared_tree.cfg.write_bytes(data)
    done = shared_tree.run("--runtime-info")
    assert done.returncode in {0, 73, 74, 77}, (done.returncode, done.stderr)


@pytest.fixture(scope="module")
def shared_tree(tmp_path_factory: pytest.TempPathFactory, host_launcher: Path) -> Tree:
    return make_tree(tmp_path_factory.mktemp("fuzz") / "tree", host_launcher)


def test_missing_cfg(tree: Tree) -> None:
    tree.cfg.unlink()
    done = tree.run()
    assert done.stderr == (
        f"peft_engine: {tree.cfg}, which says what to start, cannot be opened: "
        "No such file or directory\n"
    )
    assert done.returncode == 72


def test_cfg_that_cannot_be_read(tree: Tree) -> None:
    tree.cfg.unlink()
    tree.cfg.mkdir()
    done = tree.run()
    assert done.stderr == f"peft_engine: {tree.cfg} cannot be read: Is a directory\n"
    assert done.returncode == 72


def test_missing_interpreter(tree: Tree) -> None:
    interpreter = tree.root / "python/bin/python3"
    interpreter.unlink()
    done = tree.run()
    assert f"the interpreter {interpreter} is missing: No such file" in done.stderr
    assert done.returncode == 74


def test_interpreter_that_is_a_directory(tree: Tree) -> None:
    interpreter = tree.root / "python/bin/python3"
    interpreter.unlink()
    interpreter.mkdir()
    done = tree.run()
    assert done.stderr == f"peft_engine: the interpreter {interpreter} is not a file\n"
    assert done.returncode == 74


def test_interpreter_without_the_right_to_run(tree: Tree) -> None:
    interpreter = tree.root / "python/bin/python3"
    interpreter.unlink()
    interpreter.write_bytes(b"#!/bin/sh\n")
    done = tree.run()
    assert f"the interpreter {interpreter} is not executable: Permission denied" in done.stderr
    assert done.returncode == 74


def elf(machine: int, loader: bytes = b"") -> bytes:
    """A 64-bit ELF program: its header, one program header (PT_INTERP), the loader's name."""
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    size = len(loader) + 1
    return (
        ident + header + struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, size, size, 1) + loader + b"\0"
    )


OTHER, OWN = ((62, "x86_64"), (183, "aarch64"))[:: -1 if platform.machine() == "x86_64" else 1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"#!/no/such/loader\n", "No such file or directory; is it made for this system?"),
        (b"\x7fELF nonsense", "Exec format error; is it made for this system?"),
        (b"MZ\x90\0", "Exec format error; it is made for Windows"),
        (b"\xcf\xfa\xed\xfe", "Exec format error; it is made for macOS"),
        (
            elf(OTHER[0]),
            f"Exec format error; it is made for {OTHER[1]}, this machine is {OWN[1]}",
        ),
        (
            elf(0x1234),
            f"Exec format error; it is made for the ELF machine 4660, this machine is {OWN[1]}",
        ),
        (
            elf(OWN[0], b"/no/such/loader.so"),
            "No such file or directory; this system has no /no/such/loader.so, which it needs",
        ),
    ],
)
def test_interpreter_for_another_system(tree: Tree, content: bytes, reason: str) -> None:
    if sys.platform != "linux":
        pytest.skip("Linux' own formats")
    interpreter = tree.root / "python/bin/python3"
    interpreter.unlink()
    interpreter.write_bytes(content)
    interpreter.chmod(0o755)
    done = tree.run()
    assert done.stderr == f"peft_engine: {interpreter} cannot be started: {reason}\n"
    assert done.returncode == 75


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root, unshare")
def test_interpreter_where_nothing_may_run(tree: Tree) -> None:
    script = (
        'mount -t tmpfs -o noexec none "$1" && printf "#!/bin/sh" > "$1/python3" && '
        'chmod 755 "$1/python3" && exec "$2"'
    )
    place = tree.root / "python/bin"
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(place), str(tree.launcher)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stderr == (
        f"peft_engine: the interpreter {place}/python3 is not executable: Permission denied; "
        "its file system is mounted noexec\n"
    )
    assert done.returncode == 74


def test_missing_script(tree: Tree) -> None:
    script = tree.root / "app.py"
    script.unlink()
    done = tree.run()
    assert f"the script {script} is missing: No such file or directory" in done.stderr
    assert done.returncode == 77


def closed_stderr() -> None:
    os.close(2)


def null_stderr() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def broken_stderr() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 2)


@pytest.mark.parametrize("lose_stderr", [closed_stderr, null_stderr, broken_stderr])
@pytest.mark.parametrize("variable, below", [("XDG_STATE_HOME", ""), ("HOME", ".local/state")])
def test_without_a_readable_stderr_the_log_has_it(
    tree: Tree, tmp_path: Path, lose_stderr: object, variable: str, below: str
) -> None:
    if sys.platform != "linux":
        pytest.skip("macOS logs elsewhere")
    tree.cfg.unlink()
    home = tmp_path / "not yet there"
    for _ in range(2):
        done = subprocess.run(
            [tree.launcher], env={variable: str(home)}, preexec_fn=lose_stderr, check=False
        )
        assert done.returncode == 72
    first, second = (home / below / "peft_engine/launcher.log").read_text().splitlines()
    assert first[20:] == second[20:]
    assert first[19:].startswith(f"Z peft_engine: {tree.cfg}, which says")


def test_a_large_log_starts_afresh(tree: Tree, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("macOS logs elsewhere")
    tree.cfg.unlink()
    log = tmp_path / "peft_engine" / "launcher.log"
    log.parent.mkdir()
    log.write_bytes(b"x" * (1 << 20) + b"x")
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    subprocess.run([tree.launcher], env=environment, preexec_fn=closed_stderr, check=False)
    assert len(log.read_text().splitlines()) == 1
    assert log.stat().st_size < 1000


def test_no_place_for_a_log_still_gives_the_code(tree: Tree) -> None:
    tree.cfg.unlink()
    done = subprocess.run([tree.launcher], env={}, preexec_fn=closed_stderr, check=False)
    assert done.returncode == 72
