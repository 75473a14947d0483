"""Reading: what real files of each format say, damaged ones, and the cache."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lief
import pytest
from natives import ARM_LINUX, ARM_MAC, LINUX, MAC, PLAIN, Compiler, layer_of, read

from runtime_packager.binaries import Binary, Slice, fat, read_layers, reading
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Silent, Task
from runtime_packager.launcher.build import RECIPES, build


def only(binaries: tuple[Binary, ...]) -> Slice:
    (binary,) = binaries
    assert binary.problem is None
    (part,) = binary.slices
    return part


def test_an_elf_file_says_what_it_needs(compiler: Compiler, tmp_path: Path) -> None:
    part = only(read({"a.so": compiler.linux("$ORIGIN/libs", "/opt/lib")}, tmp_path))
    assert part == Slice("x86_64", needed=("libanswer.so",), rpaths=("$ORIGIN/libs", "/opt/lib"))


def test_an_elf_file_says_its_glibc_and_what_asks_for_it(
    compiler: Compiler, tmp_path: Path
) -> None:
    part = only(read({"a.so": compiler.glibc("2.34")}, tmp_path))
    assert part.floor == ("glibc", (2, 34))
    assert part.floor_by == "GLIBC_2.34 of libc.so.6"
    assert part.libc == "glibc"


def test_a_glibc_version_that_the_loader_does_without_is_no_floor(
    compiler: Compiler, tmp_path: Path
) -> None:
    """``VER_FLG_WEAK`` in the ``Elf64_Vernaux`` that starts with the hash of GLIBC_2.34."""
    data = compiler.glibc("2.34").read_bytes()
    need = struct.pack("<IH", 0x069691B4, 0)
    assert data.count(need) == 1
    (tmp_path / "weak.so").write_bytes(data.replace(need, struct.pack("<IH", 0x069691B4, 2)))
    part = only(read({"a.so": tmp_path / "weak.so"}, tmp_path / "cache"))
    assert part.floor is None
    assert part.libc == "glibc"


def test_a_runpath_takes_the_place_of_an_rpath(compiler: Compiler, tmp_path: Path) -> None:
    both = lief.ELF.parse(compiler.linux("$ORIGIN/run"))
    assert both is not None
    both.add(lief.ELF.DynamicEntryRpath("$ORIGIN/r:/opt"))
    both.write(str(tmp_path / "both.so"))
    runpath = next(e for e in both.dynamic_entries if isinstance(e, lief.ELF.DynamicEntryRunPath))
    both.remove(runpath)
    both.write(str(tmp_path / "rpath.so"))
    files = {name: tmp_path / name for name in ("both.so", "rpath.so")}
    found = read(files, tmp_path / "cache")
    assert [binary.slices[0].rpaths for binary in found] == [
        ("$ORIGIN/run",),
        ("$ORIGIN/r", "/opt"),
    ]


@pytest.mark.parametrize("soname", ["libc.so", "libc.musl-x86_64.so.1"])
def test_musl_is_known_by_both_its_names(compiler: Compiler, tmp_path: Path, soname: str) -> None:
    assert only(read({"a.so": compiler.linux(soname=soname)}, tmp_path)).libc == "musl"


def test_a_dll_says_what_it_imports(compiler: Compiler, tmp_path: Path) -> None:
    part = only(read({"a.pyd": compiler.windows("Answer.dll")}, tmp_path))
    assert (part.architecture, part.needed, part.program) == ("x86_64", ("Answer.dll",), False)
    assert part.floor is not None
    assert part.floor[0] == "windows"


def test_a_macho_says_what_it_loads(compiler: Compiler, tmp_path: Path) -> None:
    file = compiler.mac("@rpath/libanswer.dylib", "@loader_path/libs")
    part = only(read({"a.so": file}, tmp_path))
    assert part.architecture == "aarch64"
    assert part.floor == ("macos", (13, 0))
    assert "@rpath/libanswer.dylib" in part.needed
    assert part.rpaths == ("@loader_path/libs",)
    assert part.signed


def test_weak_libraries_are_kept_apart(compiler: Compiler, tmp_path: Path) -> None:
    part = only(read({"a.so": compiler.mac("@rpath/libanswer.dylib", weak=True)}, tmp_path))
    assert part.weak == ("@rpath/libanswer.dylib",)
    assert part.weak[0] not in part.needed


def test_a_fat_file_has_a_slice_for_each_processor(compiler: Compiler, tmp_path: Path) -> None:
    thin = [compiler.build("x.dylib", triple, PLAIN).read_bytes() for triple in (MAC, ARM_MAC)]
    (tmp_path / "fat").write_bytes(fat(thin))
    (binary,) = read({"a.so": tmp_path / "fat"}, tmp_path / "cache")
    assert [(s.architecture, s.floor) for s in binary.slices] == [
        ("x86_64", ("macos", (11, 0))),
        ("aarch64", ("macos", (13, 0))),
    ]


def test_the_launchers_are_programs_that_need_only_their_system(tmp_path: Path) -> None:
    names = list(RECIPES)
    files = dict(zip(names, build(names), strict=True))
    found = {binary.path: binary for binary in read(files, tmp_path)}
    assert set(found) == set(names)
    for name, binary in found.items():
        (part,) = binary.slices
        assert part.program, name
        assert part.architecture == ("aarch64" if "arm64" in name else "x86_64")
        assert part.libc is None


def test_a_file_that_is_cut_off_is_a_problem(compiler: Compiler, tmp_path: Path) -> None:
    whole = {
        "a.so": compiler.build("a.so", ARM_LINUX, PLAIN),
        "a.pyd": compiler.windows(),
        "a.dylib": compiler.build("a.dylib", MAC, PLAIN),
    }
    files = {}
    for name, source in whole.items():
        for percent in (10, 50, 90, 99):
            data = source.read_bytes()
            files[f"{percent}-{name}"] = tmp_path / f"{percent}-{name}"
            files[f"{percent}-{name}"].write_bytes(data[: len(data) * percent // 100])
    found = read(files, tmp_path / "cache")
    assert len(found) == len(files)
    assert [binary.path for binary in found if not binary.problem or binary.slices] == []


def test_garbage_behind_a_true_beginning_is_a_problem(tmp_path: Path) -> None:
    heads = [
        b"\x7fELF",
        b"\x7fELF\x02\x01\x01",
        b"\xcf\xfa\xed\xfe\x0c\x00\x00\x01",
        b"\xca\xfe\xba\xbe\x00\x00\x00\x02",
        b"MZ" + bytes(58) + b"\x40\x00\x00\x00",
    ]
    files = {str(number): tmp_path / str(number) for number in range(len(heads))}
    for head, file in zip(heads, files.values(), strict=True):
        file.write_bytes(head + bytes(range(256)) * 8)
    found = read(files, tmp_path / "cache")
    assert [bool(binary.problem) for binary in found] == [True] * len(heads)


@pytest.mark.parametrize(
    "data",
    [
        b"MZ is how this text starts, and it goes on for longer than any header would do, truly",
        b"\xca\xfe\xba\xbe\x00\x00\x00\x41" + bytes(100),  # a Java class
        b"#!/bin/sh\n" * 20,
        b"\x7fELF",
        b"",
    ],
)
def test_other_files_are_none_of_its_business(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "other").write_bytes(data)
    assert read({"a.so": tmp_path / "other"}, tmp_path / "cache") == ()


def test_a_second_run_starts_no_child(
    compiler: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"a.so": compiler.linux(), "b.pyd": compiler.windows()}
    first = read(files, tmp_path)
    monkeypatch.setattr(reading, "_WORKER", tmp_path / "is-not-there.py")
    assert read(files, tmp_path) == first
    assert len(first) == 2


def test_an_edit_is_read_again_and_alone(compiler: Compiler, tmp_path: Path) -> None:
    one = layer_of({"a.so": compiler.linux()})
    two = layer_of({"b.so": compiler.linux("$ORIGIN")})
    cache = Cache(tmp_path)
    read_layers([one, two], cache, Silent())
    kept = sorted((tmp_path / "binaries").iterdir())
    edited = layer_of({"b.so": compiler.linux("$ORIGIN/libs")})
    (_, found) = read_layers([one, edited], cache, Silent())
    assert found.slices[0].rpaths == ("$ORIGIN/libs",)
    assert len(sorted((tmp_path / "binaries").iterdir())) == len(kept) + 1


def test_damaged_facts_are_read_again(compiler: Compiler, tmp_path: Path) -> None:
    files = {"a.so": compiler.linux()}
    first = read(files, tmp_path)
    (facts,) = (tmp_path / "binaries").iterdir()
    facts.write_text('[{"path": "a.so"}]')
    assert read(files, tmp_path) == first


def test_equal_layers_are_read_once_and_given_twice(compiler: Compiler, tmp_path: Path) -> None:
    layer = layer_of({"a.so": compiler.linux()})
    found = read_layers([layer, layer], Cache(tmp_path), Silent())
    assert len(found) == 2
    assert found[0] == found[1]


def test_a_file_that_kills_the_reader_does_not_take_the_others_with_it(
    compiler: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real worker, but for one file at which it dies as a fault in lief would make it."""
    worker = reading._WORKER.read_text()
    dying = worker.replace(
        "signal.alarm(LIMIT)", "path.endswith('deadly') and os.kill(os.getpid(), 11)"
    )
    assert dying != worker
    (tmp_path / "worker.py").write_text(dying)
    monkeypatch.setattr(reading, "_WORKER", tmp_path / "worker.py")
    good = compiler.build("good.so", LINUX, PLAIN)
    (tmp_path / "deadly").write_bytes(good.read_bytes())
    files = {f"{number:02}.so": good for number in range(20)} | {"07.so": tmp_path / "deadly"}
    found = read(files, tmp_path / "cache")
    assert [binary.path for binary in found if binary.problem] == ["07.so"]
    assert "exit code -11" in str(found[7].problem)
    assert len(found) == 20


class Impatient(Silent):
    """Somebody who presses Ctrl-C after the first file."""

    @contextmanager
    def task(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator[Task]:
        class First:
            def advance(self, amount: int) -> None:
                raise KeyboardInterrupt

            def total(self, amount: int) -> None:
                pass

        yield First()


def test_an_interrupted_run_keeps_nothing_and_can_be_run_again(
    compiler: Compiler, tmp_path: Path
) -> None:
    good = compiler.build("good.so", LINUX, PLAIN)
    layer = layer_of({f"{number:02}.so": good for number in range(20)})
    with pytest.raises(KeyboardInterrupt):
        read_layers([layer], Cache(tmp_path), Impatient())
    assert not (tmp_path / "binaries").exists()
    assert len(read_layers([layer], Cache(tmp_path), Silent())) == 20
