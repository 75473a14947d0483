"""Each rule leaves out what its name says, on both layouts, and nothing an app imports."""

from pathlib import Path

import pytest

from runtime_packager.entries import FileEntry, Layer
from runtime_packager.tree import RULES, trim

DEFAULT = {name for name, rule in RULES.items() if rule.default}


def trimmed(paths: list[str], *, wheel: bool = False, rules: set[str] = DEFAULT) -> list[str]:
    layer = Layer("x", tuple(FileEntry(p, 10, "0" * 64, False, Path(p)) for p in paths))
    kept, _ = trim(layer, rules, wheel=wheel)
    left = {entry.path for entry in kept.entries}
    return [path for path in paths if path not in left]


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("tests", "python/lib/python3.12/test/test_os.py"),
        ("tests", "python/lib/python3.12/unittest/test/__init__.py"),
        ("tests", "python/lib/python3.12/lib-dynload/_testcapi.cpython-312-x86_64-linux-gnu.so"),
        ("tests", "python/Lib/test/test_os.py"),
        ("tests", "python/DLLs/_testcapi.pyd"),
        ("idlelib", "python/lib/python3.12/idlelib/idle.py"),
        ("tkinter", "python/lib/python3.12/tkinter/__init__.py"),
        ("tkinter", "python/lib/libtcl9.0.so"),
        ("tkinter", "python/lib/tk9.0/tk.tcl"),
        ("tkinter", "python/lib/python3.12/lib-dynload/_tkinter.cpython-312-darwin.so"),
        ("tkinter", "python/DLLs/tcl86t.dll"),
        ("tkinter", "python/tcl/tcl8.6/init.tcl"),
        ("turtledemo", "python/lib/python3.12/turtledemo/clock.py"),
        ("ensurepip", "python/lib/python3.12/ensurepip/_bundled/pip.whl"),
        ("lib2to3", "python/lib/python3.12/lib2to3/main.py"),
        ("bundled-packages", "python/lib/python3.12/site-packages/pip/__main__.py"),
        ("include", "python/include/python3.12/Python.h"),
        ("include", "python/lib/python3.12/config-3.12-x86_64-linux-gnu/Makefile"),
        ("include", "python/libs/python312.lib"),
        ("libpython", "python/lib/libpython3.12.so.1.0"),
        ("libpython", "python/lib/libpython3.12.dylib"),
        ("scripts", "python/bin/pip3"),
        ("scripts", "python/bin/python3.12-config"),
        ("man", "python/share/man/man1/python3.1"),
    ],
)
def test_leaves_out(rule: str, path: str) -> None:
    assert trimmed([path]) == [path]
    assert trimmed([path], rules=DEFAULT - {rule}) == []


@pytest.mark.parametrize(
    "path",
    [
        "python/bin/python3.12",
        "python/bin/python3",
        "python/bin/python",
        "python/python.exe",
        "python/pythonw.exe",
        "python/python312.dll",
        "python/DLLs/_ssl.pyd",
        "python/DLLs/sqlite3.dll",
        "python/lib/python3.12/os.py",
        "python/lib/python3.12/unittest/mock.py",
        "python/lib/python3.12/doctest.py",
        "python/lib/python3.12/lib-dynload/_crypt.cpython-312-x86_64-linux-gnu.so",
        "python/lib/python3.12/pydoc_data/topics.py",
        "python/share/terminfo/x/xterm",
        "python/Lib/os.py",
    ],
)
def test_keeps(path: str) -> None:
    assert trimmed([path]) == []


def test_wheels_lose_stubs_but_not_their_tests() -> None:
    base = "python/lib/python3.12/site-packages/pkg"
    paths = [f"{base}/core.py", f"{base}/core.pyi", f"{base}/tests/test_a.py", f"{base}/test.py"]
    assert trimmed(paths, wheel=True) == [f"{base}/core.pyi"]
    assert trimmed(paths, wheel=True, rules=DEFAULT | {"wheel-tests"}) == paths[1:3]


def test_wheels_lose_the_programs_that_installers_copy() -> None:
    base = "python/lib/python3.12/site-packages"
    stubs = [
        f"{base}/setuptools/cli.exe",
        f"{base}/setuptools/gui-arm64.exe",
        f"{base}/pip/_vendor/distlib/t64-arm.exe",
        f"{base}/distlib/w32.exe",
    ]
    others = [f"{base}/pkg/tool.exe", f"{base}/setuptools/__init__.py"]
    assert trimmed([*stubs, *others], wheel=True) == stubs
    assert trimmed(stubs, wheel=True, rules=DEFAULT - {"script-stubs"}) == []


def test_what_was_left_out_is_counted() -> None:
    layer = Layer(
        "x",
        tuple(FileEntry(f"python/include/{i}.h", i, "0" * 64, False, Path("x")) for i in range(5)),
    )
    _, rows = trim(layer, DEFAULT, wheel=False)
    assert [(row.rule, row.files, row.size) for row in rows] == [("include", 5, 10)]
