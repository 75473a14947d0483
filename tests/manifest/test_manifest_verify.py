from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from manifest_examples import (
    CONTENT,
    Sealed,
    example_facts,
    example_key,
    file_entry,
    place,
    sealed_tree,
    trusting,
)

from runtime_packager.entries import FileEntry
from runtime_packager.errors import BuildError, InputError, IntegrityError
from runtime_packager.io.files import FILE_TIME
from runtime_packager.io.progress import Silent, Task
from runtime_packager.manifest import (
    IntegrityFailure,
    Level,
    TrustedKeys,
    dsse,
    resign,
    seal,
    verify_tree,
)
from runtime_packager.manifest import release as releases
from runtime_packager.manifest.hashing import CHILDREN_FROM, Expected, check_files
from runtime_packager.manifest.sealing import executables_of

LEVELS = list(Level)
INTERPRETER = "python/bin/python3.12"
posix_only = pytest.mark.skipif(os.name == "nt", reason="needs POSIX modes or links")


def problems(
    sealed: Sealed, level: Level, trusted: TrustedKeys | None = None
) -> set[tuple[str, str]]:
    """(path, error id) of everything that is found wrong; empty when all is well."""
    try:
        verify_tree(sealed.root, trusted or sealed.trusted, level)
    except IntegrityFailure as error:
        return {(problem.path, str(problem.id)) for problem in error.problems}
    return set()


def rewrite(path: Path, data: bytes) -> None:
    """Other bytes, all else as before."""
    mode = stat.S_IMODE(path.stat().st_mode)
    path.write_bytes(data)
    path.chmod(mode)


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


# --- what is well


@pytest.mark.parametrize("level", LEVELS)
def test_a_sealed_tree_verifies(sealed: Sealed, level: Level) -> None:
    found = verify_tree(sealed.root, sealed.trusted, level, expected_platform="linux-x64")
    starts = ["peft_engine", "peft_engine.cfg", INTERPRETER]
    native = sum(len(CONTENT[path][0]) for path in starts)
    everything = sum(len(data) for data, _ in CONTENT.values())
    assert (found.keyid, found.purpose) == (sealed.key.public.keyid, "release")
    assert found.bytes_hashed == (everything if level is Level.FULL else native)
    assert found.files_checked == (3 if level is Level.EXE else len(CONTENT) + 1)
    assert found.total_size == (native if level is Level.EXE else everything)
    assert found.release.created == "2023-11-14T22:13:20Z"
    assert [one.path for one in found.release.executables] == starts


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_workers_make_no_difference(sealed: Sealed, workers: int) -> None:
    rewrite(sealed.root / "app/main.py", flipped(CONTENT["app/main.py"][0]))
    with pytest.raises(IntegrityFailure) as caught:
        verify_tree(sealed.root, sealed.trusted, workers=workers)
    assert [problem.path for problem in caught.value.problems] == ["app/main.py"]


