from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Pylock, is_valid_pylock_path
from packaging.version import Version

from runtime_packager.errors import InputError
from runtime_packager.platforms import SINGLE_TARGETS, find_target
from runtime_packager.wheels import (
    Lock,
    LockedPackage,
    lock_name,
    parse,
    render,
    requirements_digest,
    up_to_date,
)

GOLDEN = Path(__file__).parent / "golden"
PYTHON = Version("3.12.14")

EXAMPLE = Lock(
    target="win-x64",
    floor=(10, 0),
    python=PYTHON,
    requirements_digest="d" * 64,
    packages=(
        LockedPackage(
            "gputil", "1.4.0", "GPUtil-1.4.0.tar.gz", "a" * 64, 5545,
            "https://user:secret@files.example/GPUtil-1.4.0.tar.gz#egg=x", "sdist",
        ),
        LockedPackage(
            "local", "0.1", "local-0.1-py3-none-any.whl", "b" * 64, None,
            "file:///home/me/local-0.1-py3-none-any.whl", "wheel",
        ),
        LockedPackage(
            "numpy", "2.3.4", "numpy-2.3.4-cp312-cp312-win_amd64.whl", "c" * 64, 12_800_000,
            "https://files.example/numpy-2.3.4-cp312-cp312-win_amd64.whl", "wheel", ">=3.11",
        ),
    ),
)  # fmt: skip

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4})?", fullmatch=True)
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)


@st.composite
def packages(draw: st.DrawFn, name: str) -> LockedPackage:
    version = draw(st.from_regex(r"[1-9]\.[0-9](rc1|\.post2)?", fullmatch=True))
    kind = draw(st.sampled_from(["wheel", "sdist"]))
    ending = "-py3-none-any.whl" if kind == "wheel" else ".tar.gz"
    filename = f"{name.replace('-', '_')}-{version}{ending}"
    url = draw(st.sampled_from([None, f"https://a.example/x/{filename}", "http://a.example/get?1"]))
    size = draw(st.none() | st.integers(0, 2**53))
    requires = draw(st.sampled_from([None, ">=3.8", "!=3.9.*,>=3.8"]))
    return LockedPackage(name, version, filename, draw(DIGESTS), size, url, kind, requires)


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    names = sorted(draw(st.sets(NAMES, max_size=4)))
    return Lock(
        draw(st.sampled_from(SINGLE_TARGETS)).name,
        (draw(st.integers(0, 99)), draw(st.integers(0, 99))),
        draw(st.sampled_from([PYTHON, Version("3.11.16"), Version("3.14.0rc1")])),
        draw(DIGESTS),
        tuple(draw(packages(name)) for name in names),
    )


@given(locks())
def test_a_lock_survives_the_file(lock: Lock) -> None:
    text = render(lock)
    assert parse(text, "pylock.toml") == lock
    assert render(parse(text, "pylock.toml")) == text
    Pylock.from_dict(tomllib.loads(text))


@given(locks())
def test_without_urls_a_lock_names_no_host(lock: Lock) -> None:
    text = render(lock, write_urls=False)
    assert "://" not in text
    assert "\r" not in text
    bare = tuple(dataclasses.replace(package, url=None) for package in lock.packages)
    assert parse(text, "pylock.toml") == dataclasses.replace(lock, packages=bare)


def test_the_format_is_what_it_was() -> None:
    """If it is meant to change, write ``render(EXAMPLE)`` to the golden file."""
    expected = (GOLDEN / lock_name(find_target("win-x64"))).read_text(encoding="utf-8")
    assert render(EXAMPLE) == expected


def test_secrets_and_local_paths_stay_out_of_locks() -> None:
    text = render(EXAMPLE)
    assert "secret" not in text
    assert "file://" not in text
    assert 'path = "wheels/local-0.1-py3-none-any.whl"' in text


def test_order_of_packages_does_not_change_the_file() -> None:
    turned = dataclasses.replace(EXAMPLE, packages=EXAMPLE.packages[::-1])
    assert render(turned) == render(EXAMPLE)


