"""Modules that trimming left out: which they are, and what a program is told that wants one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runtime_packager.entries import FileEntry, Layer
from runtime_packager.tree import RULES, LeftOut, explanation, missing_modules, trim

LIB = "python/lib/python3.12"
DEFAULTS = {name for name, rule in RULES.items() if rule.default}


def layer(*paths: str) -> Layer:
    return Layer("x", tuple(FileEntry(path, 1, "0" * 64, False, Path()) for path in paths))


def missing(layer: Layer, rules: set[str], *, wheel: bool = False, more: tuple[str, ...] = ()):
    kept, _ = trim(layer, rules, wheel=wheel)
    paths = [entry.path for entry in kept.entries]
    return missing_modules([(layer, wheel)], rules, [*paths, *more])


def test_a_package_that_is_gone_whole_is_named_once() -> None:
    found = missing(
        layer(
            f"{LIB}/os.py",
            f"{LIB}/tkinter/__init__.py",
            f"{LIB}/tkinter/ttk.py",
            f"{LIB}/lib-dynload/_tkinter.cpython-312-x86_64-linux-gnu.so",
            f"{LIB}/turtle.py",
            f"{LIB}/ctypes/__init__.py",
            f"{LIB}/ctypes/test/__init__.py",
            f"{LIB}/ctypes/test/test_x.py",
            f"{LIB}/site-packages/pip/__init__.py",
            "python/include/python3.12/Python.h",
        ),
        DEFAULTS,
    )
    assert found == {
        "_tkinter": "tkinter",
        "ctypes.test": "tests",
        "pip": "bundled-packages",
        "tkinter": "tkinter",
        "turtle": "turtledemo",
    }


def test_windows_layout() -> None:
    found = missing(layer("python/Lib/idlelib/pyshell.py", "python/DLLs/_tkinter.pyd"), DEFAULTS)
    assert found == {"_tkinter": "tkinter", "idlelib": "idlelib"}


def test_what_somebody_else_brings_is_not_missing() -> None:
    source = layer(f"{LIB}/site-packages/pip/__init__.py", f"{LIB}/site-packages/pip/_x.py")
    brought = (f"{LIB}/site-packages/pip/__init__.py",)
    assert missing(source, DEFAULTS, more=brought) == {"pip._x": "bundled-packages"}


def test_a_namespace_that_keeps_a_module_is_there() -> None:
    site = f"{LIB}/site-packages"
    wheel = layer(f"{site}/space/part/code.py", f"{site}/space/tests/test_part.py")
    found = missing(wheel, {"wheel-tests"}, wheel=True)
    assert found == {"space.tests": "wheel-tests"}
    assert missing(wheel, DEFAULTS, wheel=True) == {}


@pytest.fixture
def explaining(tmp_path: Path) -> Path:
    (tmp_path / "_explains.py").write_bytes(explanation({"gone": "tkinter", "os.gone": "tests"}))
    return tmp_path


def run(explaining: Path, code: str) -> str:
    script = f"import sys; sys.path.insert(0, {str(explaining)!r}); import _explains\n{code}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    return done.stdout + done.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize(
    "code", ["import gone", "import gone.part", "from gone import x", "__import__('gone')"]
)
def test_an_import_is_told_the_rule_and_the_line_to_add(explaining: Path, code: str) -> None:
    said = run(explaining, code)
    assert said.startswith("ModuleNotFoundError: No module named 'gone': the trim rule tkinter")
    assert "set trim.tkinter = false in [tool.runtime-packager]" in said


def test_who_catches_it_gets_the_name_and_who_only_asks_gets_nothing(explaining: Path) -> None:
    code = "import importlib.util as u\nprint(u.find_spec('gone'))\n"
    code += "try:\n    import gone\nexcept ImportError as error:\n    print(error.name)\n"
    assert run(explaining, code) == "None\ngone\n"


def test_other_missing_modules_are_missing_as_ever(explaining: Path) -> None:
    said = run(explaining, "import nothing_of_the_kind")
    assert said == "ModuleNotFoundError: No module named 'nothing_of_the_kind'"


def test_what_nobody_imported_is_looked_up_when_it_is_missed(tmp_path: Path) -> None:
    left_out = LeftOut(modules=("lean.part", "lone"), hollow=("lean",))
    (tmp_path / "_runtime_untraced.py").write_bytes(left_out.explanation())
    (tmp_path / "_explains.py").write_bytes(explanation({"gone": "tests"}, "linux-x64.txt"))
    (tmp_path / "lean").mkdir()
    (tmp_path / "lean/__init__.py").touch()
    for name in ("lone", "lean.part"):
        said = run(tmp_path, f"import {name}")
        assert said.startswith(f"ModuleNotFoundError: No module named {name!r}: the trim rule unt")
        assert f"trace` on what imports it, or add {name}.* to linux-x64.txt" in said
    assert "trim.tests = false" in run(tmp_path, "import gone")
    said = run(tmp_path, "import one")
    assert said == "ModuleNotFoundError: No module named 'one'"
    assert run(tmp_path, "print('_runtime_untraced' in sys.modules)") == "False\n"
