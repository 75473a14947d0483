"""One tree out of two: what is the same once, programs for both processors, and nothing guessed."""

from __future__ import annotations

import base64
import csv
import hashlib
from pathlib import Path

import lief
import pytest

from runtime_packager.binaries import slices, write_fat
from runtime_packager.entries import Entry, FileEntry, LinkEntry
from runtime_packager.errors import BuildError
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Silent
from runtime_packager.io.store import seal
from runtime_packager.launcher.build import binary_path
from runtime_packager.planning import Plan
from runtime_packager.universal import combine
from runtime_packager.wheels import InstalledWheel

SITE = "python/lib/python3.12/site-packages"
INFO = f"{SITE}/pkg-1.0.dist-info"
X64, ARM64 = (binary_path(name).read_bytes() for name in ("mac-x64", "mac-arm64"))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


class Tree:
    """Makes plans of files that lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def plan(self, files: dict[str, bytes | Entry], *wheels: tuple[str, str]) -> Plan:
        entries = [
            self._entry(path, data) if isinstance(data, bytes) else data
            for path, data in sorted(files.items())
        ]
        installed = tuple(_wheel(*wheel) for wheel in wheels)
        return Plan((), installed, tuple(entries), (), (), ())

    def _entry(self, path: str, data: bytes) -> FileEntry:
        digest = hashlib.sha256(data).hexdigest()
        source = self.folder / digest
        source.write_bytes(data)
        seal(source, False)
        return FileEntry(path, len(data), digest, False, source)


def _wheel(name: str, version: str) -> InstalledWheel:
    from runtime_packager.entries import Layer

    return InstalledWheel(name, version, "", Layer(name, ()), (), (), (), (), True)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "files").mkdir()
    return Tree(tmp_path / "files")


def content(plan: Plan) -> dict[str, bytes | str]:
    return {
        entry.path: entry.source.read_bytes() if isinstance(entry, FileEntry) else entry.target
        for entry in plan.entries
    }


def test_the_same_stands_once_and_programs_hold_both(tree: Tree, cache: Cache) -> None:
    link = LinkEntry("python/bin/python3", "python3.12")
    one = tree.plan({"a.py": b"same", "bin/p": X64, "python/bin/python3": link})
    two = tree.plan({"a.py": b"same", "bin/p": ARM64, "python/bin/python3": link})
    made = content(combine(one, two, (), cache, Silent()))
    assert made["a.py"] == b"same"
    assert made["python/bin/python3"] == "python3.12"
    found = lief.MachO.parse(list(made["bin/p"]))
    assert [binary.header.cpu_type.name for binary in found] == ["X86_64", "ARM64"]
    data = made["bin/p"]
    assert isinstance(data, bytes)
    parts = {p.architecture: data[p.offset : p.offset + p.size] for p in slices(data)}
    assert parts == {"x86_64": X64, "aarch64": ARM64}


def test_a_part_may_come_out_of_a_universal_file(tree: Tree, cache: Cache, tmp_path: Path) -> None:
    launchers = [binary_path(name) for name in ("mac-x64", "mac-arm64")]
    write_fat(launchers, tmp_path / "both")
    both = (tmp_path / "both").read_bytes()
    made = content(combine(tree.plan({"p": X64}), tree.plan({"p": both}), (), cache, Silent()))
    assert made["p"] == both


def test_a_second_time_nothing_is_made(tree: Tree, cache: Cache) -> None:
    one, two = tree.plan({"p": X64}), tree.plan({"p": ARM64})
    first = combine(one, two, (), cache, Silent())
    stamp = (cache.root / "universal").stat().st_mtime_ns
    again = combine(one, two, (), cache, Silent())
    assert again.entries == first.entries
    assert (cache.root / "universal").stat().st_mtime_ns == stamp


def test_a_universal_file_that_was_damaged_is_made_again(tree: Tree, cache: Cache) -> None:
    one, two = tree.plan({"p": X64}), tree.plan({"p": ARM64})
    (entry,) = combine(one, two, (), cache, Silent()).entries
    assert isinstance(entry, FileEntry)
    whole = entry.source.read_bytes()
    entry.source.write_bytes(b"broken")
    combine(one, two, (), cache, Silent())
    assert entry.source.read_bytes() == whole


def record(*rows: tuple[str, bytes]) -> bytes:
    lines = [f"{name},{digest(data)},{len(data)}\n" for name, data in rows]
    return "".join([*lines, "pkg-1.0.dist-info/RECORD,,\n"]).encode()


def digest(data: bytes) -> str:
    value = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"sha256={value}"


def test_what_a_wheel_says_of_itself_is_put_together(tree: Tree, cache: Cache) -> None:
    wheels = [
        f"Wheel-Version: 1.0\nTag: cp312-cp312-macosx_{tag}\nGenerator: x\n".encode()
        for tag in ("11_0_x86_64", "13_0_arm64")
    ]
    plans = [
        tree.plan(
            {
                f"{SITE}/pkg/_c.so": program,
                f"{SITE}/pkg/__init__.py": b"",
                f"{INFO}/WHEEL": wheel,
                f"{INFO}/RECORD": record(
                    ("pkg/_c.so", program),
                    ("pkg/__init__.py", b""),
                    ("pkg/trimmed.pyi", b"stub"),
                    ("pkg-1.0.dist-info/WHEEL", wheel),
                ),
            }
        )
        for program, wheel in zip((X64, ARM64), wheels, strict=True)
    ]
    made = content(combine(*plans, (), cache, Silent()))
    wheel = made[f"{INFO}/WHEEL"]
    assert wheel == (
        b"Wheel-Version: 1.0\nTag: cp312-cp312-macosx_13_0_arm64\n"
        b"Tag: cp312-cp312-macosx_11_0_x86_64\nGenerator: x\n"
    )
    listed = made[f"{INFO}/RECORD"]
    assert isinstance(listed, bytes)
    rows = {row[0]: row[1:] for row in csv.reader(listed.decode().splitlines())}
    assert rows["pkg-1.0.dist-info/RECORD"] == ["", ""]
    assert rows["pkg/trimmed.pyi"] == [digest(b"stub"), "4"]
    for name in ("pkg/_c.so", "pkg/__init__.py", "pkg-1.0.dist-info/WHEEL"):
        data = made[f"{SITE}/{name}"]
        assert isinstance(data, bytes)
        assert rows[name] == [digest(data), str(len(data))]


def test_what_differs_otherwise_is_named_and_nothing_is_made(tree: Tree, cache: Cache) -> None:
    one = tree.plan({"pkg/a.py": b"x64", "pkg/b.py": b"x64", "pkg/c.py": b"same"})
    two = tree.plan({"pkg/a.py": b"arm64", "pkg/b.py": b"arm64", "pkg/c.py": b"same"})
    with pytest.raises(BuildError) as caught:
        combine(one, two, ("*/a.py",), cache, Silent())
    assert caught.value.details == ("pkg/b.py",)
    assert "checks.universal-arm64" in (caught.value.hint or "")


def test_a_difference_that_is_accepted_takes_arm64s_with_its_bytecode(
    tree: Tree, cache: Cache
) -> None:
    pyc = "pkg/__pycache__/a.cpython-312.pyc"
    made = combine(
        tree.plan({"pkg/a.py": b"x64", pyc: b"x64 code"}),
        tree.plan({"pkg/a.py": b"arm64", pyc: b"arm64 code"}),
        ("pkg/a.py",),
        cache,
        Silent(),
    )
    assert content(made) == {"pkg/a.py": b"arm64", pyc: b"arm64 code"}
    assert made.notices == ("pkg/a.py: the two Macs differ, the tree has arm64's",)


def test_build_configuration_may_always_differ(tree: Tree, cache: Cache) -> None:
    path = f"{SITE}/numpy/__config__.py"
    made = combine(tree.plan({path: b"x"}), tree.plan({path: b"y"}), (), cache, Silent())
    assert content(made) == {path: b"y"}


def test_what_only_one_has_is_kept_and_programs_among_it_are_said(tree: Tree, cache: Cache) -> None:
    made = combine(
        tree.plan({"only/x64.dylib": X64, "only/x64.py": b""}),
        tree.plan({"only/arm64.py": b""}),
        (),
        cache,
        Silent(),
    )
    assert sorted(content(made)) == ["only/arm64.py", "only/x64.dylib", "only/x64.py"]
    assert made.notices == ("only/x64.dylib: for one kind of Mac alone",)


def test_a_requirement_of_one_mac_alone_is_said(tree: Tree, cache: Cache) -> None:
    one, two = tree.plan({}, ("six", "1.17")), tree.plan({}, ("six", "1.17"), ("mlx", "1.0"))
    made = combine(one, two, (), cache, Silent())
    assert made.notices == ("mlx 1.0: required on mac-arm64 alone, and in the tree for both",)


def test_versions_that_differ_are_all_named(tree: Tree, cache: Cache) -> None:
    one = tree.plan({}, ("numpy", "2.1"), ("six", "1.17"), ("torch", "2.2"))
    two = tree.plan({}, ("numpy", "2.3"), ("six", "1.17"), ("torch", "2.9"), ("mlx", "1.0"))
    with pytest.raises(BuildError) as caught:
        combine(one, two, (), cache, Silent())
    assert caught.value.details == (
        "numpy: 2.1 on mac-x64, 2.3 on mac-arm64",
        "torch: 2.2 on mac-x64, 2.9 on mac-arm64",
    )


def test_a_link_here_and_a_file_there_is_a_difference(tree: Tree, cache: Cache) -> None:
    one, two = tree.plan({"a": LinkEntry("a", "b")}), tree.plan({"a": b"file"})
    with pytest.raises(BuildError) as caught:
        combine(one, two, (), cache, Silent())
    assert caught.value.details == ("a: a link in one, something else in the other",)


def test_programs_that_cannot_be_joined_are_all_named_or_accepted(tree: Tree, cache: Cache) -> None:
    """Helpers for x64 that both wheels bring in different builds, say: arm64 Macs translate."""
    other = X64 + b"\0" * 16
    one = tree.plan({"bin/a": X64, "bin/b": X64, "bin/c": X64})
    two = tree.plan({"bin/a": other, "bin/b": other, "bin/c": ARM64})
    with pytest.raises(BuildError) as caught:
        combine(one, two, (), cache, Silent())
    assert [line.partition(":")[0] for line in caught.value.details] == ["bin/a", "bin/b"]
    assert "no part for aarch64" in caught.value.details[0]
    assert "universal-arm64" in (caught.value.hint or "")
    made = combine(one, two, ("bin/[ab]",), cache, Silent())
    assert content(made)["bin/a"] == other
    assert "bin/a: the two Macs differ, the tree has arm64's" in made.notices


def test_names_that_only_the_case_tells_apart_are_no_tree(tree: Tree, cache: Cache) -> None:
    one, two = tree.plan({"lib/Data.txt": b"1"}), tree.plan({"lib/data.txt": b"1"})
    with pytest.raises(BuildError) as caught:
        combine(one, two, (), cache, Silent())
    assert caught.value.details == ("lib/data.txt: in mac-x64 and in mac-arm64",)