def test_other_tools_take_the_file_for_a_lock() -> None:
    assert all(is_valid_pylock_path(Path(lock_name(target))) for target in SINGLE_TARGETS)
    document = Pylock.from_dict(tomllib.loads(render(EXAMPLE)))
    target = find_target("win-x64")
    chosen = document.select(environment=target.markers(PYTHON), tags=target.tags(PYTHON))  # type: ignore[arg-type]
    assert [str(package.name) for package, _ in chosen] == ["gputil", "local", "numpy"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('lock-version = "1.0"', 'lock-version = "2.0"', "2.0 is not supported"),
        ('lock-version = "1.0"', "lock-version = ", "Invalid value"),
        ("[tool.runtime-packager]", "[tool.other]", "another tool made it"),
        ('python = "3.12.14"', 'python = "three"', "three"),
        ('platform = "win-x64"', 'platform = "amiga"', "unknown platform 'amiga'"),
        ('platform = "win-x64"', 'platform = "windows"', "not a canonical name"),
        ('platform = "win-x64"', 'shape = "round"', "shape is not known"),
        ('floor = "10.0"', "", "floor is missing"),
        ('floor = "10.0"', 'floor = "ten"', "floor 'ten' is not like 2.28"),
        ('"' + "d" * 64, '"' + "D" * 64, "requirements-digest is not a sha256"),
        ('"' + "c" * 64, '"' + "c" * 63, "numpy: it has no lower-case hex sha256"),
        ("wheels/local-0.1-py3", "../local-0.1-py3", "local: its path is not wheels/local"),
        ("https://files.example/numpy", "ftp://files.example/numpy", "numpy: its url is not"),
        ("https://files.example/numpy", "https://u:p@files.example/numpy", "numpy: its url is not"),
        ('name = "local"', 'name = "numpy"', "not consistent"),
        ("numpy-2.3.4-cp312", "numpy-2.3.5-cp312", "not consistent"),
        ("size = 5545", "size = -1", "gputil: its size is negative"),
        ('version = "2.3.4"', "marker = \"os_name == 'nt'\"", "numpy is not exactly one"),
    ],
)
def test_a_wrong_lock_is_refused_with_its_name_and_fault(old: str, new: str, reason: str) -> None:
    text = render(EXAMPLE)
    assert old in text
    with pytest.raises(InputError, match=r"pylock\.win-x64\.toml") as caught:
        parse(text.replace(old, new), "pylock.win-x64.toml")
    assert reason in str(caught.value)


def test_the_same_package_twice_is_refused() -> None:
    doubled = dataclasses.replace(EXAMPLE, packages=EXAMPLE.packages[2:] * 2)
    with pytest.raises(InputError) as caught:
        parse(render(doubled), "pylock.toml")
    assert caught.value.details == ("numpy is there twice",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"floor": (11, 0)}, "it is for Windows 11.0 and newer, not 10.0"),
        ({"target": "linux-x64"}, "it is for linux-x64, not win-x64"),
        ({"python": Version("3.12.13")}, "it is for Python 3.12.13, not 3.12.14"),
        ({"requirements_digest": "0" * 64}, "the requirements have changed since it was made"),
    ],
)
def test_a_lock_knows_what_it_was_made_for(
    tmp_path: Path, change: dict[str, Any], reason: str | None
) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("numpy\n", encoding="utf-8")
    lock = dataclasses.replace(EXAMPLE, requirements_digest=requirements_digest([path]))
    lock = dataclasses.replace(lock, **change)
    assert up_to_date(lock, find_target("win-x64"), PYTHON, [path]) == reason


@pytest.mark.parametrize(
    ("name", "made_for", "reason"),
    [
        ("linux-x64", (2, 17), "it is for glibc 2.17 and newer, not 2.28"),
        ("linux-x64-musl", (1, 1), "it is for musl 1.1 and newer, not 1.2"),
        ("mac-arm64", (11, 0), "it is for macOS 11.0 and newer, not 13.0"),
    ],
)
def test_a_lock_for_another_floor_does_not_fit(
    tmp_path: Path, name: str, made_for: tuple[int, int], reason: str
) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("", encoding="utf-8")
    lock = Lock(name, made_for, PYTHON, requirements_digest([path]), ())
    target = find_target(name)
    assert up_to_date(lock, target, PYTHON, [path]) == reason
    assert up_to_date(lock, target.with_floor(made_for), PYTHON, [path]) is None
