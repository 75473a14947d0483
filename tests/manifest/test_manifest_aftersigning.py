"""A sealed tree whose programs are signed afterwards: forgiven when asked for, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from manifest_examples import Sealed, example_facts, example_key, file_entry, trusting
from signing import (
    apple_program,
    certificate,
    sign_apple,
    sign_windows,
    strip_apple,
    super_blob,
    windows_program,
)

from runtime_packager.binaries import fat
from runtime_packager.cli import main
from runtime_packager.entries import Entry
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Silent
from runtime_packager.launcher.build import build
from runtime_packager.manifest import (
    IntegrityFailure,
    Level,
    SignedAfter,
    aftersigning,
    hashing,
    render_trusted,
    seal,
    verify_tree,
)
from runtime_packager.manifest.files import FILES
from runtime_packager.manifest.signable import unsigned_digests

LEVELS = list(Level)
DLL, PROGRAM, LIBRARY = "python/DLLs/_ssl.pyd", "engine.exe", "python/lib/libssl.dylib"
TEXT = "app/main.py"


def tree(
    root: Path, platform: str, content: dict[str, bytes], cache: Cache | None = None
) -> Sealed:
    """A sealed tree of these files; names that end in ``.py`` are not executable."""
    entries: list[Entry] = []
    for path, data in content.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        executable = not path.endswith(".py") and path != LIBRARY
        place.chmod(0o755 if executable else 0o644)
        entries.append(file_entry(path, data, executable, place))
    facts, key = example_facts(platform), example_key()
    seal(root, entries, facts, key, cache=cache)
    return Sealed(root, tuple(entries), facts, key, trusting(key))


@pytest.fixture
def windows(tmp_path: Path) -> Sealed:
    content = {PROGRAM: build(["win-x64"])[0].read_bytes(), DLL: windows_program(b"odd")}
    return tree(tmp_path / "win", "win-x64", content | {TEXT: b"print()\n" * 20})


@pytest.fixture
def mac(tmp_path: Path) -> Sealed:
    x64, arm64 = (path.read_bytes() for path in build(["mac-x64", "mac-arm64"]))
    content = {"engine": arm64, LIBRARY: fat([x64, arm64]), "python/lib/x.so": apple_program()}
    return tree(tmp_path / "mac", "mac-universal", content | {TEXT: b"print()\n" * 20})


def change(sealed: Sealed, path: str, make: Callable[[bytes], bytes]) -> None:
    place = sealed.root / path
    mode = place.stat().st_mode & 0o777
    place.write_bytes(make(place.read_bytes()))
    place.chmod(mode)


def found(
    sealed: Sealed, level: Level = Level.FULL, *, allowed: bool = True
) -> set[tuple[str, str]] | list[SignedAfter]:
    """(path, error id) of everything wrong; else what was signed after."""
    try:
        done = verify_tree(sealed.root, sealed.trusted, level, allow_code_signing=allowed)
    except IntegrityFailure as error:
        return {(problem.path, str(problem.id)) for problem in error.problems}
    return list(done.signed_after)


def signed_windows(data: bytes) -> bytes:
    return sign_windows(data, certificate(2000))


def signed_apple(data: bytes) -> bytes:
    return sign_apple(data, super_blob(20_000))


@pytest.mark.parametrize("level", LEVELS)
def test_an_untouched_tree_reports_nothing(windows: Sealed, mac: Sealed, level: Level) -> None:
    assert found(windows, level) == found(mac, level) == []


@pytest.mark.parametrize("level", LEVELS)
def test_signed_programs_are_accepted_where_allowed_and_named(
    windows: Sealed, mac: Sealed, level: Level
) -> None:
    for path in (PROGRAM, DLL):
        change(windows, path, signed_windows)
    assert found(windows, level) == [SignedAfter(PROGRAM, True), SignedAfter(DLL, True)]
    assert found(windows, level, allowed=False) == {(PROGRAM, "file-size"), (DLL, "file-size")}
    for path in ("engine", "python/lib/x.so"):
        change(mac, path, signed_apple)
    expected = [SignedAfter("engine", True), SignedAfter("python/lib/x.so", True)]
    assert found(mac, level) == expected
    assert found(mac, level, allowed=False) == {(one.path, "file-size") for one in expected}


def test_a_signature_of_the_same_size_is_found_by_its_digest(mac: Sealed) -> None:
    change(mac, "engine", signed_apple)
    again = sign_apple((mac.root / "engine").read_bytes(), super_blob(20_000, fill=9))
    resealed = tree(mac.root.parent / "again", "mac-arm64", {"engine": again})
    change(resealed, "engine", signed_apple)
    for level in LEVELS:
        assert found(resealed, level) == [SignedAfter("engine", True)]
        assert found(resealed, level, allowed=False) == {("engine", "file-hash")}


def test_universal_programs_and_stripped_ones(mac: Sealed) -> None:
    x64, arm64 = (path.read_bytes() for path in build(["mac-x64", "mac-arm64"]))
    change(mac, LIBRARY, lambda _: fat([signed_apple(x64), signed_apple(arm64)]))
    change(mac, "engine", strip_apple)
    assert found(mac) == [SignedAfter("engine", False), SignedAfter(LIBRARY, True)]


@pytest.mark.parametrize("level", LEVELS)
def test_a_changed_byte_of_a_signed_program_is_not_accepted(
    windows: Sealed, mac: Sealed, level: Level
) -> None:
    def harm(data: bytes) -> bytes:
        signed = signed_windows(data) if data[:2] == b"MZ" else signed_apple(data)
        return signed[:900] + bytes([signed[900] ^ 1]) + signed[901:]

    for sealed, path in ((windows, PROGRAM), (mac, "engine")):
        change(sealed, path, harm)
        assert found(sealed, level) == {(path, "file-size"), (path, "code-signature")}
        assert found(sealed, level, allowed=False) == {(path, "file-size")}


def test_appended_bytes_are_not_accepted(windows: Sealed, mac: Sealed) -> None:
    change(windows, PROGRAM, lambda data: signed_windows(data) + b"more")
    assert found(windows) == {(PROGRAM, "file-size"), (PROGRAM, "code-signature")}
    change(mac, "engine", lambda data: data + bytes(16))
    assert found(mac) == {("engine", "file-size"), ("engine", "code-signature")}


@pytest.mark.parametrize("level", LEVELS)
def test_all_else_is_as_strict_as_ever(windows: Sealed, level: Level) -> None:
    change(windows, PROGRAM, signed_windows)
    change(windows, TEXT, lambda data: data[:-1] + b" ")
    (windows.root / "evil.dll").write_bytes(windows_program())
    text = {(TEXT, "file-hash")} if level is Level.FULL else set()
    extra = set() if level is Level.EXE else {("evil.dll", "file-extra")}
    assert found(windows, level) == (text | extra or [SignedAfter(PROGRAM, True)])


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX modes")
def test_a_signed_program_of_another_mode_is_not_accepted(windows: Sealed) -> None:
    change(windows, PROGRAM, signed_windows)
    (windows.root / PROGRAM).chmod(0o777)
    assert found(windows) == {(PROGRAM, "file-mode")}


def test_another_program_in_its_place_is_not_accepted(windows: Sealed) -> None:
    change(windows, DLL, lambda _: signed_windows(windows_program(b"even")))
    assert found(windows) == {(DLL, "file-size"), (DLL, "code-signature")}


def test_a_link_to_a_signed_program_is_not_accepted(windows: Sealed, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(signed_windows((windows.root / PROGRAM).read_bytes()))
    (windows.root / PROGRAM).unlink()
    (windows.root / PROGRAM).symlink_to(tmp_path / "other")
    assert found(windows) == {(PROGRAM, "file-type")}


def test_a_list_that_was_changed_forgives_nothing(windows: Sealed) -> None:
    """Level exe trusts the release alone, until it needs to know what a program is unsigned."""
    change(windows, PROGRAM, signed_windows)
    place = windows.root / FILES
    rows = json.loads(place.read_bytes())
    rows["files"][0]["size"] += 1
    place.write_bytes(json.dumps(rows, sort_keys=True, separators=(",", ":")).encode())
    for level in LEVELS:
        assert found(windows, level) == {("", "manifest-hash")}


def test_children_and_threads_find_the_same(mac: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "CHILDREN_FROM", 1)
    change(mac, "engine", signed_apple)
    change(mac, "python/lib/x.so", lambda data: signed_apple(data)[:-1] + b"x")
    done = verify_tree(mac.root, mac.trusted, allow_code_signing=True, workers=2)
    assert [one.path for one in done.signed_after] == ["engine", "python/lib/x.so"]
    change(mac, "python/lib/x.so", lambda data: data + b"x")
    assert found(mac) == {("python/lib/x.so", "file-size"), ("python/lib/x.so", "code-signature")}


def test_a_file_that_grew_beyond_any_signature_is_not_read(
    windows: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aftersigning, "MARGIN", 1000)
    change(windows, PROGRAM, signed_windows)
    with pytest.raises(IntegrityFailure, match="grew by 20"):
        verify_tree(windows.root, windows.trusted, allow_code_signing=True)


def test_whoever_did_not_allow_it_is_told_of_it(windows: Sealed) -> None:
    change(windows, PROGRAM, signed_windows)
    with pytest.raises(IntegrityFailure) as caught:
        verify_tree(windows.root, windows.trusted)
    assert "--allow-code-signing" in str(caught.value.hint)
    change(windows, PROGRAM, lambda data: data + b"x")
    with pytest.raises(IntegrityFailure) as caught:
        verify_tree(windows.root, windows.trusted, allow_code_signing=True)
    assert "--allow-code-signing" not in str(caught.value.hint)


# --- on the command line


def call(tmp_path: Path, sealed: Sealed, *words: str) -> int:
    keys = tmp_path / "trusted.json"
    keys.write_bytes(render_trusted(sealed.trusted))
    with pytest.raises(SystemExit) as caught:
        main(["verify", str(sealed.root), "--trusted", str(keys), *words])
    return int(caught.value.code or 0)


def test_people_and_programs_are_told_what_was_signed(
    windows: Sealed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(windows, PROGRAM, signed_windows)
    assert call(tmp_path, windows) == 5
    assert "allow it: --allow-code-signing" in capsys.readouterr().err
    assert call(tmp_path, windows, "--allow-code-signing") == 0
    assert f"another code signature, otherwise as sealed: 1 ({PROGRAM})" in capsys.readouterr().err
    assert call(tmp_path, windows, "--allow-code-signing", "--json") == 0
    told = json.loads(capsys.readouterr().out)["signed_after"]
    assert told == [{"path": PROGRAM, "signed": True}]
    change(windows, PROGRAM, lambda data: data[:900] + b"x" + data[901:])
    assert call(tmp_path, windows, "--allow-code-signing") == 5
    assert "more than its code signature differs" in capsys.readouterr().err


# --- at sealing


def rows(sealed: Sealed) -> dict[str, bool]:
    listed = json.loads((sealed.root / FILES).read_bytes())["files"]
    return {row["path"]: "unsigned" in row for row in listed}


def test_only_programs_of_these_systems_have_the_digest(windows: Sealed, tmp_path: Path) -> None:
    assert rows(windows) == {DLL: True, PROGRAM: True, TEXT: False}
    odd = windows_program() + b"PK\5\6"
    content = {"odd.exe": odd, "short": b"MZ", "elf": b"\x7fELF" + bytes(99), "java": JAVA}
    assert not any(rows(tree(tmp_path / "odd", "win-x64", content)).values())
    linux = tree(tmp_path / "linux", "linux-x64", {"x.exe": windows_program()})
    assert not any(rows(linux).values())


JAVA = b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(99)


def test_a_file_is_read_once_and_then_known(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    content = {"a.exe": windows_program(), "odd.exe": windows_program() + b"PK\5\6"}
    sealed = tree(tmp_path / "one", "win-x64", content, cache)
    tasks: list[int] = []

    class Counting(Silent):
        def task(self, title: str, *, total: int | None = None, unit: str = ""):  # type: ignore[no-untyped-def]
            tasks.append(total or 0)
            return super().task(title)

    first = unsigned_digests(sealed.entries, "win-x64", cache, Counting())
    assert (len(first), tasks) == (1, [])
    more = tree(tmp_path / "two", "win-x64", content | {"b.exe": windows_program(b"b")})
    assert unsigned_digests(more.entries, "win-x64", cache, Counting()).items() > first.items()
    assert tasks == [1]
    (table,) = (tmp_path / "cache/unsigned").iterdir()
    table.write_bytes(b"{")
    assert unsigned_digests(sealed.entries, "win-x64", cache, Counting()) == first
    assert tasks == [1, 2]


def test_a_source_that_is_not_what_it_should_be_is_not_remembered(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    sealed = tree(tmp_path / "one", "win-x64", {"a.exe": windows_program()})
    (sealed.root / "a.exe").write_bytes(windows_program(b"other"))
    assert unsigned_digests(sealed.entries, "win-x64", cache) == {}
    (sealed.root / "a.exe").write_bytes(windows_program())
    assert len(unsigned_digests(sealed.entries, "win-x64", cache)) == 1
