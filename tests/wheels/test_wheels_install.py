from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_index import FakeIndex
from packaging.version import Version
from wheel_making import Made, make_sdist, make_wheel

from runtime_packager.entries import FileEntry
from runtime_packager.errors import BuildError, IntegrityError, NetworkError
from runtime_packager.io.cache import Cache
from runtime_packager.io.store import admit_blob
from runtime_packager.platforms import find_target
from runtime_packager.wheels import InstalledWheel, Lock, LockedPackage, console_script, install

LINUX, WINDOWS = find_target("linux-x64"), find_target("win-x64")
PYTHON = Version("3.12.14")


def lock_of(*made: Made, url: str | None = None, target: str = "linux-x64") -> Lock:
    packages = []
    for one in made:
        wheel = one.filename.endswith(".whl")
        name, version = one.filename.removesuffix(".tar.gz").split("-")[:2]
        packages.append(
            LockedPackage(
                name=name.replace("_", "-"),
                version=version,
                filename=one.filename,
                sha256=one.sha256,
                size=len(one.data),
                url=url and f"{url}/{one.filename}",
                kind="wheel" if wheel else "sdist",
            )
        )
    return Lock(target, find_target(target).floor, PYTHON, "0" * 64, tuple(packages))


def keep(cache: Cache, tmp_path: Path, *made: Made) -> None:
    """Put files into the cache, as if they had been downloaded."""
    for one in made:
        (tmp_path / "download").write_bytes(one.data)
        admit_blob(cache, tmp_path / "download", one.sha256, title=one.filename)


def paths(wheel: InstalledWheel) -> list[str]:
    return [entry.path for entry in wheel.layer.entries]


def text(wheel: InstalledWheel, ending: str) -> str:
    (entry,) = [e for e in wheel.layer.entries if e.path.endswith(ending)]
    assert isinstance(entry, FileEntry)
    return entry.source.read_text(encoding="utf-8")


TOOL = make_wheel(
    "tool",
    "1.0",
    files={
        "tool.py": "",
        "tool-1.0.data/scripts/native": b"\x7fELF",
        "tool-1.0.data/data/share/tool.txt": "",
        "starts.pth": "import tool\n",
        "adds.pth": "some/folder\n",
    },
    entry_points="[console_scripts]\ntool = tool:main\nExtra=tool.x:run [more]\n",
)


def test_one_stored_wheel_serves_every_platform(cache: Cache, tmp_path: Path) -> None:
    keep(cache, tmp_path, TOOL)
    (linux,) = install(lock_of(TOOL), LINUX, PYTHON, cache)
    (windows,) = install(lock_of(TOOL), WINDOWS, PYTHON, cache)

    site = "python/lib/python3.12/site-packages"
    assert f"{site}/tool.py" in paths(linux)
    assert "python/bin/native" in paths(linux)
    assert "python/share/tool.txt" in paths(linux)
    assert "python/Lib/site-packages/tool.py" in paths(windows)
    assert "python/Scripts/native" in paths(windows)
    assert len(paths(linux)) == len(paths(windows)) == len(set(paths(windows)))
    assert "../../../bin/native" in text(linux, "RECORD")
    assert "../../Scripts/native" in text(windows, "RECORD")
    assert (linux.cached, windows.cached) == (False, True)
    assert linux.layer.origin == "tool 1.0"
    assert linux.top_level == ("tool",)
    assert linux.import_pths == ("starts.pth",)


def test_a_console_script_is_found_by_name(cache: Cache, tmp_path: Path) -> None:
    keep(cache, tmp_path, TOOL)
    wheels = install(lock_of(TOOL), LINUX, PYTHON, cache)
    assert console_script(wheels, "tool") == "tool:main"
    assert console_script(wheels, "Extra") == "tool.x:run"
    assert console_script(wheels, "nosuch") is None


