"""PEFT Studio for Windows, assembled on Linux and run by wine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import lief
import pytest
from fakes.seals import snapshot
from foreign.backend import COMPILED_HERE, PATIENCE, healthy, ready
from foreign.wine import Wine, windows_path

from runtime_packager.imports import windows_builtins
from runtime_packager.launcher import Identity, with_identity
from runtime_packager.launcher.build import build
from runtime_packager.launcher.resources import MANIFEST

OURS = ("peft_engine.exe", "python.exe")

ARGUMENTS = [
    "two words",
    'a "quoted" word',
    'ends in quote"',
    "back\\slash",
    "ends in backslash\\",
    "two\\\\",
    '\\"',
    'C:\\Program Files\\"x"\\',
    "",
    " ",
    "tab\there",
    "ü€ 漢字 𝄞",
    "%PATH% ^ & | < > !",
    "--port=x",
    "*.py",
]


@pytest.fixture
def launcher(windows_tree: Path) -> Path:
    return windows_tree / "peft_engine.exe"


def python(wine: Wine, launcher: Path, script: str, *words: str) -> subprocess.CompletedProcess:
    return wine.run(launcher, "--runtime-python", "-c", script, *words)


def ours(wine: Wine) -> dict[str, list[int]]:
    return {name: wine.running(name) for name in OURS}


def test_the_backend_answers_and_ends_in_order(windows_system, windows_tree, launcher) -> None:
    before = snapshot(windows_tree)
    words = ("--port", "0", "--no-token", "--exit-on-stdin-eof")
    with windows_system.started(launcher, *words, stdin=subprocess.PIPE) as child:
        assert healthy(ready(child)["port"])
        child.communicate(timeout=PATIENCE)
    assert child.returncode == 0
    assert snapshot(windows_tree) == before


def test_the_tree_verifies_after_it_ran(
    windows_system, windows_project, windows_tree, launcher
) -> None:
    done = python(windows_system, launcher, "import peft_studio.app")
    assert (done.returncode, done.stdout) == (0, "")
    windows_project.verify(windows_tree)


def test_what_it_needs_is_its_own_and_compiled(windows_system, launcher) -> None:
    done = python(windows_system, launcher, COMPILED_HERE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_there_is_no_console(windows_system, windows_tree, launcher) -> None:
    header = lief.PE.parse(str(launcher)).optional_header
    assert header.subsystem == lief.PE.OptionalHeader.SUBSYSTEM.WINDOWS_GUI
    script = "import ctypes; print(ctypes.windll.kernel32.GetConsoleWindow())"
    assert python(windows_system, launcher, script).stdout.strip() == "0"


def test_arguments_arrive_exactly(windows_system, launcher) -> None:
    script = "import json, sys; print(json.dumps(sys.argv[1:]))"
    done = python(windows_system, launcher, script, *ARGUMENTS)
    assert json.loads(done.stdout) == ARGUMENTS


@pytest.mark.parametrize("code", [0, 1, 42, 255, 0xC0000005])
def test_exit_codes_pass_through(windows_system, windows_tree, launcher, code) -> None:
    """As a Windows parent sees them: Unix keeps but 8 bits."""
    script = (
        "import subprocess, sys; ended = subprocess.run(sys.argv[1:]).returncode;"
        "print(ended % 2**32)"
    )
    end = f"import ctypes; ctypes.windll.kernel32.ExitProcess({code})"
    words = (windows_path(launcher), "--runtime-python", "-c", end)
    done = windows_system.run(windows_tree / "python/python.exe", "-I", "-c", script, *words)
    assert done.stdout.strip() == str(code)


def test_input_and_output_pass_through(windows_system, launcher) -> None:
    script = "import sys; print(input().upper()); print('said', file=sys.stderr); raise SystemExit"
    command = windows_system.command(launcher, "--runtime-python", "-c", script)
    done = subprocess.run(
        command, input="grüße\n", capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.stdout, done.stderr) == ("GRÜSSE\n", "said\n")


def test_a_killed_launcher_takes_the_backend_with_it(windows_system, launcher) -> None:
    with windows_system.started(launcher, "--port", "0", "--no-token") as child:
        ready(child)
        (pid,) = windows_system.running("peft_engine.exe")
        assert windows_system.running("python.exe")
        os.kill(pid, signal.SIGKILL)
        child.communicate(timeout=PATIENCE)  # the backend holds the other end
        assert ours(windows_system) == {"peft_engine.exe": [], "python.exe": []}


def test_a_killed_parent_takes_both_with_it(windows_system, windows_tree, launcher) -> None:
    script = (
        "import subprocess, sys, threading;"
        "subprocess.Popen(sys.argv[1:], stdout=sys.stdout); threading.Event().wait()"
    )
    words = (windows_path(launcher), "--port", "0", "--no-token")
    parent = windows_tree / "python/python.exe"
    with windows_system.started(parent, "-I", "-c", script, *words) as child:
        ready(child)
        inside = windows_system.namespace.processes().items()
        (pid,) = (pid for pid, words in inside if script in words)
        os.kill(pid, signal.SIGKILL)
        child.communicate(timeout=PATIENCE)
        assert ours(windows_system) == {"peft_engine.exe": [], "python.exe": []}


LIFELINE = "--runtime-exit-on-stdin-eof"


WINDOWS_PARENT = """
import subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdin.write(b"hello\\n")
child.stdin.flush()
print(child.stdout.readline().decode().strip(), child.poll())
child.stdin.close()
print(child.stdout.read(), child.wait())
"""
"""Wine cannot look into a pipe that Unix made: one of its own programs has to make it."""

READER = """
import sys, threading
print(sys.stdin.readline().strip().upper(), flush=True)
threading.Thread(target=sys.stdin.readline, daemon=True).start()
threading.Event().wait()
"""


def test_standard_input_is_a_lifeline(windows_system, windows_tree, launcher) -> None:
    """Data passes on it, and a backend that waits for more of it ends with it all the same."""
    words = (windows_path(launcher), LIFELINE, "--runtime-python", "-c", READER)
    done = windows_system.run(
        windows_tree / "python/python.exe", "-I", "-c", WINDOWS_PARENT, *words
    )
    assert done.stdout.splitlines() == ["HELLO None", "b'' 76"]
    assert ours(windows_system) == {"peft_engine.exe": [], "python.exe": []}


def test_what_is_no_lifeline_is_refused(windows_system, windows_tree, launcher) -> None:
    script = (
        "import subprocess, sys; done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL,"
        "capture_output=True, text=True); print(done.returncode, done.stderr)"
    )
    words = (windows_path(launcher), LIFELINE, "--runtime-python", "-c", "")
    done = windows_system.run(windows_tree / "python/python.exe", "-I", "-c", script, *words)
    expected = (
        f"76 peft_engine: {LIFELINE}: expected a pipe as standard input, found something else"
    )
    assert done.stdout.strip() == expected


def test_the_built_in_modules_are_those_we_take_for_granted(
    windows_system, windows_tree, launcher
) -> None:
    """What the static import check believes of Windows' CPython, held to a real one."""
    script = "import json, sys; print(json.dumps([sys.builtin_module_names]))"
    (real,) = json.loads(python(windows_system, launcher, script).stdout)
    is_builtin = windows_builtins()
    files = {path.name.partition(".")[0] for path in (windows_tree / "python/DLLs").iterdir()}
    assert [name for name in real if not is_builtin(name)] == []
    taken = [name for name in sys.stdlib_module_names if is_builtin(name)]
    assert [name for name in taken if name in files] == []


