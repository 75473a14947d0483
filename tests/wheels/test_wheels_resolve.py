from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_index import FakeIndex
from packaging.version import Version
from wheel_making import make_sdist, make_wheel

from runtime_packager.errors import BuildError, InputError, IntegrityError, NetworkError
from runtime_packager.platforms import SINGLE_TARGETS, Target, find_target
from runtime_packager.wheels import Lock, resolve, resolve_all
from runtime_packager.wheels.as_target import missing_patch_points
from runtime_packager.wheels.as_target.patching import exists
from runtime_packager.wheels.as_target.sharing import SHARED_POINTS
from runtime_packager.wheels.asking import refuse_unknown_pip

LINUX, WINDOWS = find_target("linux-x64"), find_target("win-x64")
PYTHON = Version("3.12.14")

Require = Callable[..., list[Path]]


def files_of(lock: Lock) -> list[str]:
    return [package.filename for package in lock.packages]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (
            LINUX,
            [
                "abi-1.0-cp38-abi3-manylinux_2_17_x86_64.whl",
                "app-1.0-py3-none-any.whl",
                "loops-1.0-py3-none-any.whl",
                "many-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
                "onlysource-2.0.tar.gz",
                "specific-1.0-cp312-cp312-manylinux_2_17_x86_64.whl",
                "wheeled-1.0-py3-none-any.whl",
            ],
        ),
        (
            WINDOWS,
            [
                "abi-1.0-cp38-abi3-win_amd64.whl",
                "app-1.0-py3-none-any.whl",
                "colour-1.0-py3-none-any.whl",
                "many-1.0-py3-none-any.whl",
                "onlysource-2.0.tar.gz",
                "specific-1.0-cp312-cp312-win_amd64.whl",
                "wheeled-1.0-py3-none-any.whl",
            ],
        ),
    ],
    ids=["linux-x64", "win-x64"],
)
def test_pip_chooses_as_the_target_would(
    index: FakeIndex, require: Require, target: Target, expected: list[str]
) -> None:
    index.add(
        make_wheel(
            "app",
            "1.0",
            requires=[
                "colour; sys_platform == 'win32'",
                "loops; sys_platform != 'win32' and platform_machine == 'x86_64'",
                "never; python_full_version < '3.12.14' or implementation_name != 'cpython'",
            ],
            requires_python="==3.12.14",
        ),
        make_wheel("app", "2.0", requires_python=">=3.13"),
        make_wheel("colour", "1.0"),
        make_wheel("loops", "1.0"),
        # A wheel for this very version is better than one for the stable ABI, if there is one.
        make_wheel("specific", "1.0", "cp38-abi3-manylinux_2_17_x86_64"),
        make_wheel("specific", "1.0", "cp312-cp312-manylinux_2_17_x86_64"),
        make_wheel("specific", "1.0", "cp312-cp312-win_amd64"),
        make_wheel("abi", "1.0", "cp38-abi3-manylinux_2_17_x86_64"),
        make_wheel("abi", "1.0", "cp38-abi3-win_amd64"),
        make_wheel("abi", "1.0", "cp313-cp313-win_amd64"),
        # The newest glibc we accept comes first; a newer one, and plain linux, do not count.
        make_wheel("many", "1.0", "cp312-cp312-manylinux2014_x86_64"),
        make_wheel("many", "1.0", "cp312-cp312-manylinux_2_28_x86_64"),
        make_wheel("many", "1.0", "cp312-cp312-manylinux_2_34_x86_64"),
        make_wheel("many", "1.0", "cp312-cp312-linux_x86_64"),
        make_wheel("many", "1.0"),
        # An older wheel is better than a newer source archive; without a wheel it is the archive.
        make_wheel("wheeled", "1.0"),
        make_sdist("wheeled", "2.0"),
        make_sdist("onlysource", "1.0"),
        make_sdist("onlysource", "2.0"),
    )
    files = require("app", "specific", "abi", "many", "wheeled", "onlysource")

    lock = resolve(files, target, PYTHON)

    assert files_of(lock) == expected
    by_name = {package.name: package for package in lock.packages}
    assert by_name["app"].requires_python == "==3.12.14"
    assert by_name["onlysource"].kind == "sdist"
    for package in lock.packages:
        assert package.url == f"http://{index.address}/files/{package.filename}"
        assert package.size == len(index.files[package.filename])


