"""The catalogue: a stable file, a clear error for each way in which it can be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pbs_installer
import pytest
from packaging.version import Version

from runtime_packager.errors import InputError
from runtime_packager.interpreters import (
    Catalogue,
    Pin,
    available_versions,
    pins_from_index,
    read_catalogue,
    write_catalogue,
)
from runtime_packager.platforms import SINGLE_TARGETS, find_target

GOLDEN = Path(__file__).parents[1] / "golden" / "interpreters" / "catalogue.json"
MANIFEST = Path(__file__).parents[2] / "manifests" / "interpreters.json"
V312, V313 = Version("3.12.14"), Version("3.13.12")
LINUX = find_target("linux-x64")


def pin(python: Version = V312, target: str = "linux-x64", **changes: Any) -> Pin:
    asset = f"cpython-{python}+20260929-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"
    facts = {"release": "20260929", "asset": asset, "sha256": "ab" * 32, **changes}
    return Pin(python, target, **facts)


def test_the_file_is_as_it_always_was(tmp_path: Path) -> None:
    catalogue = Catalogue.of([pin(V313), pin(V312, "win-x64"), pin(V312)])
    write_catalogue(tmp_path / "it.json", catalogue)
    assert (tmp_path / "it.json").read_bytes() == GOLDEN.read_bytes()
    assert read_catalogue(GOLDEN) == catalogue


def test_versions_are_sorted_as_versions() -> None:
    old, new = pin(Version("3.13.9")), pin(Version("3.13.12"))
    assert Catalogue.of([new, old]).pins == (old, new)


def test_the_plus_in_a_name_is_escaped_in_its_address() -> None:
    assert pin().url("https://mirror.test/pbs/") == (
        "https://mirror.test/pbs/20260929/"
        "cpython-3.12.14%2B20260929-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"
    )


def test_a_missing_pin_says_what_there_is() -> None:
    catalogue = Catalogue.of([pin(V312), pin(V313), pin(Version("3.11.1"), "mac-x64")])
    assert catalogue.pin(V313, LINUX) == pin(V313)
    with pytest.raises(InputError, match=r"3\.14\.0 for linux-x64 is not pinned") as caught:
        catalogue.pin(Version("3.14.0"), LINUX)
    assert "3.12.14, 3.13.12" in caught.value.message
    assert "3.11.1" not in caught.value.message
    assert caught.value.hint == (
        "run `runtime-packager interpreters update`, or set python to a version that is pinned"
    )


def test_two_pins_for_one_thing_are_refused() -> None:
    with pytest.raises(InputError, match=r"3\.12\.14 for linux-x64"):
        Catalogue.of([pin(), pin(release="20260101")])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not JSON"),
        ("[]", "has schema None, expected 1"),
        ('{"schema": 2, "pins": []}', "has schema 2, expected 1"),
        ('{"schema": 1}', "has no list of pins"),
        ('{"schema": 1, "pins": [{}]}', "pin 1: needs the texts python, target"),
    ],
)
def test_a_wrong_file_is_said_to_be_wrong(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "it.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_catalogue(path)
    assert problem in str(caught.value)


def test_every_wrong_pin_is_named(tmp_path: Path) -> None:
    document = json.loads(GOLDEN.read_text())
    document["pins"][0]["sha256"] = "AB" * 32
    document["pins"][1]["target"] = "solaris"
    document["pins"][2] |= {"python": "three", "asset": "../evil.tar.gz"}
    path = tmp_path / "it.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError) as caught:
        read_catalogue(path)
    assert [line.split()[:3] for line in caught.value.details] == [
        ["pin", "1:", "sha256"],
        ["pin", "2:", "target"],
        ["pin", "3:", "python"],
        ["pin", "3:", "asset"],
    ]


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json cannot be read"):
        read_catalogue(tmp_path / "none.json")


def test_the_index_pins_all_but_musl() -> None:
    found = pins_from_index([V312, Version("3.13")], SINGLE_TARGETS)
    names = {target.name for target in SINGLE_TARGETS if not target.musl}
    assert {one.target for one in found.catalogue.pins if one.python == V312} == names
    assert found.missing == ((V312, "linux-x64-musl"), (Version("3.13"), "linux-x64-musl"))
    for one in found.catalogue.pins:
        name = f"cpython-{one.python}+{one.release}-{find_target(one.target).triple}"
        assert one.asset == f"{name}-install_only_stripped.tar.gz"


def test_a_version_the_index_lacks_is_refused_with_its_line() -> None:
    with pytest.raises(InputError, match=r"3\.12\.99 is not in the index.*3\.12\.14"):
        pins_from_index([Version("3.12.99")], [LINUX])


def test_an_archive_without_a_checksum_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> object:
        version, (url, _sha256) = original("3.12.14", "x86_64", "linux")
        return version, (url, None)

    original = pbs_installer.get_download_link
    monkeypatch.setattr(pbs_installer, "get_download_link", link)
    with pytest.raises(InputError, match=r"no checksum for cpython-3\.12\.14"):
        pins_from_index([V312], [LINUX])


def test_available_versions_are_cpython_newest_first() -> None:
    versions = available_versions()
    assert versions == sorted(set(versions), reverse=True)
    assert {V312, V313} < set(versions)


def test_our_own_pins_are_valid_and_cover_every_indexed_target() -> None:
    catalogue = read_catalogue(MANIFEST)
    for target in SINGLE_TARGETS:
        if not target.musl:
            assert catalogue.pin(V312, target).asset.startswith("cpython-3.12.14+")
            assert catalogue.pin(V313, target).asset.startswith("cpython-3.13.12+")
