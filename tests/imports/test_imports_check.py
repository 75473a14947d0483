"""Whether imports resolve among a tree's paths, as the target's import system would find them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.version import Version

from runtime_packager.entries import FileEntry
from runtime_packager.imports import (
    Import,
    Modules,
    Wanted,
    check_imports,
    facts_of,
    path_lines,
    scan_app,
)
from runtime_packager.imports.modules import Kind
from runtime_packager.platforms import find_target

LIB = "python/lib/python3.12"
SITE = f"{LIB}/site-packages"
SUFFIXES = (".cpython-312-x86_64-linux-gnu.so", ".abi3.so", ".so")
PATHS = [
    f"{LIB}/os.py",
    f"{LIB}/json/__init__.py",
    f"{LIB}/json/decoder.py",
    f"{LIB}/lib-dynload/_ssl{SUFFIXES[0]}",
    f"{SITE}/numpy/__init__.py",
    f"{SITE}/numpy/_core/__init__.py",
    f"{SITE}/numpy/_core/_multiarray{SUFFIXES[0]}",
    f"{SITE}/google/protobuf/__init__.py",
    f"{SITE}/six.py",
    f"{SITE}/stable.abi3.so",
    f"{SITE}/winonly.cp312-win_amd64.pyd",
    f"{SITE}/old.cpython-39-x86_64-linux-gnu.so",
    f"{SITE}/pywin/lib/inside.py",
    "app/main.py",
    "app/pkg/__init__.py",
    "app/pkg/part.py",
]


def modules(*more: str, builtin: tuple[str, ...] = ("sys", "errno")) -> Modules:
    roots = ("app", LIB, f"{LIB}/lib-dynload", SITE)
    return Modules(frozenset([*PATHS, *more]), roots, SUFFIXES, builtin.__contains__)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("os", Kind.MODULE),
        ("os.path", Kind.MODULE),
        ("errno", Kind.MODULE),
        ("json.decoder", Kind.MODULE),
        ("_ssl", Kind.MODULE),
        ("numpy", Kind.PACKAGE),
        ("numpy._core._multiarray", Kind.MODULE),
        ("google", Kind.NAMESPACE),
        ("google.protobuf", Kind.PACKAGE),
        ("six.moves.urllib", Kind.MODULE),
        ("stable", Kind.MODULE),
        ("pkg.part", Kind.MODULE),
    ],
)
def test_what_is_there_is_found(name: str, kind: Kind) -> None:
    found = modules().find(name)
    assert found is not None
    assert found.kind is kind


@pytest.mark.parametrize(
    "name",
    ["nothing", "json.nothing", "numpy._core.x", "google.cloud", "winonly", "old", "OS", "pkg.x"],
)
def test_what_is_not_there_is_not(name: str) -> None:
    assert modules().find(name) is None


def test_a_regular_package_hides_a_namespace_of_the_same_name_later_on_the_path() -> None:
    found = modules("app/google/__init__.py").find("google.protobuf")
    assert found is None


def test_namespaces_span_the_whole_path() -> None:
    found = modules("app/google/ours.py")
    assert found.find("google.ours") is not None
    assert found.find("google.protobuf") is not None


def check(
    tmp_path: Path,
    sources: dict[str, str],
    top_level: dict[str, list[str]] | None = None,
    optional: tuple[str, ...] = (),
    explain=lambda paths: "",
) -> list[str]:
    files = []
    for path, text in sources.items():
        place = tmp_path / path.replace("/", "_")
        place.write_text(text)
        files.append(FileEntry(path, len(text), "0" * 64, False, place))
    facts = facts_of(find_target("linux-x64").markers(Version("3.12.14")), (3, 12, 14))
    imports = scan_app(files, "app", facts, Path(sys.executable))
    wanted = Wanted(imports, top_level or {}, optional)
    return list(map(str, check_imports(wanted, modules(), explain)))


def test_everything_missing_is_named_with_who_wants_it(tmp_path: Path) -> None:
    sources = {
        "app/main.py": "import os\nimport nothing.at_all\n",
        "app/pkg/part.py": "def f():\n    from nothing import at_all\n    from . import part\n",
    }
    assert check(tmp_path, sources) == [
        "nothing, imported by pkg/part.py:2",
        "nothing.at_all, imported by main.py:2",
    ]


def test_a_name_taken_from_a_namespace_is_a_module(tmp_path: Path) -> None:
    sources = {"app/main.py": "from google import protobuf, cloud\nfrom numpy import anything\n"}
    assert check(tmp_path, sources) == ["google.cloud, imported by main.py:1"]


def test_a_requirement_whose_module_is_for_another_system_is_named(tmp_path: Path) -> None:
    (problem,) = check(tmp_path, {}, {"liar 1.0": ["winonly", "stable"], "six 1.17": ["six"]})
    assert problem == (
        f"winonly, imported by liar 1.0: {SITE}/winonly.cp312-win_amd64.pyd is no module this "
        "platform's interpreter loads"
    )


@pytest.mark.parametrize("optional", ["nothing", "nothing.*", "noth*"])
def test_what_is_declared_optional_may_be_missing(tmp_path: Path, optional: str) -> None:
    sources = {"app/main.py": "import nothing.at_all\nimport other\n"}
    assert check(tmp_path, sources, optional=(optional,)) == ["other, imported by main.py:2"]


def test_the_reason_is_asked_for_by_the_paths_it_would_have(tmp_path: Path) -> None:
    def explain(paths):
        return "trimmed" if f"{LIB}/tkinter/__init__.py" in paths else ""

    problems = check(tmp_path, {"app/main.py": "import tkinter, other\n"}, explain=explain)
    assert problems == ["other, imported by main.py:1", "tkinter, imported by main.py:1: trimmed"]


def test_a_file_that_is_no_python_is_passed_over(tmp_path: Path) -> None:
    assert check(tmp_path, {"app/template.py": "import {{ name }}", "app/nul.py": "a\0"}) == []


def test_path_lines_are_those_site_would_take() -> None:
    text = "# comment\nimport _virtualenv\n\nwin32\nwin32\\lib\n/abs/\nimport\ttabbed\n"
    assert path_lines(text) == ["win32", "win32/lib", "/abs"]


def test_a_file_that_no_parser_can_take_hides_no_other(tmp_path: Path) -> None:
    """Data that only looks like source: the parser has not even room to call it wrong."""
    sources = {"app/data/deep.py": f"x = {'-' * 100_000}1\n", "app/main.py": "import nothing\n"}
    assert check(tmp_path, sources) == ["nothing, imported by main.py:1"]


def test_what_was_left_out_on_purpose_is_missed_by_the_app_alone() -> None:
    imports = {
        "app/main.py": [
            Import(1, "numpy"),
            Import(2, "numpy", ("_core", "array")),
            Import(3, "google.protobuf"),
            Import(4, "json"),
        ]
    }
    wanted = Wanted(imports, {"gone 1.0": ["gone"], "lost 1.0": ["lost"]},
                    undone={"numpy._core", "google.protobuf", "gone"})  # fmt: skip
    found = check_imports(wanted, modules())
    assert [missing.module for missing in found] == ["google.protobuf", "lost", "numpy._core"]
