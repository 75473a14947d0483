from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_index import FakeIndex
from packaging.version import Version
from wheel_making import make_sdist, make_wheel

from runtime_packager.errors import BuildError
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Silent
from runtime_packager.platforms import SINGLE_TARGETS
from runtime_packager.wheels import Job, build_all, resolve_all

PYTHON = Version("3.12.14")


def build_what_is_locked(files: list[Path], cache: Cache) -> None:
    locks = resolve_all(files, SINGLE_TARGETS, PYTHON)
    build_all((locks[t.name], Job(t, PYTHON, cache, Silent())) for t in SINGLE_TARGETS)


def test_a_source_archive_is_built_once_for_every_platform(
    index: FakeIndex, require: Callable[..., list[Path]], cache: Cache, tmp_path: Path
) -> None:
    index.add(make_sdist("pure", "1.0", diary=tmp_path / "diary"), make_wheel("one", "1.0"))
    files = require("pure", "one")
    build_what_is_locked(files, cache)
    build_what_is_locked(files, cache)
    made = (tmp_path / "diary").read_text(encoding="utf-8").splitlines()
    assert made.count("wheel") == 1
    assert [wheel.name for wheel in (cache.root / "built").glob("*/*.whl")] == [
        "pure-1.0-py3-none-any.whl"
    ]


def test_without_source_archives_the_cache_is_not_even_made(
    index: FakeIndex, require: Callable[..., list[Path]], cache: Cache
) -> None:
    index.add(make_wheel("one", "1.0"))
    build_what_is_locked(require("one"), cache)
    assert not cache.root.exists()


def test_one_that_compiles_is_refused_with_the_platforms_that_would_get_it(
    index: FakeIndex, require: Callable[..., list[Path]], cache: Cache
) -> None:
    index.add(
        make_sdist("hard", "1.2", "cp312-cp312-linux_x86_64"),
        make_wheel("hard", "1.2", "cp312-cp312-manylinux_2_17_x86_64"),
        make_wheel("hard", "1.2", "cp312-cp312-macosx_11_0_arm64"),
    )
    with pytest.raises(BuildError, match=r"^hard 1\.2 has only a source archive that comp") as one:
        build_what_is_locked(require("hard"), cache)
    others = "linux-arm64, win-x64, win-arm64, mac-x64, linux-x64-musl"
    assert one.value.details == (f"it is needed for {others}",)
    assert one.value.hint is not None
    assert f"pin a version that has wheels for {others}" in one.value.hint
    assert '; sys_platform != "win32"' in one.value.hint
    assert "--find-links" in one.value.hint


def test_all_that_cannot_be_built_are_named_at_once(
    index: FakeIndex, require: Callable[..., list[Path]], cache: Cache
) -> None:
    index.add(
        make_sdist("hard", "1.2", "cp312-cp312-linux_x86_64"),
        make_sdist("broken", "3.0", fail=True),
        make_sdist("pure", "1.0"),
    )
    files = require("hard; sys_platform == 'win32'", "broken", "pure")
    with pytest.raises(BuildError, match="2 source archives") as caught:
        build_what_is_locked(files, cache)
    text = "\n".join(caught.value.details)
    assert "win-x64, win-arm64: hard 1.2 has only a source archive that compiles" in text
    assert "broken 3.0 has only a source archive, and that cannot be built here" in text
    assert "no compiler found" in text
    assert "pure" not in text