def test_the_root_may_be_reached_through_a_link(sealed: Sealed, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(sealed.root)
    assert verify_tree(link, sealed.trusted).files_checked == len(CONTENT) + 1


def test_progress_counts_every_byte(sealed: Sealed) -> None:
    seen: list[int] = []

    class Counting(Silent):
        @contextmanager
        def task(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator[Task]:
            seen.append(-(total or 0))
            with super().task(title) as task:
                task.advance = seen.append  # type: ignore[method-assign]
                yield task

    verify_tree(sealed.root, sealed.trusted, progress=Counting())
    assert sum(seen) == 0 > seen[0]


def test_sealing_twice_gives_the_same_bytes(sealed: Sealed) -> None:
    names = ("manifest/files.json", "manifest/release.dsse.json")
    before = [(sealed.root / name).read_bytes() for name in names]
    seal(sealed.root, list(reversed(sealed.entries)), sealed.facts, sealed.key)
    assert [(sealed.root / name).read_bytes() for name in names] == before
    for name in names:
        status = (sealed.root / name).stat()
        assert status.st_mtime == FILE_TIME
        assert os.name == "nt" or stat.S_IMODE(status.st_mode) == 0o644


# --- what is wrong with the tree


@pytest.mark.parametrize(
    ("path", "seen_by"),
    [
        ("app/main.py", {"full"}),
        ("app/größe.txt", {"full"}),
        (INTERPRETER, {"full", "quick", "exe"}),
    ],
)
def test_one_changed_bit(sealed: Sealed, path: str, seen_by: set[str]) -> None:
    rewrite(sealed.root / path, flipped(CONTENT[path][0]))
    for level in LEVELS:
        expected = {(path, "file-hash")} if level in seen_by else set()
        assert problems(sealed, level) == expected


def test_another_size_is_seen_without_hashing(sealed: Sealed) -> None:
    rewrite(sealed.root / "app/main.py", b"")
    assert problems(sealed, Level.FULL) == {("app/main.py", "file-size")}
    assert problems(sealed, Level.QUICK) == {("app/main.py", "file-size")}
    assert problems(sealed, Level.EXE) == set()
    rewrite(sealed.root / INTERPRETER, CONTENT[INTERPRETER][0] + b"x")
    assert (INTERPRETER, "file-size") in problems(sealed, Level.FULL)
    assert problems(sealed, Level.EXE) == {(INTERPRETER, "file-size")}


@pytest.mark.parametrize("path", ["python/lib/empty", "python/bin/python3", "peft_engine"])
def test_a_missing_file(sealed: Sealed, path: str) -> None:
    (sealed.root / path).unlink()
    assert problems(sealed, Level.FULL) == problems(sealed, Level.QUICK) == {(path, "file-missing")}


def test_a_missing_directory_names_every_file_that_was_in_it(sealed: Sealed) -> None:
    (sealed.root / "app").rename(sealed.root.parent / "app")
    missing = {("app/main.py", "file-missing"), ("app/größe.txt", "file-missing")}
    assert problems(sealed, Level.FULL) == problems(sealed, Level.QUICK) == missing


@pytest.mark.parametrize(
    "path", ["evil.py", "app/__pycache__.pyc", "manifest/extra", ".hidden", "python/lib/z"]
)
def test_an_extra_file(sealed: Sealed, path: str) -> None:
    (sealed.root / path).write_bytes(b"")
    assert problems(sealed, Level.FULL) == problems(sealed, Level.QUICK) == {(path, "file-extra")}


def test_an_extra_directory_is_one_problem(sealed: Sealed) -> None:
    (sealed.root / "app/__pycache__/deep").mkdir(parents=True)
    (sealed.root / "app/__pycache__/main.pyc").write_bytes(b"")
    (sealed.root / "empty").mkdir()
    expected = {("app/__pycache__", "directory-extra"), ("empty", "directory-extra")}
    assert problems(sealed, Level.FULL) == problems(sealed, Level.QUICK) == expected


@posix_only
def test_an_extra_link_is_not_followed(sealed: Sealed, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (sealed.root / "app/link").symlink_to(tmp_path / "outside")
    (sealed.root / "dangling").symlink_to("nowhere")
    expected = {("app/link", "file-extra"), ("dangling", "file-extra")}
    assert problems(sealed, Level.QUICK) == expected


@posix_only
def test_an_extra_name_that_is_no_utf8_or_no_text(sealed: Sealed) -> None:
    os.close(os.open(os.fsencode(sealed.root) + b"/\xff\x1b[31m", os.O_CREAT))
    with pytest.raises(IntegrityFailure) as caught:
        verify_tree(sealed.root, sealed.trusted)
    assert str(caught.value).encode()
    assert str(caught.value).replace("\n", "").isprintable()


@posix_only
@pytest.mark.parametrize("mode", [0o644, 0o777, 0o4755, 0o700])
def test_another_mode(sealed: Sealed, mode: int) -> None:
    (sealed.root / "python/bin/pip").chmod(mode)
    expected = {("python/bin/pip", "file-mode")}
    assert problems(sealed, Level.FULL) == problems(sealed, Level.QUICK) == expected


@posix_only
def test_a_wrong_mode_does_not_hide_wrong_bytes(sealed: Sealed) -> None:
    file = sealed.root / "app/main.py"
    rewrite(file, flipped(CONTENT["app/main.py"][0]))
    file.chmod(0o600)
    expected = {("app/main.py", "file-mode"), ("app/main.py", "file-hash")}
    assert problems(sealed, Level.FULL) == expected


def to_link(path: Path) -> None:
    moved = path.parent.parent / f"moved-{path.name}"
    path.rename(moved)
    path.symlink_to(moved)


def to_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def to_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@posix_only
@pytest.mark.parametrize("change", [to_link, to_directory, to_pipe])
def test_a_file_that_became_something_else(
    sealed: Sealed, change: Callable[[Path], None], tmp_path: Path
) -> None:
    change(sealed.root / INTERPRETER)
    for level in LEVELS:
        assert (INTERPRETER, "file-type") in problems(sealed, level)


@posix_only
def test_a_directory_that_became_a_link_to_the_same_files(sealed: Sealed, tmp_path: Path) -> None:
    (sealed.root / "python").rename(tmp_path / "python")
    (sealed.root / "python").symlink_to(tmp_path / "python")
    assert problems(sealed, Level.EXE) == {("python", "file-type")}
    for level in (Level.FULL, Level.QUICK):
        found = problems(sealed, level)
        assert ("python", "file-type") in found
        assert (INTERPRETER, "file-missing") in found


def test_a_directory_that_became_a_file(sealed: Sealed) -> None:
    (sealed.root / "app").rename(sealed.root.parent / "app")
    (sealed.root / "app").write_bytes(b"")
    missing = {("app/main.py", "file-missing"), ("app/größe.txt", "file-missing")}
    assert problems(sealed, Level.QUICK) == missing | {("app", "file-type")}


@posix_only
def test_links_must_point_where_they_did(sealed: Sealed) -> None:
    link = sealed.root / "python/bin/python3"
    link.unlink()
    link.symlink_to("pip")
    assert problems(sealed, Level.QUICK) == {("python/bin/python3", "link-target")}
    link.unlink()
    link.write_bytes(CONTENT[INTERPRETER][0])
    assert problems(sealed, Level.QUICK) == {("python/bin/python3", "file-type")}


def test_what_cannot_be_read_is_a_problem(sealed: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's refusal is made here, because root is refused nothing."""
    opened = os.open

    def refuse(path: str, *flags: int, **more: int) -> int:
        if os.fspath(path).endswith("main.py"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return opened(path, *flags, **more)

    monkeypatch.setattr(os, "open", refuse)
    assert ("app/main.py", "file-unreadable") in problems(sealed, Level.FULL)


def test_everything_wrong_is_reported_sorted_and_the_print_is_short(sealed: Sealed) -> None:
    for number in range(30):
        (sealed.root / f"extra{number:02}").write_bytes(b"")
    (sealed.root / "app/main.py").unlink()
    with pytest.raises(IntegrityError) as caught:
        verify_tree(sealed.root, sealed.trusted, Level.FULL)
    error = caught.value
    assert isinstance(error, IntegrityFailure)
    assert len(error.problems) == 31
    assert [problem.path for problem in error.problems][:2] == ["app/main.py", "extra00"]
    assert len(error.details) == 21
    assert error.details[-1] == "and 11 more"
    assert "31 problems" in error.message
    assert error.exit_code == 5


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_single_change_to_any_byte_goes_unseen(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    sealed = sealed_tree(tmp_path_factory.mktemp("trees") / "tree")
    files = sorted(path for path in sealed.root.rglob("*") if path.is_file())
    files = [path for path in files if not path.is_symlink() and path.stat().st_size]
    file = data.draw(st.sampled_from(files))
    content = bytearray(file.read_bytes())
    place_of_change = data.draw(st.integers(0, len(content) - 1))
    content[place_of_change] ^= data.draw(st.integers(1, 255))
    rewrite(file, bytes(content))
    if file.name != "release.dsse.json":
        assert problems(sealed, Level.FULL)
        return
    # What stands beside the signature, the key id, is a hint: it may change, the release may not.
    try:
        found = verify_tree(sealed.root, sealed.trusted)
    except IntegrityFailure:
        return
    assert found.release.inputs == sealed.facts.inputs


# --- what is wrong with the manifest


def test_a_directory_without_a_manifest_is_no_runtime(tmp_path: Path, sealed: Sealed) -> None:
    for path, words in (
        (tmp_path / "nowhere", "does not exist"),
        (sealed.root / "app/main.py", "is not a directory"),
        (sealed.root / "app", "is not a runtime"),
    ):
        with pytest.raises(InputError, match=words):
            verify_tree(path, sealed.trusted)


@pytest.mark.parametrize("level", LEVELS)
def test_a_manifest_that_is_gone(sealed: Sealed, level: Level) -> None:
    (sealed.root / "manifest/files.json").unlink()
    expected = set() if level is Level.EXE else {("", "manifest-missing")}
    assert problems(sealed, level) == expected
    (sealed.root / "manifest/release.dsse.json").unlink()
    assert problems(sealed, level) == {("", "manifest-missing")}


@posix_only
def test_a_manifest_that_is_a_link(sealed: Sealed, tmp_path: Path) -> None:
    (sealed.root / "manifest/files.json").rename(tmp_path / "files.json")
    (sealed.root / "manifest/files.json").symlink_to(tmp_path / "files.json")
    assert problems(sealed, Level.QUICK) == {("", "file-type")}
    (sealed.root / "manifest").rename(tmp_path / "manifest")
    (sealed.root / "manifest").symlink_to(tmp_path / "manifest")
    assert problems(sealed, Level.EXE) == {("", "file-type")}


@pytest.mark.parametrize("change", [flipped, lambda data: data + b" ", lambda data: data[:-1]])
def test_a_list_that_is_not_the_signed_one(
    sealed: Sealed, change: Callable[[bytes], bytes]
) -> None:
    path = sealed.root / "manifest/files.json"
    path.write_bytes(change(path.read_bytes()))
    assert problems(sealed, Level.QUICK) == {("", "manifest-hash")}
    assert problems(sealed, Level.EXE) == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"file_count": 8},
        {"tree_root": "00" * 32},
        {"executables": (releases.Executable("app/main.py", "00" * 32, 15),)},
    ],
)
def test_a_signed_release_that_contradicts_its_list(
    sealed: Sealed, changes: dict[str, object]
) -> None:
    path = sealed.root / "manifest/release.dsse.json"
    release = releases.parse(dsse.verify(path.read_bytes(), sealed.trusted).payload)
    changed = replace(release, **changes)  # type: ignore[arg-type]
    path.write_bytes(dsse.sign(releases.render(changed), sealed.key))
    assert problems(sealed, Level.FULL) == {("", "manifest-mismatch")}
    quick = set() if "tree_root" in changes else {("", "manifest-mismatch")}
    assert problems(sealed, Level.QUICK) == quick


def test_another_key_is_not_believed(sealed: Sealed) -> None:
    for level in LEVELS:
        assert problems(sealed, level, trusting(example_key(seed=2))) == {("", "key-untrusted")}


def test_platform_and_epoch_are_the_callers_to_demand(sealed: Sealed) -> None:
    with pytest.raises(IntegrityFailure, match="expected win-x64, actual linux-x64") as caught:
        verify_tree(sealed.root, sealed.trusted, expected_platform="win-x64")
    assert caught.value.ids == {"platform"}
    assert verify_tree(sealed.root, sealed.trusted, minimum_epoch=7).release.epoch == 7
    with pytest.raises(IntegrityFailure, match="epoch 7 is older than 8") as caught:
        verify_tree(sealed.root, sealed.trusted, minimum_epoch=8)
    assert caught.value.ids == {"epoch"}


# --- sealing and signing anew


def test_a_release_key_signs_official_interpreters_only(sealed: Sealed) -> None:
    facts, before = example_facts(official=False), sealed.root / "manifest/files.json"
    before.unlink()
    with pytest.raises(InputError, match="no official build"):
        seal(sealed.root, sealed.entries, facts, sealed.key)
    assert not before.exists()
    seal(sealed.root, sealed.entries, facts, sealed.key, allow_unofficial=True)
    assert verify_tree(sealed.root, sealed.trusted).release.interpreters[0]["official"] is False
    development = example_key("development", 2)
    seal(sealed.root, sealed.entries, facts, development)
    assert verify_tree(sealed.root, trusting(development)).purpose == "development"


def test_a_truthy_official_is_not_enough(sealed: Sealed) -> None:
    facts = replace(
        sealed.facts, interpreters=({**sealed.facts.interpreters[0], "official": "true"},)
    )
    with pytest.raises(InputError, match="no official build"):
        seal(sealed.root, sealed.entries, facts, sealed.key)


def test_signing_anew_keeps_the_release_and_changes_the_key(sealed: Sealed) -> None:
    before = verify_tree(sealed.root, sealed.trusted).release
    other = example_key(seed=5)
    assert resign(sealed.root, other) == before
    assert verify_tree(sealed.root, trusting(other)).release == before
    assert problems(sealed, Level.EXE) == {("", "key-untrusted")}


def test_a_changed_tree_is_not_signed_anew(sealed: Sealed) -> None:
    envelope = (sealed.root / "manifest/release.dsse.json").read_bytes()
    rewrite(sealed.root / "app/main.py", flipped(CONTENT["app/main.py"][0]))
    with pytest.raises(IntegrityFailure, match="file-hash"):
        resign(sealed.root, example_key(seed=5))
    assert (sealed.root / "manifest/release.dsse.json").read_bytes() == envelope


def test_an_unofficial_tree_is_not_promoted_by_signing_anew(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    seal(root, place(root), example_facts(official=False), example_key("development"))
    with pytest.raises(InputError, match="no official build"):
        resign(root, example_key())
    resign(root, example_key(), allow_unofficial=True)
    assert verify_tree(root, trusting(example_key())).purpose == "release"


def test_executables_are_known_by_their_first_bytes(tmp_path: Path) -> None:
    def entry(path: str, data: bytes, executable: bool) -> FileEntry:
        source = tmp_path / path.replace("/", "_")
        source.write_bytes(data)
        return file_entry(path, data, executable, source)

    entries = [
        entry("elf", b"\x7fELF...", True),
        entry("data", b"\x7fELF...", False),
        entry("script", b"#!/bin/sh", True),
        entry("x/lib.so.1", b"\x7fELF...", False),
        entry("x/linker.so", b"INPUT(lib.so.1)", False),
        entry("x/lib.1.dylib", bytes.fromhex("cffaedfe0c"), False),
        entry("short", b"\x7f", True),
        entry("macho", bytes.fromhex("cffaedfe0c"), True),
        entry("fat", bytes.fromhex("cafebabe00"), True),
        entry("x/lib.DLL", b"MZ..", False),
        entry("start.sh", b"#!", True),
        entry("start.cfg", b"format = 1", False),
        entry("x/pip.cfg", b"", False),
    ]

    def paths(platform: str, launcher: str = "") -> list[str]:
        return [one.path for one in executables_of(entries, platform, launcher)]

    common = {"elf", "fat", "macho", "start.cfg", "x/lib.1.dylib", "x/lib.so.1"}
    assert paths("linux-x64") == sorted(common)
    assert paths("win-x64") == sorted({*common, "x/lib.DLL"})
    assert paths("linux-x64", "start.sh") == sorted({*common, "start.sh"})
    with pytest.raises(BuildError, match="launcher nowhere"):
        paths("linux-x64", "nowhere")


@posix_only
@pytest.mark.parametrize("answer", ["", "rubbish", "null", "[1,1,[]]"])
def test_a_child_that_ends_well_without_comparing_everything_is_no_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """As when the interpreter that runs us is a program of another kind."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{answer}'\n" if answer else "#!/bin/sh\n")
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    files = [Expected(f"missing-{n}", "0" * 64, 1) for n in range(CHILDREN_FROM)]
    with Silent().task("verifying") as task, pytest.raises(BuildError):
        check_files(str(tmp_path), files, task, 2)
