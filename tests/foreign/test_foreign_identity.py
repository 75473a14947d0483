"""What the configuration says of the launchers reaches the trees for Windows, and those alone."""

from __future__ import annotations

from pathlib import Path

import pefile
from fakes.icons import GOOD
from foreign.small import Small

from runtime_packager.launcher.build import binary_path

WINDOWS = ("win-x64", "win-arm64")


def assembled(small: Small, *platforms: str) -> dict[str, dict]:
    code, answer = small.assemble(*platforms)
    assert code == 0, answer
    return {runtime["platform"]: runtime for runtime in answer["runtimes"]}


def replace(small: Small, old: str, new: str) -> None:
    file = small.path / "pyproject.toml"
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def texts(program: Path) -> dict[str, str]:
    (children,) = pefile.PE(str(program)).FileInfo
    (strings,) = [child for child in children if child.Key == b"StringFileInfo"]
    (table,) = strings.StringTable
    return {key.decode(): value.decode() for key, value in table.entries.items()}


def changed(before: dict[str, dict], after: dict[str, dict]) -> set[str]:
    return {name for name, made in after.items() if made["tree_root"] != before[name]["tree_root"]}


def test_a_changed_text_or_icon_makes_the_trees_for_windows_anew(small: Small) -> None:
    first = assembled(small, "linux-x64", *WINDOWS)
    again = assembled(small, "linux-x64", *WINDOWS)
    assert all(made["up_to_date"] for made in again.values())
    replace(small, "PEFT Studio engine", "Another engine")
    second = assembled(small, "linux-x64", *WINDOWS)
    assert changed(first, second) == set(WINDOWS)
    assert second["linux-x64"]["up_to_date"]
    (small.path / "backend/branding/peft-studio.ico").write_bytes(GOOD)
    third = assembled(small, "linux-x64", *WINDOWS)
    assert changed(second, third) == set(WINDOWS)
    for name in WINDOWS:
        tree = Path(third[name]["output"])
        assert texts(tree / "peft_engine.exe")["FileDescription"] == "Another engine"
        assert small.run("verify", str(tree))[0] == 0
        assert not (tree / "app/branding").exists()


def test_scripts_have_the_same_under_their_own_names(small: Small) -> None:
    points = {"tool-1.0.dist-info/entry_points.txt": "[console_scripts]\ntool.x = tool:main\n"}
    small.wheel("tool", "py3-none-any", {"tool.py": "def main(): pass\n", **points})
    replace(small, 'launcher = "peft_engine"', 'launcher = "peft_engine"\nscripts = ["tool.x"]')
    tree = Path(assembled(small, "win-x64")["win-x64"]["output"])
    app, script = texts(tree / "peft_engine.exe"), texts(tree / "tool.x.exe")
    own = {"InternalName": "tool.x", "OriginalFilename": "tool.x.exe"}
    assert script == {**app, **own}


def test_other_systems_have_the_launcher_as_it_was_built(small: Small) -> None:
    tree = Path(assembled(small, "linux-x64")["linux-x64"]["output"])
    assert (tree / "peft_engine").read_bytes() == binary_path("linux-x64").read_bytes()


def test_a_wrong_icon_is_refused_with_everything_else(small: Small) -> None:
    (small.path / "backend/branding/peft-studio.ico").write_bytes(GOOD[:-1])
    replace(small, 'company = "The', 'company = "\\u0000The')
    error = small.refused("win-x64")
    assert error["exit_code"] == 2
    assert [line.partition(":")[0] for line in error["details"]] == [
        "windows.company",
        "windows.icon",
    ]
