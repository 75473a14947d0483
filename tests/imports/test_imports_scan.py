"""Which imports a source has: all that could run on the target, and none that cannot."""

from __future__ import annotations

import textwrap

import pytest
from packaging.version import Version

from runtime_packager.imports import facts_of
from runtime_packager.imports.scan import Import, imports_of
from runtime_packager.platforms import find_target


def modules(text: str, target: str = "linux-x64", package: str = "") -> list[str]:
    return [found.module for found in scan(text, target, package)]


def scan(text: str, target: str = "linux-x64", package: str = "") -> list[Import]:
    facts = facts_of(find_target(target).markers(Version("3.12.14")), (3, 12, 14))
    return imports_of(textwrap.dedent(text).encode(), package, facts)


def test_lazy_and_conditional_imports_count() -> None:
    found = modules(
        """
        import os, a.b as c
        def later():
            import torch
        class Box:
            from transformers import pipeline
        try:
            import fast
        except ImportError:
            import slow
        if something():
            import maybe
        match 1:
            case 1:
                import matched
        with open("x"):
            import withed
        lazy = lambda: __import__("lambda_module")
        """
    )
    assert set(found) == {
        *("os", "a.b", "torch", "transformers", "fast", "slow", "maybe", "matched", "withed"),
        "lambda_module",
    }


def test_an_import_knows_its_line_and_names() -> None:
    assert scan("x = 1\nfrom a.b import c, d as e\nfrom f import *\n") == [
        Import(2, "a.b", ("c", "d")),
        Import(3, "f", ()),
    ]


@pytest.mark.parametrize(
    ("text", "package", "expected"),
    [
        ("from . import x", "a.b", ["a.b"]),
        ("from .x import y", "a.b", ["a.b.x"]),
        ("from ..x import y", "a.b", ["a.x"]),
        ("from .. import y", "a.b", ["a"]),
        ("from ...x import y", "a.b", ["x"]),
        ("from ....x import y", "a.b", []),
        ("from . import x", "", []),
    ],
)
def test_relative_imports(text: str, package: str, expected: list[str]) -> None:
    assert modules(text, package=package) == expected


def test_import_module_with_a_constant_name_counts() -> None:
    text = """
        import importlib
        importlib.import_module("torch.nn")
        importlib.import_module(".sibling", __package__)
        importlib.import_module(name)
        importlib.import_module(f"plugin_{name}")
        handlers[0]("torch")
        """
    assert modules(text, package="pkg") == ["importlib", "torch.nn", "pkg.sibling"]


@pytest.mark.parametrize(
    ("test", "runs_on"),
    [
        ('sys.platform == "win32"', {"win-x64"}),
        ('sys.platform != "win32"', {"linux-x64", "mac-arm64"}),
        ('sys.platform.startswith("linux")', {"linux-x64"}),
        ('sys.platform in ("darwin", "linux")', {"linux-x64", "mac-arm64"}),
        ('os.name == "nt"', {"win-x64"}),
        ('platform.system() == "Darwin"', {"mac-arm64"}),
        ('not sys.platform == "win32"', {"linux-x64", "mac-arm64"}),
        ('sys.platform == "win32" and unknown()', {"win-x64"}),
        ('sys.platform == "win32" or unknown()', {"win-x64", "linux-x64", "mac-arm64"}),
        ("sys.version_info >= (3, 11)", {"win-x64", "linux-x64", "mac-arm64"}),
        ("sys.version_info < (3, 12)", set()),
        ("sys.version_info[0] == 2", set()),
        ("sys.version_info[:2] >= (3, 13)", set()),
        ("TYPE_CHECKING", set()),
        ("typing.TYPE_CHECKING", set()),
        ("not TYPE_CHECKING", {"win-x64", "linux-x64", "mac-arm64"}),
        ("sys.platform > 3", {"win-x64", "linux-x64", "mac-arm64"}),
    ],
)
def test_a_branch_that_cannot_run_on_the_target_is_left_out(test: str, runs_on: set[str]) -> None:
    text = f"if {test}:\n    import inside\nelse:\n    import other\n"
    found = {
        name for name in ("win-x64", "linux-x64", "mac-arm64") if "inside" in modules(text, name)
    }
    assert found == runs_on
    for name in ("win-x64", "linux-x64", "mac-arm64"):
        assert set(modules(text, name)), "one of the branches always runs"


