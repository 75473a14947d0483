"""Targets: names, markers and tags, checked against what packaging says a real system accepts."""

import sys

import pytest
from packaging.markers import default_environment
from packaging.tags import parse_tag, sys_tags
from packaging.version import Version

from runtime_packager.errors import InputError
from runtime_packager.platforms import TARGETS, find_target, host_target

PYTHON = Version("3.12.14")


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("linux-x64", "linux-x64"),
        ("LINUX-X64", "linux-x64"),
        ("win32-x64", "win-x64"),
        ("windows-x86_64", "win-x64"),
        ("darwin-arm64", "mac-arm64"),
        ("macos-aarch64", "mac-arm64"),
        ("aarch64-unknown-linux-gnu", "linux-arm64"),
        ("x86_64-unknown-linux-musl", "linux-x64-musl"),
    ],
)
def test_aliases_name_the_same_target(alias: str, name: str) -> None:
    assert find_target(alias).name == name


def test_names_are_unambiguous() -> None:
    names = [name for target in TARGETS for name in target.names]
    assert len(names) == len(set(names))


def test_an_unknown_target_lists_the_known_and_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        find_target("linux-x46")
    assert "linux-x64" in caught.value.message
    assert "mac-arm64" in caught.value.message
    assert caught.value.hint == "did you mean linux-x64?"


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)
def test_every_marker_is_given(target) -> None:
    assert set(target.markers(PYTHON)) == set(default_environment())


def test_markers_of_the_host_are_what_this_interpreter_says() -> None:
    version = Version(".".join(map(str, sys.version_info[:3])))
    stated = host_target().markers(version)
    real = default_environment()
    for key in real.keys() - {"platform_release", "platform_version"}:
        assert stated[key] == real[key]


@pytest.mark.parametrize(
    ("target", "tag"),
    [
        ("linux-x64", "cp312-cp312-manylinux_2_28_x86_64"),
        ("linux-x64", "cp312-cp312-manylinux2014_x86_64"),
        ("linux-x64", "cp39-abi3-manylinux1_x86_64"),
        ("linux-x64", "py3-none-any"),
        ("linux-arm64", "cp312-cp312-manylinux2014_aarch64"),
        ("linux-x64-musl", "cp312-cp312-musllinux_1_1_x86_64"),
        ("win-x64", "cp312-cp312-win_amd64"),
        ("win-arm64", "cp38-abi3-win_arm64"),
        ("mac-x64", "cp312-cp312-macosx_10_9_x86_64"),
        ("mac-x64", "cp312-cp312-macosx_11_0_universal2"),
        ("mac-arm64", "cp312-cp312-macosx_11_0_arm64"),
        ("mac-arm64", "cp312-cp312-macosx_10_9_universal2"),
    ],
)
def test_accepts(target: str, tag: str) -> None:
    assert parse_tag(tag) <= set(find_target(target).tags(PYTHON))


@pytest.mark.parametrize(
    ("target", "tag"),
    [
        ("linux-x64", "cp312-cp312-manylinux_2_34_x86_64"),
        ("linux-x64", "cp312-cp312-linux_x86_64"),
        ("linux-x64", "cp312-cp312-musllinux_1_2_x86_64"),
        ("linux-x64", "cp313-cp313-manylinux_2_28_x86_64"),
        ("linux-arm64", "cp312-cp312-manylinux1_x86_64"),
        ("linux-x64-musl", "cp312-cp312-manylinux_2_17_x86_64"),
        ("win-x64", "cp312-cp312-win32"),
        ("mac-x64", "cp312-cp312-macosx_14_0_x86_64"),
        ("mac-arm64", "cp312-cp312-macosx_11_0_x86_64"),
    ],
)
def test_refuses(target: str, tag: str) -> None:
    assert not parse_tag(tag) & set(find_target(target).tags(PYTHON))


def test_preference_is_packagings_own() -> None:
    """On the host, tags come in the order this interpreter itself prefers them."""
    host = host_target()
    version = Version(".".join(map(str, sys.version_info[:3])))
    ours = {tag: rank for rank, tag in enumerate(host.tags(version))}
    theirs = [tag for tag in sys_tags() if tag in ours]
    assert [ours[tag] for tag in theirs] == sorted(ours[tag] for tag in theirs)
    assert len(theirs) > 100


def test_layouts() -> None:
    linux, windows = find_target("linux-x64"), find_target("win-x64")
    assert linux.interpreter(PYTHON) == "python/bin/python3.12"
    assert linux.site_packages(PYTHON) == "python/lib/python3.12/site-packages"
    assert windows.interpreter(PYTHON) == "python/python.exe"
    assert windows.site_packages(PYTHON) == "python/Lib/site-packages"