SHOWN = """
import ctypes, json, sys
from ctypes import byref, c_void_p, c_wchar_p, wintypes

version, kernel = ctypes.WinDLL("version"), ctypes.WinDLL("kernel32")
shell, user = ctypes.WinDLL("shell32"), ctypes.WinDLL("user32")
found = {}
path = sys.argv[1]
data = ctypes.create_string_buffer(version.GetFileVersionInfoSizeW(c_wchar_p(path), None))
assert version.GetFileVersionInfoW(c_wchar_p(path), 0, len(data), data)

def query(name):
    place, length = c_void_p(), wintypes.UINT()
    if not version.VerQueryValueW(data, c_wchar_p(name), byref(place), byref(length)):
        return None, 0
    return place, length.value

place, length = query("\\\\VarFileInfo\\\\Translation")
(language, page) = (wintypes.WORD * 2).from_buffer_copy(ctypes.string_at(place, 4))
for name in sys.argv[2:]:
    place, length = query(f"\\\\StringFileInfo\\\\{language:04x}{page:04x}\\\\{name}")
    found[name] = ctypes.wstring_at(place, length - 1) if place else None
place, length = query("\\\\")
found["numbers"] = list((wintypes.WORD * 8).from_buffer_copy(ctypes.string_at(place.value + 8, 16)))

kernel.LoadLibraryExW.restype = kernel.FindResourceW.restype = c_void_p
kernel.LoadResource.restype = kernel.LockResource.restype = c_void_p
module = kernel.LoadLibraryExW(c_wchar_p(path), None, 2)
place = kernel.FindResourceW(c_void_p(module), c_void_p(1), c_void_p(24))
size = kernel.SizeofResource(c_void_p(module), c_void_p(place))
block = kernel.LoadResource(c_void_p(module), c_void_p(place))
found["manifest"] = ctypes.string_at(kernel.LockResource(c_void_p(block)), size).decode()
large, small = c_void_p(), c_void_p()
found["icons"] = shell.ExtractIconExW(c_wchar_p(path), -1, None, None, 0)
found["taken"] = shell.ExtractIconExW(c_wchar_p(path), 0, byref(large), byref(small), 1)
found["handles"] = [bool(large), bool(small)]
print(json.dumps(found))
"""
"""Asks Windows' own readers; prints what they found in the program that is the first argument."""

