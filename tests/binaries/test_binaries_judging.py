"""Judging: what will not load is named, with the library and who needs it; what will, passes."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
from natives import ARM_LINUX, ARM_MAC, LINUX, MAC, PLAIN, WINDOWS, Compiler, read

from runtime_packager.binaries import Binary, Slice, fat, judge
from runtime_packager.platforms import find_target

SITE = "python/lib/python3.12/site-packages"
LIBSYSTEM = "/usr/lib/libSystem.B.dylib"


def messages(
    binaries: Collection[Binary], target: str, others: Collection[str] = (), **options: object
) -> list[str]:
    names = [*(binary.path for binary in binaries), *others]
    return [p.message for p in judge(list(binaries), names, find_target(target), **options)]


def elf(path: str = "a/x.so", **facts: object) -> Binary:
    return Binary(path, "ELF", (Slice("x86_64", **facts),))


def macho(path: str = "a/x.so", **facts: object) -> Binary:
    plain = Slice("aarch64", floor=("macos", (13, 0)), needed=(LIBSYSTEM,), signed=True)
    return Binary(path, "Mach-O", (replace(plain, **facts),))


def pe(*needed: str, path: str = "a/x.pyd", weak: tuple[str, ...] = ()) -> Binary:
    return Binary(path, "PE", (Slice("x86_64", needed=needed, weak=weak),))


@pytest.mark.parametrize(
    ("target", "triple"),
    [
        ("linux-x64", LINUX),
        ("linux-arm64", ARM_LINUX),
        ("linux-x64-musl", LINUX),
        ("mac-x64", MAC),
        ("mac-arm64", ARM_MAC),
    ],
)
def test_the_right_file_is_no_problem(
    compiler: Compiler, tmp_path: Path, target: str, triple: str
) -> None:
    found = read({"a.so": compiler.build("a.so", triple, PLAIN)}, tmp_path)
    assert len(found) == 1
    assert messages(found, target) == []


def test_a_linux_file_in_a_windows_tree(compiler: Compiler, tmp_path: Path) -> None:
    """A wheel whose tag lies."""
    found = read({"pkg/core.pyd": compiler.build("a.so", LINUX, PLAIN)}, tmp_path)
    assert messages(found, "win-x64") == [
        "pkg/core.pyd is made for Linux (ELF), but win-x64 needs PE"
    ]


def test_the_wrong_processor(compiler: Compiler, tmp_path: Path) -> None:
    found = read({"a.so": compiler.build("a.so", ARM_LINUX, PLAIN)}, tmp_path)
    assert messages(found, "linux-x64") == ["a.so is made for aarch64, but linux-x64 needs x86_64"]


def test_glibc_that_is_too_new_is_named_with_its_symbol_version(
    compiler: Compiler, tmp_path: Path
) -> None:
    found = read({"a.so": compiler.glibc("2.34")}, tmp_path)
    assert messages(found, "linux-x64") == [
        "a.so needs glibc 2.34 (GLIBC_2.34 of libc.so.6), "
        "but linux-x64 is to run from glibc 2.28 on"
    ]
    target = find_target("linux-x64").with_floor((2, 34))
    assert judge(found, ["a.so"], target) == []


def test_each_processor_may_have_a_floor_of_its_own() -> None:
    found = [macho(floor=("macos", (14, 0)), floor_by="minimum macos 14.0")]
    (message,) = messages(found, "mac-arm64")
    assert "needs macos 14.0" in message
    assert "from macos 13.0 on" in message
    assert messages(found, "mac-arm64", floors={"aarch64": (14, 0)}) == []


def test_another_of_apples_systems_is_refused() -> None:
    (message,) = messages([macho(floor=("ios", (12, 0)))], "mac-arm64")
    assert "made for ios" in message


@pytest.mark.parametrize(
    ("libc", "target", "fine"),
    [
        ("glibc", "linux-x64", True),
        ("musl", "linux-x64", False),
        ("musl", "linux-x64-musl", True),
        ("glibc", "linux-x64-musl", False),
        (None, "linux-x64-musl", True),
    ],
)
def test_glibc_and_musl_do_not_mix(libc: str | None, target: str, fine: bool) -> None:
    found = messages([elf(libc=libc)], target)
    assert (found == []) is fine
    assert fine or f"linked against {libc}" in found[0]


def test_musl_finds_its_libc_under_both_names() -> None:
    for name in ("libc.so", "libc.musl-x86_64.so.1"):
        assert messages([elf(libc="musl", needed=(name,))], "linux-x64-musl") == []


def test_a_missing_library_is_named_with_who_needs_it(compiler: Compiler, tmp_path: Path) -> None:
    files = {
        "linux-x64": compiler.linux(),
        "win-x64": compiler.windows(),
        "mac-arm64": compiler.mac("@rpath/libanswer.dylib"),
    }
    names = {"linux-x64": "libanswer.so", "win-x64": "answer.dll"}
    for target, file in files.items():
        found = read({"pkg/core": file}, tmp_path / target)
        library = names.get(target, "@rpath/libanswer.dylib")
        assert messages(found, target) == [
            f"pkg/core needs {library}, which is neither in the tree nor part of {target}'s system"
        ]


def test_libraries_that_an_installer_brings_are_not_windows_own() -> None:
    found = messages(
        [pe("MSVCP140.dll", "KERNEL32.dll", "api-ms-win-crt-heap-l1-1-0.dll")], "win-x64"
    )
    assert len(found) == 1
    assert "MSVCP140.dll" in found[0]


def test_opengl_is_part_of_windows_on_x64_alone() -> None:
    arm = Binary("a/x.pyd", "PE", (Slice("aarch64", needed=("OPENGL32.dll",)),))
    assert messages([pe("OPENGL32.dll")], "win-x64") == []
    assert len(messages([arm], "win-arm64")) == 1


def test_the_configuration_can_say_what_the_system_has() -> None:
    found = [pe("MSVCP140.dll")]
    assert messages(found, "win-x64", system_libraries=["msvcp140.DLL"]) == []
    assert (
        messages([elf(needed=("libfoo.so.3",))], "linux-x64", system_libraries=["libfoo.so.*"])
        == []
    )


def test_a_library_elsewhere_in_the_tree_is_found_whatever_its_case_on_windows() -> None:
    assert messages([pe("Answer.DLL")], "win-x64", ["pkg.libs/answer.dll"]) == []
    assert messages([elf(needed=("libA.so",))], "linux-x64", ["pkg.libs/libA.so"]) == []
    assert len(messages([elf(needed=("libA.so",))], "linux-x64", ["pkg.libs/liba.so"])) == 1


def test_a_library_is_known_by_its_soname_too() -> None:
    owner = elf("pkg.libs/renamed.so", name="libanswer.so.1")
    assert messages([elf(needed=("libanswer.so.1",)), owner], "linux-x64") == []


@pytest.mark.parametrize(
    ("needed", "place", "fine"),
    [
        ("@rpath/libanswer.dylib", "a/libs/libanswer.dylib", True),
        ("@loader_path/libs/libanswer.dylib", "a/libs/libanswer.dylib", True),
        ("@loader_path/../b/libanswer.dylib", "b/libanswer.dylib", True),
        ("@loader_path/libs/libanswer.dylib", "b/libanswer.dylib", False),
        ("@executable_path/../lib/libanswer.dylib", "python/lib/libanswer.dylib", True),
        ("/opt/homebrew/lib/libanswer.dylib", "a/libs/libanswer.dylib", False),
        ("/System/Library/Frameworks/Metal.framework/Metal", "", True),
    ],
)
def test_where_macos_finds_a_library(needed: str, place: str, fine: bool) -> None:
    found = messages([macho(needed=(needed,), rpaths=("@loader_path/libs",))], "mac-arm64", [place])
    assert (found == []) is fine
    assert fine or needed in found[0]


def test_libraries_that_may_be_missing_are_no_problem() -> None:
    assert messages([pe(weak=("gone.dll",))], "win-x64") == []
    assert messages([macho(weak=("@rpath/gone.dylib",))], "mac-arm64") == []


def test_libpython_is_missing_for_a_reason() -> None:
    (message,) = messages([elf(needed=("libpython3.12.so.1.0",))], "linux-x64")
    assert "the trim rule libpython" in message


@pytest.mark.parametrize(
    "rpath", ["/opt/build/lib", "libs", ".", "", "$ORIGIN/../../outside", "$ORIGINAL/libs"]
)
def test_linux_does_not_look_outside_the_tree(rpath: str) -> None:
    (message,) = messages([elf(rpaths=("$ORIGIN", rpath))], "linux-x64")
    assert "outside the tree" in message
    assert (rpath or "working directory") in message


@pytest.mark.parametrize("rpath", ["$ORIGIN", "${ORIGIN}/../libs", "$ORIGIN/../x.libs"])
def test_linux_looks_inside_the_tree(rpath: str) -> None:
    assert messages([elf("a/b/x.so", rpaths=(rpath,))], "linux-x64") == []


def test_linux_own_directories_may_come_after_the_tree_but_not_before() -> None:
    facts = {"needed": ("libanswer.so",), "path": "a/x.so"}
    after = elf(**facts, rpaths=("$ORIGIN", "/usr/lib/x86_64-linux-gnu"))
    before = elf(**facts, rpaths=("/usr/lib/x86_64-linux-gnu", "$ORIGIN"))
    assert messages([after], "linux-x64", ["a/libanswer.so"]) == []
    assert len(messages([before], "linux-x64", ["a/libanswer.so"])) == 1


def test_macos_left_over_rpaths_count_only_where_they_are_searched() -> None:
    rpaths = ("@loader_path/libs", "/Users/runner/lib")
    needed = ("@rpath/libanswer.dylib",)
    inside, other = ["a/libs/libanswer.dylib"], ["b/libanswer.dylib"]
    assert messages([macho(rpaths=rpaths)], "mac-arm64") == []
    assert messages([macho(rpaths=rpaths, needed=needed)], "mac-arm64", inside) == []
    for found in (
        messages([macho(rpaths=rpaths[::-1], needed=needed)], "mac-arm64", inside),
        messages([macho(rpaths=rpaths, needed=needed)], "mac-arm64", other),
    ):
        assert len(found) == 1
        assert "in /Users/runner/lib" in found[0]


def test_arm64_code_without_a_signature_is_refused(compiler: Compiler, tmp_path: Path) -> None:
    import lief

    signed = lief.MachO.parse(compiler.build("a.dylib", ARM_MAC, PLAIN))
    assert signed is not None
    thin = signed.at(0)
    thin.remove_signature()
    thin.write(str(tmp_path / "unsigned"))
    found = read({"a.so": tmp_path / "unsigned"}, tmp_path / "cache")
    (message,) = messages(found, "mac-arm64")
    assert "no signature" in message


def test_intel_code_needs_no_signature(compiler: Compiler, tmp_path: Path) -> None:
    found = read({"a.so": compiler.build("a.dylib", MAC, PLAIN)}, tmp_path)
    assert not found[0].slices[0].signed
    assert messages(found, "mac-x64") == []


def test_a_universal_tree_needs_both_processors(compiler: Compiler, tmp_path: Path) -> None:
    thin = {triple: compiler.build("a.dylib", triple, PLAIN) for triple in (MAC, ARM_MAC)}
    (tmp_path / "both").write_bytes(fat([file.read_bytes() for file in thin.values()]))
    found = read({"both.so": tmp_path / "both", "one.so": thin[MAC]}, tmp_path / "cache")
    assert messages(found, "mac-universal") == [
        "one.so is made for x86_64, but mac-universal needs x86_64 and aarch64"
    ]
    for target in ("mac-x64", "mac-arm64"):
        assert messages(found[:1], target) == []


def test_a_universal_tree_has_the_floors_of_its_parts() -> None:
    def both(intel: tuple[int, int], arm: tuple[int, int]) -> Binary:
        slices = (
            Slice("x86_64", floor=("macos", intel)),
            Slice("aarch64", floor=("macos", arm), signed=True),
        )
        return Binary("a.so", "Mach-O", slices)

    assert messages([both((11, 0), (13, 0))], "mac-universal") == []
    assert len(messages([both((12, 0), (13, 0))], "mac-universal")) == 1
    assert len(messages([both((11, 0), (14, 0))], "mac-universal")) == 1


def test_a_file_that_cannot_be_read_is_a_problem() -> None:
    found = [Binary("a.so", "ELF", problem="it is cut off")]
    assert messages(found, "linux-x64") == ["a.so is damaged: it is cut off"]


def test_accepted_files_are_not_judged() -> None:
    found = [pe(path=f"{SITE}/debugpy/attach.exe"), pe(path=f"{SITE}/pkg/x.exe")]
    (message,) = messages(found, "linux-x64", accepted=["*/debugpy/*.exe"])
    assert "pkg/x.exe" in message


def test_back_ends_for_other_hardware_are_judged_by_what_they_are_alone() -> None:
    path = f"{SITE}/bitsandbytes/libbitsandbytes_cuda118.so"
    other = elf(path, needed=("libcublas.so.11",), rpaths=("/usr/local/cuda/lib",))
    assert messages([other], "linux-x64") == []
    assert len(messages([other], "linux-arm64")) == 1


def test_all_problems_are_told_at_once_in_order_of_path() -> None:
    found = [elf("b.so", needed=("x.so", "y.so")), elf("a.so", libc="musl")]
    assert [m.partition(" ")[0] for m in messages(found, "linux-x64")] == ["a.so", "b.so", "b.so"]


def test_windows_dll_of_the_compiler_passes(compiler: Compiler, tmp_path: Path) -> None:
    dll = compiler.windows("answer.dll")
    found = read({"a/needy.pyd": dll, "a/answer.dll": dll}, tmp_path)
    assert WINDOWS.startswith(found[0].slices[0].architecture)
    assert messages(found, "win-x64") == []
