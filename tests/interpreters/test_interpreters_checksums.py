"""Pins for targets that the index lacks, from a release's own list of digests."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.mirror import Mirror, page, redirect, status
from packaging.version import Version

from runtime_packager.interpreters import (
    Catalogue,
    GithubSource,
    MirrorSource,
    Pin,
    pins_from_checksums,
)
from runtime_packager.io.progress import Silent

PYTHON = Version("3.12.14")
MUSL = "linux-x64-musl"
LIST = "/20260929/SHA256SUMS"
STEM = f"cpython-{PYTHON}+20260929-x86_64-unknown-linux-musl"
KNOWN = Catalogue.of([Pin(PYTHON, "linux-x64", "20260929", "linux.tar.gz", "1" * 64)])


class Heard(Silent):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def pinned(*sources, heard: Silent | None = None) -> Pin | None:
    found = pins_from_checksums([(PYTHON, MUSL)], KNOWN, sources, heard or Silent())
    assert KNOWN.pins[0] in found.pins
    return next((pin for pin in found.pins if pin.target == MUSL), None)


def listing(*flavours: str) -> bytes:
    rows = [f"{n}" * 64 + f"  {STEM}-{flavour}.tar.gz\n" for n, flavour in enumerate(flavours, 2)]
    return "".join(["0" * 64 + "  other.tar.zst\n", *rows]).encode()


def test_the_smaller_flavour_is_taken(mirror: Mirror) -> None:
    mirror.put(LIST, listing("debug-full", "install_only", "install_only_stripped"))
    pin = pinned(MirrorSource(mirror.base))
    assert pin == Pin(PYTHON, MUSL, "20260929", f"{STEM}-install_only_stripped.tar.gz", "4" * 64)


def test_a_mirror_may_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "20260929").mkdir()
    (tmp_path / "20260929/SHA256SUMS").write_bytes(listing("install_only"))
    pin = pinned(MirrorSource(tmp_path.as_uri()))
    assert pin is not None
    assert pin.asset == f"{STEM}-install_only.tar.gz"


def test_a_release_without_such_an_archive_gives_none(mirror: Mirror) -> None:
    mirror.put(LIST, listing("debug-full"))
    assert pinned(MirrorSource(mirror.base)) is None


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (status(404), "it answers 404"),
        (page(), "is no list of digests"),
        (page(b"0" * (4 * 1024 * 1024 + 1)), "larger than 4194304 bytes"),
        (redirect("ftp://127.0.0.1/x"), "which is refused"),
    ],
)
def test_what_is_no_list_is_said_and_the_next_source_asked(mirror: Mirror, fault, said) -> None:
    mirror.put(LIST, listing("install_only"))
    mirror.put(f"/second{LIST}", listing("install_only"))
    mirror.plan(LIST, fault)
    heard = Heard()
    assert pinned(MirrorSource(mirror.base), MirrorSource(f"{mirror.base}/second"), heard=heard)
    (warning,) = heard.warnings
    assert said in warning


def test_a_source_for_other_targets_is_not_asked(mirror: Mirror) -> None:
    assert pinned(MirrorSource(mirror.base, frozenset({"linux-x64"}))) is None
    assert mirror.requests == []


def test_without_any_pin_of_the_version_nobody_is_asked(mirror: Mirror) -> None:
    wanted = [(Version("3.13.1"), MUSL)]
    found = pins_from_checksums(wanted, KNOWN, [MirrorSource(mirror.base)], Silent())
    assert found == KNOWN
    assert mirror.requests == []


def test_githubs_place_may_be_taken_by_the_environment(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", mirror.base)
    mirror.put(LIST, listing("install_only"))
    assert pinned(GithubSource())


def test_a_list_that_comes_by_plain_http_pins_nothing(mirror: Mirror) -> None:
    """What is pinned counts as official, so nobody on the way may have written it."""
    mirror.put(LIST, listing("install_only"))
    heard = Heard()
    elsewhere = MirrorSource("http://mirror.example/pbs")
    assert pinned(elsewhere, heard=heard) is None
    assert pinned(elsewhere, MirrorSource(mirror.base), heard=heard)
    assert all("plain http" in warning for warning in heard.warnings)
    assert len(heard.warnings) == 2