STRINGS = ("CompanyName", "FileDescription", "FileVersion", "InternalName", "LegalCopyright")
STRINGS += ("OriginalFilename", "ProductName", "ProductVersion")


def shown(wine: Wine, launcher: Path, program: Path) -> dict:
    done = python(wine, launcher, SHOWN, windows_path(program), *STRINGS)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def test_windows_reads_what_the_launcher_is(windows_system, launcher) -> None:
    found = shown(windows_system, launcher, launcher)
    assert {name: found[name] for name in STRINGS} == {
        "CompanyName": "The runtime-packager authors",
        "FileDescription": "PEFT Studio engine",
        "FileVersion": "0.1.0",
        "InternalName": "peft_engine",
        "LegalCopyright": "© 2026 The runtime-packager authors, MIT License",
        "OriginalFilename": "peft_engine.exe",
        "ProductName": "PEFT Studio",
        "ProductVersion": "0.1.0",
    }
    assert found["numbers"] == [1, 0, 0, 0, 1, 0, 0, 0]  # low word of each half first
    assert found["manifest"] == MANIFEST.decode()
    assert (found["icons"], found["handles"]) == (1, [True, True])


def test_windows_reads_any_text(windows_system, windows_tree, launcher) -> None:
    """Characters that take two UTF-16 units, and one unit less or more of padding."""
    bare = build(["win-x64"])[0].read_bytes()
    texts = ("𝄞", "𝄞x", "漢字𝄞 🦜", "é" * 1000)
    program = windows_tree.parent / "other.exe"
    for text in texts:
        identity = Identity(text, "65535.65535.2.1.dev1", text, text, text)
        program.write_bytes(with_identity(bare, "other", identity))
        found = shown(windows_system, launcher, program)
        names = ("CompanyName", "FileDescription", "LegalCopyright", "ProductName")
        assert {found[name] for name in names} == {text}
        assert found["numbers"][:4] == [65535, 65535, 1, 2]
        assert found["icons"] == 0
    program.unlink()