def test_a_source_archive_is_taken_when_it_is_pinned(index: FakeIndex, require: Require) -> None:
    index.add(make_wheel("mixed", "1.0"), make_sdist("mixed", "2.0"))
    assert files_of(resolve(require("mixed>=2"), WINDOWS, PYTHON)) == ["mixed-2.0.tar.gz"]


def test_requirement_files_are_honoured_as_pip_does(require: Require, tmp_path: Path) -> None:
    house = tmp_path / "house"
    house.mkdir()
    for made in (make_wheel("one", "1.0"), make_wheel("one", "2.0"), make_wheel("two", "1.0")):
        (house / made.filename).write_bytes(made.data)
    good = make_wheel("one", "1.0").sha256
    (tmp_path / "more.txt").write_text("two; sys_platform == 'win32'\n", encoding="utf-8")
    (tmp_path / "limits.txt").write_text("one<2\n", encoding="utf-8")
    lines = [f"--find-links {house}", "-r more.txt", "-c limits.txt", "one"]

    lock = resolve(require(*lines), WINDOWS, PYTHON)

    assert [(p.name, p.version) for p in lock.packages] == [("one", "1.0"), ("two", "1.0")]
    assert lock.packages[0].sha256 == good
    assert lock.packages[0].url == (house / "one-1.0-py3-none-any.whl").as_uri()
    assert lock.packages[0].size == (house / "one-1.0-py3-none-any.whl").stat().st_size

    with pytest.raises(IntegrityError, match="--hash"):
        resolve(
            require(f"--find-links {house}", f"one==1.0 --hash=sha256:{'0' * 64}"), WINDOWS, PYTHON
        )


def test_no_requirements_need_no_pip() -> None:
    assert resolve([], LINUX, PYTHON).packages == ()


