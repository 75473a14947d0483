from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_index import FakeIndex
from wheel_making import make_sdist, make_wheel

from runtime_packager import locking
from runtime_packager.config import Config, load_config
from runtime_packager.errors import BuildError, InputError
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Silent

PROJECT = """
[tool.runtime-packager]
name = "app"
version = "1.0"
app = "app"
entry = "main.py"
requirements = ["requirements.txt"]
python = "3.12.14"
platforms = ["linux-x64", "win-x64", "mac-universal"]
"""


class Heard(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "app").mkdir(parents=True)
    (root / "app" / "main.py").write_text("", encoding="utf-8")
    (root / "requirements.txt").write_text("one\n", encoding="utf-8")
    (root / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    return root


def configure(project: Path, more: str = "") -> Config:
    (project / "pyproject.toml").write_text(PROJECT + more, encoding="utf-8")
    return load_config(project / "pyproject.toml")


def ensure(
    config: Config, cache: Cache, *, locked: bool = False, offline: bool = False
) -> tuple[list[str], list[str]]:
    """The names that were made anew, and what was said."""
    heard = Heard()
    found = locking.ensure_all(
        config, config.platforms, cache, heard, locked=locked, offline=offline
    )
    return [name for name, (_, anew) in found.items() if anew], heard.notes


NAMES = ["linux-x64", "win-x64", "mac-x64", "mac-arm64"]


def test_a_universal_platform_is_locked_as_its_parts(
    index: FakeIndex, project: Path, cache: Cache
) -> None:
    index.add(make_wheel("one", "1.0"))
    config = configure(project)
    assert [target.name for target in locking.expand(config, config.platforms)] == NAMES
    twice = [config.target("mac-arm64"), config.target("mac-universal")]
    assert [target.name for target in locking.expand(config, twice)] == ["mac-arm64", "mac-x64"]

    assert ensure(config, cache)[0] == NAMES

    assert sorted(os.listdir(config.locks)) == sorted(f"pylock.{name}.toml" for name in NAMES)
    assert locking.stale(config, config.platforms) == {}


def test_only_what_does_not_fit_is_made_anew(index: FakeIndex, project: Path, cache: Cache) -> None:
    index.add(make_wheel("one", "1.0"))
    config = configure(project)
    ensure(config, cache)
    index.add(make_wheel("one", "2.0"))
    config = configure(project, '[tool.runtime-packager.floors]\nmacos-arm64 = "11.0"\n')
    reason = "it is for macOS 13.0 and newer, not 11.0"
    assert locking.stale(config, config.platforms) == {"mac-arm64": reason}

    assert ensure(config, cache) == (["mac-arm64"], [f"locking mac-arm64: {reason}"])

    versions = {
        target.name: [package.version for package in lock.packages]
        for target in locking.expand(config, config.platforms)
        if (lock := locking.read(config, target))
    }
    assert versions == {name: ["2.0" if name == "mac-arm64" else "1.0"] for name in NAMES}
    assert ensure(config, cache, locked=True) == ([], [])


@pytest.mark.parametrize("how", ["locked", "offline"])
def test_locks_that_do_not_fit_and_may_not_be_made_are_all_named(
    index: FakeIndex, project: Path, cache: Cache, how: str
) -> None:
    index.add(make_wheel("one", "1.0"))
    config = configure(project)
    locking.make_all(config, [config.target("win-x64")], cache, Silent())
    (project / "requirements.txt").write_text("one>=1\n", encoding="utf-8")
    with pytest.raises(InputError, match="4 locks do not fit") as caught:
        ensure(config, cache, **{how: True})
    assert caught.value.details == (
        "pylock.linux-x64.toml: there is none yet",
        "pylock.win-x64.toml: the requirements have changed since it was made",
        "pylock.mac-x64.toml: there is none yet",
        "pylock.mac-arm64.toml: there is none yet",
    )


def test_damaged_locks_are_all_named_and_kept(
    index: FakeIndex, project: Path, cache: Cache
) -> None:
    index.add(make_wheel("one", "1.0"))
    config = configure(project)
    ensure(config, cache)
    for name in ("linux-x64", "mac-x64"):
        path = config.lock_file(config.target(name))
        path.write_text(path.read_text(encoding="utf-8") + "<<<<<<< HEAD\n", encoding="utf-8")
    with pytest.raises(InputError, match="2 locks cannot be used") as caught:
        ensure(config, cache)
    assert [line.split(" is not")[0].rpartition(os.sep)[2] for line in caught.value.details] == [
        "pylock.linux-x64.toml",
        "pylock.mac-x64.toml",
    ]
    assert "<<<<<<< HEAD" in config.lock_file(config.target("mac-x64")).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "bad",
    [
        make_wheel("two", "1.0", "cp312-cp312-macosx_13_0_arm64"),
        make_sdist("two", "1.0", "cp312-cp312-linux_x86_64"),
    ],
    ids=["a wheel is missing", "a source archive compiles"],
)
def test_nothing_is_written_when_one_platform_fails(
    index: FakeIndex, project: Path, cache: Cache, bad: object
) -> None:
    index.add(make_wheel("one", "1.0"))
    config = configure(project)
    ensure(config, cache)
    before = {path.name: path.read_bytes() for path in config.locks.iterdir()}
    index.add(bad)  # type: ignore[arg-type]
    text = "one>=1\ntwo; sys_platform == 'darwin'\n"
    (project / "requirements.txt").write_text(text, encoding="utf-8")
    with pytest.raises(BuildError, match=r"two"):
        ensure(config, cache)
    assert {path.name: path.read_bytes() for path in config.locks.iterdir()} == before


def test_versions_that_differ_from_platform_to_platform_are_known(
    index: FakeIndex, project: Path, cache: Cache
) -> None:
    index.add(
        make_wheel("one", "1.0", requires=["two"]),
        make_wheel("two", "2.0", "cp312-cp312-manylinux_2_28_x86_64"),
        make_wheel("two", "1.0", "py3-none-any"),
    )
    config = configure(project)
    made = locking.make_all(config, config.platforms, cache, Silent())
    assert locking.differences(made) == {
        "two": {"2.0": ["linux-x64"], "1.0": ["win-x64", "mac-x64", "mac-arm64"]}
    }
    assert locking.differences({"linux-x64": made["linux-x64"]}) == {}
