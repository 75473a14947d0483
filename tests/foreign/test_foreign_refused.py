"""What would not work elsewhere is refused here, all of it at once, before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from foreign.small import Small

from runtime_packager.launcher.build import binary_path

ELF = binary_path("linux-x64").read_bytes()
PE = binary_path("win-x64").read_bytes()
MANY = "manylinux_2_28_x86_64"


def test_a_good_one_is_assembled_for_all(small: Small) -> None:
    small.wheel("pure", "py3-none-any", {"pure/__init__.py": ""})
    small.write({"main.py": "import pure, ssl, json.decoder\n"})
    code, answer = small.assemble("all", "linux-x64-musl")
    assert code == 0, answer
    names = [runtime["platform"] for runtime in answer["runtimes"]]
    assert names == [
        *("linux-x64", "linux-arm64", "win-x64", "win-arm64", "mac-x64", "mac-arm64"),
        *("mac-universal", "linux-x64-musl"),
    ]
    for runtime in answer["runtimes"]:
        assert small.run("verify", runtime["output"])[0] == 0
    universal = answer["runtimes"][-2]
    assert [i["asset"].split("-")[2] for i in universal["interpreters"]] == ["x86_64", "aarch64"]


def test_trees_made_before_are_no_part_of_the_app(small: Small, tmp_path: Path) -> None:
    """The configured output lies in the app's directory; this time the trees go elsewhere."""
    file = small.path / "pyproject.toml"
    file.write_text(file.read_text().replace('exclude = ["dist", ', "exclude = ["))
    _, first = small.assemble("linux-x64")
    _, second = small.assemble("linux-x64", words=("--output", str(tmp_path)))
    assert first["runtimes"][0]["tree_root"] == second["runtimes"][0]["tree_root"]
    assert not (tmp_path / "linux-x64/app/dist").exists()


def test_a_wheel_whose_tag_lies_is_named_with_its_file(small: Small) -> None:
    small.wheel("liar", "cp312-cp312-win_amd64", {"liar/_native.pyd": ELF, "liar/__init__.py": ""})
    small.wheel("liar", f"cp312-cp312-{MANY}", {"liar/_native.so": ELF, "liar/__init__.py": ""})
    error = small.refused("linux-x64", "win-x64")
    assert error["kind"] == "build"
    assert error["exit_code"] == 4
    (line,) = error["details"]
    assert "Lib/site-packages/liar/_native.pyd" in line
    assert "ELF" in line
    assert "win-x64 needs PE" in line


def test_a_module_of_another_system_is_no_module(small: Small) -> None:
    name = "liar.cpython-312-x86_64-linux-gnu.so"
    small.wheel("liar", "cp312-cp312-win_amd64", {name: PE})
    error = small.refused("win-x64")
    (line,) = [line for line in error["details"] if line.startswith("liar, imported by liar 1.0")]
    assert f"{name} is no module this platform's interpreter loads" in line


def test_imports_that_lead_nowhere_are_named_per_platform(small: Small) -> None:
    small.write(
        {
            "main.py": "import sys\nif sys.platform == 'win32':\n    import winreg\n",
            "lazy.py": "def f():\n    import winreg\n    import nothing.at_all\n",
            "gui.py": "try:\n    import tkinter\nexcept ImportError:\n    pass\n",
        }
    )
    error = small.refused("linux-x64", "win-x64")
    text = "\n".join(error["details"])
    linux, _, windows = text.partition("win-x64: ")
    assert "winreg, imported by lazy.py:2" in linux
    assert "winreg" not in windows
    for part in (linux, windows):
        assert "nothing.at_all, imported by lazy.py:3" in part
    assert "  tkinter, imported by gui.py:2\n" in linux, "its interpreter never had it"
    assert "tkinter, imported by gui.py:2: the trim rule tkinter leaves it out" in windows
    assert text.count("leaves it out") == 1, "no rule is to blame for what nobody brought"
    file, more = small.path / "pyproject.toml", '"winreg", "nothing", "tkinter", '
    file.write_text(
        file.read_text().replace("optional-imports = [", f"optional-imports = [{more}", 1)
    )
    assert small.assemble("linux-x64", "win-x64")[0] == 0


def test_a_start_that_leads_nowhere_is_named(small: Small) -> None:
    file = small.path / "pyproject.toml"
    text = file.read_text().replace('entry = "main.py"', 'entry = "pkg.server:run"')
    file.write_text(text)
    small.write({"pkg/__init__.py": ""})
    error = small.refused("linux-x64")
    assert error["details"] == ["pkg.server, imported by entry pkg.server:run"]
    small.write({"pkg/server.py": "def run(): ...\n"})
    assert small.assemble("linux-x64")[0] == 0