def test_a_warm_install_starts_nothing_and_imports_little(cache: Cache, tmp_path: Path) -> None:
    keep(cache, tmp_path, TOOL)
    install(lock_of(TOOL), LINUX, PYTHON, cache)
    script = f"""
import sys
from pathlib import Path
from packaging.version import Version
from runtime_packager.io.cache import Cache
from runtime_packager.platforms import find_target
from runtime_packager.wheels import Lock, LockedPackage, install
sys.addaudithook(lambda event, _: event.startswith(("subprocess", "socket")) and 1 / 0)
package = LockedPackage(
    "tool", "1.0", {TOOL.filename!r}, {TOOL.sha256!r}, None, "http://127.0.0.1:1/x", "wheel"
)
lock = Lock("linux-x64", (2, 28), Version("3.12.14"), "0" * 64, (package,))
(wheel,) = install(lock, find_target("linux-x64"), lock.python, Cache(Path({str(cache.root)!r})))
assert wheel.cached
assert not {{"httpx", "pip", "installer", "rich", "cryptography"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=True)


def test_an_edited_store_entry_is_made_anew(cache: Cache, tmp_path: Path) -> None:
    keep(cache, tmp_path, TOOL)
    (before,) = install(lock_of(TOOL), LINUX, PYTHON, cache)
    edited = next(e for e in before.layer.entries if e.path.endswith("tool.py"))
    assert isinstance(edited, FileEntry)
    edited.source.write_text("evil = 1\n", encoding="utf-8")

    (after,) = install(lock_of(TOOL), LINUX, PYTHON, cache)

    assert not after.cached
    assert after.layer == before.layer
    assert edited.source.read_text(encoding="utf-8") == ""


def test_wheels_for_another_platform_are_named_all(cache: Cache) -> None:
    made = [
        make_wheel("one", "1.0", "cp312-cp312-win_amd64"),
        make_wheel("two", "1.0", "cp313-cp313-manylinux_2_17_x86_64"),
        make_wheel("three", "1.0"),
    ]
    with pytest.raises(BuildError, match="do not fit linux-x64") as caught:
        install(lock_of(*made), LINUX, PYTHON, cache)
    assert caught.value.details == (made[0].filename, made[1].filename)


def test_files_come_from_the_locks_urls(index: FakeIndex, cache: Cache) -> None:
    made = [make_wheel("one", "1.0"), make_wheel("two", "1.0")]
    index.add(*made)
    lock = lock_of(*made, url=f"http://{index.address}/files")
    assert [wheel.name for wheel in install(lock, LINUX, PYTHON, cache)] == ["one", "two"]
    assert sorted(index.requests) == sorted(f"/files/{one.filename}" for one in made)


def test_files_the_lock_gives_no_url_for_are_looked_up_in_pips_index(
    index: FakeIndex, cache: Cache
) -> None:
    # Also such as pip would not choose: for another platform than this one, and source archives.
    made = [make_wheel("one", "1.0", "cp312-cp312-win_amd64"), make_wheel("two", "1.0")]
    index.add(make_wheel("one", "2.0"), *made)
    lock = lock_of(*made, target="win-x64")
    assert [wheel.version for wheel in install(lock, WINDOWS, PYTHON, cache)] == ["1.0", "1.0"]


def test_a_dead_url_is_made_up_for_by_the_index(index: FakeIndex, cache: Cache) -> None:
    made = make_wheel("one", "1.0")
    index.add(made)
    lock = lock_of(made, url=f"http://{index.address}/moved")
    assert len(install(lock, LINUX, PYTHON, cache)) == 1


def test_pips_credentials_open_the_index(
    index: FakeIndex, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_wheel("one", "1.0")
    index.add(made)
    index.login = "me:secret"
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:secret@{index.address}/simple/")
    assert len(install(lock_of(made), LINUX, PYTHON, cache)) == 1


def test_a_wheelhouse_beside_the_lock_is_enough(cache: Cache, tmp_path: Path) -> None:
    made = make_wheel("one", "1.0")
    house = tmp_path / "wheels"
    house.mkdir()
    (house / made.filename).write_bytes(made.data)
    wheels = install(lock_of(made), LINUX, PYTHON, cache, wheelhouse=house, offline=True)
    assert [wheel.name for wheel in wheels] == ["one"]

    (house / made.filename).write_bytes(b"something else")
    with pytest.raises(IntegrityError, match="not what was promised"):
        install(
            lock_of(made), LINUX, PYTHON, Cache(tmp_path / "empty"), wheelhouse=house, offline=True
        )


def test_index_options_of_requirement_files_count(
    cache: Cache, tmp_path: Path, require: Callable[..., list[Path]]
) -> None:
    made = make_wheel("one", "1.0")
    house = tmp_path / "house"
    house.mkdir()
    (house / made.filename).write_bytes(made.data)
    files = require(f"--find-links {house}", "one")
    assert len(install(lock_of(made), LINUX, PYTHON, cache, requirements=files)) == 1


def test_files_nobody_has_are_named_all(index: FakeIndex, cache: Cache) -> None:
    made = [make_wheel("one", "1.0"), make_wheel("two", "1.0")]
    index.add(make_wheel("one", "1.0", files={"other.py": ""}))
    with pytest.raises(BuildError, match="2 locked files are neither") as caught:
        install(lock_of(*made), LINUX, PYTHON, cache)
    assert [line.split()[0] for line in caught.value.details] == [m.filename for m in made]


def test_an_index_that_sends_other_bytes_is_found_out(index: FakeIndex, cache: Cache) -> None:
    made = make_wheel("one", "1.0")
    other = make_wheel("one", "1.0", files={"one.py": "evil = 1\n"})
    index.add(other, sha256=made.sha256)
    lock = lock_of(made)
    lock = dataclasses.replace(lock, packages=(dataclasses.replace(lock.packages[0], size=None),))
    with pytest.raises(IntegrityError, match="not what was promised"):
        install(lock, LINUX, PYTHON, cache)
    assert not cache.blob(made.sha256).exists()


def test_offline_says_what_is_missing(cache: Cache) -> None:
    made = [make_wheel("one", "1.0"), make_sdist("two", "1.0")]
    with pytest.raises(NetworkError, match="2 locked files are not in the cache") as caught:
        install(lock_of(*made), LINUX, PYTHON, cache, offline=True)
    assert caught.value.details == (made[0].filename, made[1].filename)


def test_an_unsound_wheel_leaves_nothing_in_the_store(cache: Cache, tmp_path: Path) -> None:
    bad = [make_wheel(name, "1.0", unrecorded=[f"{name}/__init__.py"]) for name in ("one", "two")]
    keep(cache, tmp_path, *bad)
    with pytest.raises(IntegrityError, match="2 wheels cannot be unpacked") as caught:
        install(lock_of(*bad), LINUX, PYTHON, cache)
    assert sum("is not in RECORD" in line for line in caught.value.details) == 2
    assert os.listdir(cache.root / "wheels") == []


def test_a_pure_source_archive_is_built_once_for_all(cache: Cache, tmp_path: Path) -> None:
    made = make_sdist("pure", "1.0")
    keep(cache, tmp_path, made)
    (windows,) = install(lock_of(made), WINDOWS, PYTHON, cache)
    (linux,) = install(lock_of(made), LINUX, PYTHON, cache, offline=True)

    assert "python/Lib/site-packages/pure.py" in paths(windows)
    assert "python/lib/python3.12/site-packages/pure.py" in paths(linux)
    assert text(linux, "pure.py") == "EPOCH = '315532800'\n"
    # The backend's version would make the trees of two machines differ.
    assert "Generator: runtime-packager\n" in text(linux, "WHEEL")
    assert linux.sha256 == made.sha256


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (make_sdist("hard", "1.2", "cp312-cp312-linux_x86_64"), "source archive that compiles"),
        (make_sdist("hard", "1.2", fail=True), "cannot be built here"),
        (make_sdist("hard", "1.2", "py2-none-any"), "does not fit linux-x64"),
    ],
    ids=["compiles", "fails", "old"],
)
def test_other_source_archives_are_refused_by_name(
    cache: Cache, tmp_path: Path, made: Made, reason: str
) -> None:
    keep(cache, tmp_path, made)
    with pytest.raises(BuildError, match=reason) as caught:
        install(lock_of(made), LINUX, PYTHON, cache)
    assert "hard 1.2" in str(caught.value)
    assert caught.value.hint is not None
    assert "linux-x64" in caught.value.hint
