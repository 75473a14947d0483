"""Which interpreter compiles for a foreign tree: the same version, else of the same minor one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from fakes.interpreter import archive
from packaging.version import Version

from runtime_packager.errors import InputError
from runtime_packager.interpreters import (
    ArchiveSource,
    Catalogue,
    Interpreter,
    MirrorSource,
    Pin,
    Source,
    obtain_compiler,
)
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Silent
from runtime_packager.platforms import find_target

HOST = find_target("linux-x64")


@pytest.fixture
def mirror_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    return folder


def pinned(folder: Path, *versions: str) -> tuple[list[Source], Catalogue]:
    """A mirror in a folder that has these versions for the host."""
    pins = []
    for text in versions:
        version, asset = Version(text), f"cpython-{text}-install_only.tar.gz"
        data = archive(version, HOST)
        place = folder / "20260101" / asset
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(data)
        pins.append(Pin(version, HOST.name, "20260101", asset, hashlib.sha256(data).hexdigest()))
    return [MirrorSource(folder.as_uri())], Catalogue.of(pins)


def compiler(tmp_path: Path, python: str, sources: list[Source], pins: Catalogue) -> Interpreter:
    cache = Cache(tmp_path / "cache")
    return obtain_compiler(Version(python), HOST, sources, pins, cache, Silent())


def test_the_exact_version_comes_first(tmp_path: Path, mirror_folder: Path) -> None:
    sources, pins = pinned(mirror_folder, "3.12.1", "3.12.9")
    assert compiler(tmp_path, "3.12.1", sources, pins).provenance.python == "3.12.1"


def test_else_the_newest_of_the_same_minor_version(tmp_path: Path, mirror_folder: Path) -> None:
    sources, pins = pinned(mirror_folder, "3.12.9", "3.12.10", "3.13.2")
    assert compiler(tmp_path, "3.12.1", sources, pins).provenance.python == "3.12.10"


def test_a_newest_that_cannot_be_had_is_passed_over(tmp_path: Path, mirror_folder: Path) -> None:
    sources, pins = pinned(mirror_folder, "3.12.9", "3.12.10")
    next(mirror_folder.rglob("cpython-3.12.10-*")).unlink()
    assert compiler(tmp_path, "3.12.1", sources, pins).provenance.python == "3.12.9"


def test_without_any_it_says_what_it_is_for(tmp_path: Path, mirror_folder: Path) -> None:
    sources, pins = pinned(mirror_folder, "3.13.2")
    foreign = ArchiveSource(tmp_path / "x.tar.gz", "0" * 64, frozenset({"win-x64"}))
    with pytest.raises(InputError) as caught:
        compiler(tmp_path, "3.12.1", [foreign, *sources], pins)
    assert "no CPython 3.12 that runs here" in caught.value.message