def test_what_has_no_released_file_is_refused_all_at_once(require: Require, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text("[project]\nname='local'\n", encoding="utf-8")
    files = require(f"-e {project}", str(project), "tool @ git+https://127.0.0.1/tool.git")

    with pytest.raises(InputError, match="cannot be locked") as caught:
        resolve(files, LINUX, PYTHON)

    assert len(caught.value.details) == 3
    assert "line 1" in caught.value.details[0]


def test_a_missing_wheel_says_what_there_is_and_what_would_fit(
    index: FakeIndex, require: Require
) -> None:
    index.add(
        make_wheel("app", "1.0", requires=["native>=2"]),
        make_wheel("native", "1.0"),
        make_wheel("native", "2.0", "cp312-cp312-macosx_11_0_arm64"),
        make_wheel("native", "2.1", "cp312-cp312-manylinux_2_17_x86_64"),
        make_wheel("native", "3.0", "cp313-cp313-win_amd64", requires_python=">=3.13"),
    )

    with pytest.raises(BuildError) as caught:
        resolve(require("app"), WINDOWS, PYTHON)

    error = caught.value
    assert error.message == "no file of native>=2 (needed by app 1.0) fits win-x64, Python 3.12.14"
    assert error.details == (
        "native 3.0: wheels for cp313-cp313-win_amd64",
        "native 2.1: wheels for cp312-cp312-manylinux_2_17_x86_64",
        "native 2.0: wheels for cp312-cp312-macosx_11_0_arm64",
        "native: versions that have a wheel that fits are 1.0",
        "looked for: cp312, abi3 or py3 wheels for win_amd64 or any",
    )
    assert error.hint is not None
    assert "--find-links" in error.hint


def test_what_is_missing_is_said_for_all_platforms_at_once(
    index: FakeIndex, require: Require
) -> None:
    index.add(
        make_wheel("one", "1.0", requires=["native>=2", "gone; sys_platform == 'darwin'"]),
        make_wheel("native", "2.0", "cp312-cp312-manylinux_2_17_x86_64"),
        make_wheel("native", "2.0", "cp312-cp312-macosx_11_0_arm64"),
        make_wheel("native", "1.0", "cp312-cp312-win_arm64"),
    )

    with pytest.raises(BuildError) as caught:
        resolve_all(require("one"), SINGLE_TARGETS[:6], PYTHON)

    error = caught.value
    assert error.message == "the requirements cannot be locked for 5 of 6 platforms"
    there_is = "  native 2.0: wheels for cp312-cp312-manylinux_2_17_x86_64, "
    there_is += "cp312-cp312-macosx_11_0_arm64"
    wheels = "cp312, abi3 or py3 wheels for"
    newest = "manylinux_2_28_aarch64, manylinux_2_27_aarch64, manylinux_2_26_aarch64"
    assert error.details == (
        "no file of native>=2 (needed by one 1.0) fits linux-arm64, win-x64, mac-x64, "
        "Python 3.12.14:",
        there_is,
        "  native: no version has a wheel that fits",
        f"  looked for on linux-arm64: {wheels} {newest}, ... or any",
        f"  looked for on win-x64: {wheels} win_amd64 or any",
        f"  looked for on mac-x64: {wheels} macosx_11_0_x86_64, macosx_11_0_intel, "
        "macosx_11_0_fat64, ... or any",
        "no file of native>=2 (needed by one 1.0) fits win-arm64, Python 3.12.14:",
        there_is,
        "  native: versions that have a wheel that fits are 1.0",
        f"  looked for: {wheels} win_arm64 or any",
        'no file of gone; sys_platform == "darwin" (needed by one 1.0) fits mac-arm64, '
        "Python 3.12.14:",
        "  gone: no configured index or --find-links directory has such a project",
    )


def test_a_long_list_of_wheels_is_cut_after_those_for_this_python(
    index: FakeIndex, require: Require
) -> None:
    for minor in range(8, 15):
        index.add(make_wheel("native", "1.0", f"cp3{minor}-cp3{minor}-win_amd64"))
    with pytest.raises(BuildError) as caught:
        resolve(require("native"), LINUX, PYTHON)
    assert caught.value.details[0].startswith("native 1.0: wheels for cp312-cp312-win_amd64, cp38")
    assert caught.value.details[0].endswith(" and 3 more")


def test_an_unreadable_index_comes_before_what_may_follow_from_it(
    index: FakeIndex, require: Require
) -> None:
    index.add(make_wheel("one", "1.0", "cp312-cp312-win_amd64"))
    index.broken.add("/simple/two/")
    files = require("one; sys_platform == 'linux'", "two; sys_platform == 'win32'")
    with pytest.raises(NetworkError) as caught:
        resolve_all(files, [LINUX, WINDOWS], PYTHON)
    assert caught.value.message == "the requirements cannot be locked for 2 of 2 platforms"
    assert caught.value.details[0] == "a package index cannot be read:"
    assert "no file of one fits linux-x64, Python 3.12.14:" in caught.value.details


def test_targets_share_what_is_read_and_nothing_else(index: FakeIndex, require: Require) -> None:
    index.add(
        make_wheel("app", "1.0", requires=["deep[fast]; sys_platform != 'win32'", "deep"]),
        make_wheel("app", "1.1", "cp312-cp312-win_arm64"),
        # Old files are called like this, and their names are no tags to any library.
        make_wheel("app", "0.9", "py36+-none-any"),
        make_wheel(
            "deep",
            "1.0",
            requires=[
                "quick; extra == 'fast' and platform_machine == 'x86_64'",
                "colour; platform_system == 'Windows'",
                "mac-only>=1; sys_platform == 'darwin'",
            ],
            extras=["fast"],
        ),
        make_wheel("deep", "2.0", "cp312-cp312-macosx_12_0_arm64", requires=["mac-only<2"]),
        make_wheel("deep", "2.0", "cp312-cp312-musllinux_1_1_x86_64"),
        make_wheel("quick", "1.0", "cp38-abi3-manylinux2014_x86_64"),
        make_wheel("quick", "1.0", "cp38-abi3-macosx_10_9_universal2"),
        make_sdist("quick", "1.0"),
        make_wheel("colour", "1.0"),
        make_wheel("mac-only", "1.0"),
        make_wheel("mac-only", "2.0"),
        make_sdist("onlysource", "1.0"),
    )
    files = require("app", "onlysource")
    alone = {target.name: resolve(files, target, PYTHON) for target in SINGLE_TARGETS}
    index.requests.clear()

    together = resolve_all(files, SINGLE_TARGETS, PYTHON)

    assert together == alone
    assert resolve_all(files, SINGLE_TARGETS[::-1], PYTHON) == alone
    assert len({files_of(lock).__str__() for lock in alone.values()}) >= 6
    pages = [path for path in index.requests if path.startswith("/simple/")]
    # Twice, since the locks were made twice.
    assert sorted(pages) == sorted([f"/simple/{name}/" for name in index.pages] * 2)


def test_source_archives_are_prepared_once_for_all(
    index: FakeIndex, require: Require, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add(make_sdist("onlysource", "1.0", diary=tmp_path / "diary"))
    resolve_all(require("onlysource"), SINGLE_TARGETS, PYTHON)
    assert (tmp_path / "diary").read_text(encoding="utf-8") == "metadata\n"


def test_options_in_a_requirements_file_hold_for_every_target(
    index: FakeIndex, require: Require
) -> None:
    index.add(make_wheel("one", "1.0"), make_wheel("one", "2.0rc1"), make_sdist("one", "1.5"))
    locks = resolve_all(require("--pre", "--no-binary one", "one"), SINGLE_TARGETS, PYTHON)
    assert {tuple(files_of(lock)) for lock in locks.values()} == {("one-1.5.tar.gz",)}


@pytest.mark.parametrize(
    ("lines", "message", "details"),
    [
        (
            ["nosuch"],
            "no file of nosuch fits",
            ["nosuch: no configured index or --find-links directory has such a project"],
        ),
        (
            ["one==9"],
            "no file of one==9 fits",
            ["one: versions that have a wheel that fits are 2.0, 1.0"],
        ),
        (
            ["one<2", "wants-two"],
            "contradict each other",
            ["the requirements file needs one<2", "wants-two 1.0 needs one>=2"],
        ),
        (["newer"], "no file of newer fits", None),
    ],
)
def test_requirements_that_cannot_be_met(
    index: FakeIndex,
    require: Require,
    lines: list[str],
    message: str,
    details: list[str] | None,
) -> None:
    index.add(
        make_wheel("one", "1.0"),
        make_wheel("one", "2.0"),
        make_wheel("wants-two", "1.0", requires=["one>=2"]),
        make_wheel("newer", "1.0", requires_python=">=3.13"),
    )
    kind = InputError if details else BuildError
    with pytest.raises(kind, match=message) as caught:
        resolve(require(*lines), LINUX, PYTHON)
    if details is None:
        assert caught.value.details[0] == "newer 1.0: needs Python >=3.13"
    else:
        assert caught.value.details == tuple(details)


def test_an_unreadable_index_is_no_missing_package(index: FakeIndex, require: Require) -> None:
    index.add(make_wheel("one", "1.0"))
    index.broken.add("/simple/one/")
    with pytest.raises(NetworkError, match="cannot be read") as caught:
        resolve(require("one"), LINUX, PYTHON)
    assert "/simple/one/" in caught.value.details[0]


def test_settings_meant_for_installing_do_not_matter(
    index: FakeIndex, require: Require, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add(make_wheel("one", "1.0"))
    for name, value in {"TARGET": "x", "USER": "1", "PLATFORM": "any", "NO_DEPS": "1"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    assert files_of(resolve(require("one"), LINUX, PYTHON)) == ["one-1.0-py3-none-any.whl"]


def test_the_installed_pip_has_every_function_we_replace() -> None:
    assert missing_patch_points() == []
    assert [point for point in SHARED_POINTS if not exists(*point)] == []


def test_a_pip_that_was_rebuilt_inside_is_refused_by_name() -> None:
    problem = {"kind": "pip", "version": "99.0", "missing": ["pip._internal.x.Y.z"]}
    with pytest.raises(BuildError, match=r"pip 99\.0") as caught:
        refuse_unknown_pip({"problem": problem})
    assert caught.value.details == ("it has no pip._internal.x.Y.z",)