def test_an_entry_that_does_not_compile_is_refused(small: Small) -> None:
    small.write({"main.py": "def broken(:\n", "template.py": "import {{ name }}\n"})
    (line,) = small.refused("linux-x64")["details"]
    assert line.startswith("app/main.py: SyntaxError")
    assert line.endswith("(it starts the app)")
    small.write({"main.py": ""})
    code, answer = small.assemble("linux-x64")
    assert code == 0
    assert [line.partition(":")[0] for line in answer["runtimes"][0]["uncompiled"]] == [
        "app/template.py"
    ]


def test_names_that_windows_cannot_hold_are_all_named(small: Small) -> None:
    small.write({"aux.py": "", "data/what?.txt": "", "data/dot.": "", "fine.txt": ""})
    error = small.refused("linux-x64", "win-x64")
    assert error["details"] == [
        "app/aux.py: not a name Windows can hold",
        "app/data/dot.: not a name Windows can hold",
        "app/data/what?.txt: not a name Windows can hold",
    ]
    assert small.assemble("linux-x64")[0] == 0


def test_names_that_differ_in_case_alone_are_named_with_their_owners(small: Small) -> None:
    small.wheel("one", "py3-none-any", {"one/__init__.py": "", "Shared/data.txt": "1"})
    small.wheel("two", "py3-none-any", {"two/__init__.py": "", "shared/data.txt": "2"})
    error = small.refused("win-x64")
    (line,) = error["details"]
    assert line.endswith("shared/data.txt: in one 1.0 and in two 1.0")


def test_a_path_too_long_for_windows_is_named_unless_there_is_room(small: Small) -> None:
    deep = "/".join(["long/" + "x" * 45] * 4) + ".txt"
    small.wheel("long", "py3-none-any", {"long/__init__.py": "", deep: "data"})
    error = small.refused("linux-x64", "win-x64")
    (line,) = error["details"]
    length = len(f"python/Lib/site-packages/{deep}")
    assert line.endswith(f"{deep}: {length} characters, expected at most 200 (path-budget)")
    assert "path-budget" in error["hint"]
    assert small.assemble("win-x64", words=("--path-budget", str(length)))[0] == 0


def test_a_floor_below_what_a_wheel_needs_is_refused_while_locking(small: Small) -> None:
    small.wheel("native", f"cp312-cp312-{MANY}", {"native/__init__.py": ""})
    small.configure('[tool.runtime-packager.floors]\nglibc = "2.17"\n')
    error = small.refused("linux-x64", "linux-arm64")
    text = "\n".join([error["message"], *error["details"], error["hint"] or ""])
    assert "native" in text
    assert f"cp312-cp312-{MANY}" in text
    assert "manylinux_2_17_x86_64" in text
    assert "linux-arm64" in text
    assert not (small.path / "manifests/locks").exists()


def test_every_platform_without_a_pinned_interpreter_is_named(small: Small) -> None:
    file = small.path / "manifests/interpreters.json"
    pins = json.loads(file.read_text())
    pins["pins"] = [p for p in pins["pins"] if p["target"] not in ("win-arm64", "mac-x64")]
    file.write_text(json.dumps(pins))
    error = small.refused("all")
    assert error["message"].startswith("win-arm64, mac-x64, mac-universal cannot be assembled")
    text = "\n".join(error["details"])
    assert "win-arm64, mac-x64: CPython 3.12.14 for each could not be obtained" in text
    assert "CPython 3.12.14 for each is not pinned" in text


def test_both_parts_of_a_universal_tree_are_named(small: Small) -> None:
    small.write({"main.py": "import nothing\n"})
    error = small.refused("mac-universal")
    assert error["message"].startswith("mac-universal cannot be assembled")
    assert error["details"] == [
        "mac-universal: 1 thing would not work on mac-x64",
        "  nothing, imported by main.py:1",
        "mac-universal: 1 thing would not work on mac-arm64",
        "  nothing, imported by main.py:1",
    ]
    file = small.path / "manifests/interpreters.json"
    pins = json.loads(file.read_text())
    pins["pins"] = [p for p in pins["pins"] if not p["target"].startswith("mac")]
    file.write_text(json.dumps(pins))
    text = "\n".join(small.refused("mac-universal")["details"])
    assert "for mac-x64 is not pinned" in text
    assert "for mac-arm64 is not pinned" in text


def test_a_key_that_refuses_the_last_tree_leaves_the_first_unpublished(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release key signs official interpreters only; the host's is none here."""
    file = small.path / "manifests/interpreters.json"
    pins = json.loads(file.read_text())
    pins["pins"] = [p for p in pins["pins"] if p["target"] != "linux-x64"]
    file.write_text(json.dumps(pins))
    monkeypatch.setenv("RUNTIME_PACKAGER_PASSPHRASE", "a passphrase of many words")
    key = small.path / "key.json"
    assert small.run("keys", "generate", str(key))[0] == 0
    words = ("--key", str(key))
    assert "is no official build" in small.refused("win-x64", "linux-x64", words=words)["message"]
    assert small.assemble("win-x64", words=words)[0] == 0