@pytest.mark.parametrize(
    ("before", "test"),
    [
        ("WINDOWS = sys.platform == 'win32'", "WINDOWS"),
        ("NAME = sys.platform", "NAME == 'win32'"),
        ("NAME = sys.platform\nWINDOWS = NAME == 'win32'", "WINDOWS"),
        ("import sys as s", "s.platform == 'win32'"),
        ("from sys import platform", "platform == 'win32'"),
        ("from sys import platform as p", "p.startswith('win')"),
        ("from platform import system", "system() == 'Windows'"),
        ("import os as o", "o.name == 'nt'"),
        ("import typing as t", "not t.TYPE_CHECKING and sys.platform == 'win32'"),
    ],
)
def test_a_fact_keeps_under_another_name(before: str, test: str) -> None:
    text = f"{before}\nif {test}:\n    import inside\n"
    assert "inside" in modules(text, "win-x64")
    assert "inside" not in modules(text, "linux-x64")


@pytest.mark.parametrize(
    "text",
    [
        "W = sys.platform == 'win32'\nW = True\nif W:\n    import inside\n",
        "W = sys.platform == 'win32'\ndef f():\n    global W; W = 1\nif W:\n    import inside\n",
        "for W in (True,):\n    pass\nW = sys.platform == 'win32'\nif W:\n    import inside\n",
    ],
)
def test_a_name_that_is_bound_again_tells_nothing(text: str) -> None:
    assert "inside" in modules(text, "linux-x64")


def test_what_is_no_python_says_so() -> None:
    with pytest.raises(SyntaxError):
        modules("import {{ template }}")
    with pytest.raises((ValueError, SyntaxError), match="null bytes"):
        imports_of(b"import a\0", "", {})


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    if sys.platform != 'win32':\n        return\n    import winreg\n",
        "for x in y:\n    if os.name != 'nt':\n        continue\n    import winreg\n",
        "if not sys.platform.startswith(('win', 'cy')):\n    raise OSError\nimport winreg\n",
        "x = __import__('winreg') if sys.platform == 'win32' else None\n",
        "if sys.platform.startswith(('win', 'cygwin')):\n    import winreg\n",
        "if sys.version_info.major < 3 or sys.platform == 'win32':\n    import winreg\n",
    ],
)
def test_what_lies_behind_a_way_out_is_not_reached(text: str) -> None:
    assert modules(text) == []
    assert modules(text, "win-x64") == ["winreg"]


def test_a_way_out_that_is_not_taken_hides_nothing() -> None:
    text = "def f():\n    if sys.platform == 'win32':\n        return\n    import termios\n"
    assert modules(text) == ["termios"]
    assert modules(f"if later():\n    raise OSError\n{text}", "mac-x64") == ["termios"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("import_module('.leaf', 'other.sub')", ["other.sub.leaf"]),
        ("import_module('.leaf', package='other.sub')", ["other.sub.leaf"]),
        ("import_module('..leaf', package='other.sub')", ["other.leaf"]),
        ("import_module('.leaf', package=__package__)", ["mine.leaf"]),
        ("import_module('.leaf', package=name)", []),
        ("__import__('sub', globals(), locals(), ['leaf'], 1)", ["mine.sub"]),
        ("__import__('sub', globals(), level=1)", ["mine.sub"]),
        ("__import__('sub', globals(), level=0)", ["sub"]),
        ("__import__('sub', level=deep)", []),
    ],
)
def test_relative_names_start_at_the_package_that_the_call_names(call, expected) -> None:
    assert modules(call, package="mine") == expected


def test_a_very_long_expression_hides_no_import() -> None:
    assert modules(f"x = {' + '.join(['1'] * 1500)}\nimport found\n") == ["found"]
