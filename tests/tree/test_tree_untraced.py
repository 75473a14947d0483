"""What no run imported goes; whatever that cannot be said of stays, and so does what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_packager.entries import FileEntry, Layer
from runtime_packager.tree import STDLIB, LeftOut, Native, Origin, Seen, leave_out, without_sources

LIB = "python/lib/python3.12"
SITE = f"{LIB}/site-packages"


def layer(*paths: str) -> Layer:
    return Layer("x", tuple(FileEntry(path, 1, "0" * 64, False, Path()) for path in paths))


def wheel(*paths: str, name: str = "pkg", version: str = "1.0") -> Origin:
    return Origin(name, version, layer(*(f"{SITE}/{path}" for path in paths)))


def stdlib(*paths: str) -> Origin:
    return Origin(STDLIB, "3.12", layer(*(f"{LIB}/{path}" for path in paths)))


def left_out(origin: Origin, *modules: str, natives: dict[str, Native] | None = None) -> LeftOut:
    trace = {origin.name: Seen(origin.version, frozenset(modules))}
    return leave_out([origin], trace, natives or {})


def gone(found: LeftOut) -> list[str]:
    return sorted(path.removeprefix(f"{SITE}/").removeprefix(f"{LIB}/") for path in found.paths)


def test_modules_nobody_imported_go_and_packages_above_the_others_stay() -> None:
    found = left_out(
        wheel(
            "pkg/__init__.py",
            "pkg/used/__init__.py",
            "pkg/used/deep.py",
            "pkg/used/other.py",
            "pkg/fast.cpython-312-x86_64-linux-gnu.so",
            "pkg/slow.abi3.so",
            "pkg/unused/__init__.py",
            "pkg/unused/part.py",
            "single.py",
        ),
        "pkg.used.deep",
        "pkg.slow",
    )
    assert gone(found) == [
        "pkg/fast.cpython-312-x86_64-linux-gnu.so",
        "pkg/unused/__init__.py",
        "pkg/unused/part.py",
        "pkg/used/other.py",
        "single.py",
    ]
    assert found.modules == ("pkg.fast", "pkg.unused", "pkg.used.other", "single")
    assert found.hollow == ()


@pytest.mark.parametrize(
    "path",
    [
        "pkg-1.0.dist-info/METADATA",
        "pkg/data.json",
        "pkg/py.typed",
        "pkg/lib/libcuda_like.so.12",
        "pkg/lib/libloaded_by_path.so",
        "pkg/templates/new-app.py",
        "pkg/templates/env.py",
        "pkg.pth",
    ],
)
def test_what_is_no_module_stays(path: str) -> None:
    others = ["pkg/__init__.py"] if path != "pkg/__init__.py" else []
    assert gone(left_out(wheel(path, *others), "pkg")) == []


def test_a_package_in_which_files_stay_keeps_its_init() -> None:
    """Else importing it would succeed, as a namespace, and with nothing in it."""
    found = left_out(
        wheel("pkg/__init__.py", "pkg/core.py", "pkg/zones/__init__.py", "pkg/zones/Europe"),
    )
    assert gone(found) == ["pkg/core.py"]
    assert found.modules == ("pkg.core",)
    assert found.hollow == ("pkg", "pkg.zones")


def test_a_promise_of_types_goes_with_its_package() -> None:
    found = left_out(wheel("pkg/__init__.py", "pkg/py.typed", "other/__init__.py"), "other")
    assert gone(found) == ["pkg/__init__.py", "pkg/py.typed"]
    assert gone(left_out(wheel("pkg/__init__.py", "pkg/py.typed"), "pkg")) == []


def test_a_namespace_goes_without_a_trace() -> None:
    found = left_out(wheel("space/one/a.py", "space/two/b.py"), "space.one.a")
    assert gone(found) == ["space/two/b.py"]
    assert found.modules == ("space.two",)


def test_a_pattern_keeps_all_below_it() -> None:
    paths = ("pkg/__init__.py", "pkg/plugins/__init__.py", "pkg/plugins/a.py", "pkg/b.py")
    assert gone(left_out(wheel(*paths), "pkg.plugins.*")) == ["pkg/b.py"]
    assert gone(left_out(wheel(*paths), "pkg.*")) == []


@pytest.mark.parametrize("version", ["1.1", None])
def test_a_version_nobody_traced_stays_whole(version: str | None) -> None:
    trace = {"pkg": Seen(version, frozenset({"pkg"}))} if version else {}
    found = leave_out([wheel("pkg/__init__.py", "pkg/unused.py")], trace, {})
    assert found.paths == frozenset()
    (notice,) = found.notices
    assert "pkg 1.0" in notice
    assert (f"traced as {version}" if version else "in no trace") in notice


def test_the_standard_library_goes_by_whole_top_level_modules() -> None:
    found = left_out(
        stdlib(
            "json/__init__.py",
            "json/tool.py",
            "unittest/__init__.py",
            "unittest/mock.py",
            "lib-dynload/_dbm.cpython-312-x86_64-linux-gnu.so",
            "lib-dynload/_json.cpython-312-x86_64-linux-gnu.so",
            "os.py",
            "pydoc_data/topics.py",
        ),
        *("json.decoder", "_json", "os"),
    )
    assert gone(found) == [
        "lib-dynload/_dbm.cpython-312-x86_64-linux-gnu.so",
        "pydoc_data/topics.py",
        "unittest/__init__.py",
        "unittest/mock.py",
    ]
    assert found.modules == ("_dbm", "pydoc_data", "unittest")


def test_windows_layout() -> None:
    paths = ("python/Lib/site-packages/pkg/_x.cp312-win_amd64.pyd", "python/DLLs/_dbm.pyd",
             "python/DLLs/sqlite3.dll", "python/Lib/os.py")  # fmt: skip
    origins = [Origin("pkg", "1", layer(paths[0])), Origin(STDLIB, "3.12", layer(*paths[1:]))]
    trace = {"pkg": Seen("1", frozenset()), STDLIB: Seen("3.12", frozenset({"os"}))}
    found = leave_out(origins, trace, {})
    assert found.paths == set(paths[:2])
    assert found.modules == ("_dbm", "pkg")


def native(name: str, *needed: str) -> Native:
    return Native(frozenset({name}), frozenset(needed))


def test_libraries_that_only_what_is_gone_needed_go_with_it() -> None:
    used, unused = (f"{SITE}/pkg/{n}.abi3.so" for n in ("used", "unused"))
    libraries = {f"{SITE}/pkg.libs/{name}": native(name, *needed) for name, needed in {
        "libboth.so": (), "libunused.so": ("libdeep.so", "libboth.so"), "libdeep.so": (),
        "libopened.so": (),
    }.items()}  # fmt: skip
    natives = {
        used: native("used.abi3.so", "libboth.so", "libc.so.6"),
        unused: native("unused.abi3.so", "libunused.so"),
        **libraries,
    }
    origin = Origin("pkg", "1.0", layer(*natives, f"{SITE}/pkg/__init__.py"))
    found = left_out(origin, "pkg.used", natives=natives)
    assert gone(found) == ["pkg.libs/libdeep.so", "pkg.libs/libunused.so", "pkg/unused.abi3.so"]
    assert gone(left_out(origin, "pkg.used")) == ["pkg/unused.abi3.so"], "nothing known, all stay"


def test_bytecode_goes_with_its_source() -> None:
    cached = [f"a/__pycache__/{name}.pyc" for name in
              ("b.cpython-312", "b.cpython-312.opt-1", "bc.cpython-312")]  # fmt: skip
    (kept,) = without_sources([layer(*cached)], {"a/b.py", "c/bc.py", "a/bc.so"})
    assert [entry.path for entry in kept.entries] == cached[2:]


name = st.sampled_from(["a", "b", "__init__", "data.txt"])
tree = st.lists(st.lists(name, min_size=1, max_size=4), min_size=1, max_size=12)


@given(tree, st.sets(st.sampled_from(["a", "b", "a.b", "a.a.b", "b.*", "b.a.a"])))
def test_whatever_was_traced_can_still_be_found(folders: list[list[str]], traced: set[str]) -> None:
    paths = {"/".join(p.replace(".txt", "") for p in folder[:-1])
             + ("/" if folder[1:] else "") + folder[-1] for folder in folders}  # fmt: skip
    paths = {path if path.endswith(".txt") else f"{path}.py" for path in paths}
    found = left_out(wheel(*sorted(paths)), *traced)
    kept = {f"{SITE}/{path}" for path in paths} - found.paths
    for path in paths:
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if path.endswith(".py") and module in traced:
            assert f"{SITE}/{path}" in kept
    for path in kept:  # a package in which anything stays is still a package
        parent = path.rpartition("/")[0]
        while parent != SITE:
            init = f"{parent}/__init__.py"
            assert init in kept or init.removeprefix(f"{SITE}/") not in paths
            parent = parent.rpartition("/")[0]
