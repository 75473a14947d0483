"""A tree whose programs were code-signed, sealed again: over that, and over nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from manifest_examples import Sealed, example_facts, example_key, file_entry, trusting
from root_examples import ANNA, BEN, CARL, a_root, signed
from signing import apple_program, certificate, sign_apple, sign_windows, super_blob

from runtime_packager.cli import main
from runtime_packager.entries import Entry
from runtime_packager.errors import InputError
from runtime_packager.launcher.build import build
from runtime_packager.manifest import (
    IntegrityFailure,
    Level,
    TrustedKeys,
    render_trusted,
    reseal,
    save_key,
    seal,
    verify_tree,
)
from runtime_packager.manifest.files import FILES, RELEASE

PROGRAM, TEXT = "engine.exe", "app/main.py"


def tree(root: Path, platform: str, content: dict[str, bytes], official: bool = True) -> Sealed:
    entries: list[Entry] = []
    for path, data in content.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(0o644 if path.endswith(".py") else 0o755)
        entries.append(file_entry(path, data, not path.endswith(".py"), place))
    facts, key = example_facts(platform, official), example_key()
    seal(root, entries, facts, key, allow_unofficial=True)
    return Sealed(root, tuple(entries), facts, key, trusting(key))


@pytest.fixture
def windows(tmp_path: Path) -> Sealed:
    content = {PROGRAM: build(["win-x64"])[0].read_bytes(), TEXT: b"print()\n" * 20}
    return tree(tmp_path / "win", "win-x64", content)


def sign(sealed: Sealed, path: str = PROGRAM, size: int = 2000) -> None:
    place = sealed.root / path
    place.write_bytes(sign_windows(place.read_bytes(), certificate(size)))


def manifest(sealed: Sealed) -> tuple[bytes, bytes]:
    return (sealed.root / FILES).read_bytes(), (sealed.root / RELEASE).read_bytes()


def test_signed_programs_get_their_exact_bytes_into_the_manifest(windows: Sealed) -> None:
    before = verify_tree(windows.root, windows.trusted).release
    sign(windows)
    done = reseal(windows.root, windows.key, windows.trusted)
    assert [(program.path, program.signed) for program in done.programs] == [(PROGRAM, True)]
    for level in Level:
        verify_tree(windows.root, windows.trusted, level)
    assert done.release.version == before.version
    assert done.release.epoch == before.epoch
    assert done.release.created == before.created
    assert done.release.tree_root != before.tree_root
    (sized,) = (file for file in done.release.executables if file.path == PROGRAM)
    assert sized.size == (windows.root / PROGRAM).stat().st_size


def test_apple_programs_too(tmp_path: Path) -> None:
    sealed = tree(tmp_path / "mac", "mac-arm64", {"engine": apple_program(), TEXT: b"pass\n"})
    place = sealed.root / "engine"
    place.write_bytes(sign_apple(place.read_bytes(), super_blob(20_000)))
    reseal(sealed.root, sealed.key, sealed.trusted)
    verify_tree(sealed.root, sealed.trusted)


def test_what_was_sealed_again_can_be_signed_and_sealed_yet_again(windows: Sealed) -> None:
    place = windows.root / PROGRAM
    unsigned = place.read_bytes()
    for size in (2000, 3000):
        place.write_bytes(sign_windows(unsigned, certificate(size)))
        assert len(reseal(windows.root, windows.key, windows.trusted).programs) == 1
        verify_tree(windows.root, windows.trusted)


def test_nothing_signed_leaves_the_manifest_as_it_was(windows: Sealed) -> None:
    before = manifest(windows)
    assert reseal(windows.root, windows.key, windows.trusted).programs == ()
    assert manifest(windows) == before


def break_text(sealed: Sealed) -> None:
    place = sealed.root / TEXT
    place.write_bytes(place.read_bytes().replace(b"print", b"raise", 1))


def break_program(sealed: Sealed) -> None:
    place = sealed.root / PROGRAM
    data = bytearray(place.read_bytes())
    data[900] ^= 1
    place.write_bytes(data)


def add_file(sealed: Sealed) -> None:
    (sealed.root / "python.dll").write_bytes(b"MZ")


def drop_file(sealed: Sealed) -> None:
    (sealed.root / TEXT).unlink()


def other_mode(sealed: Sealed) -> None:
    (sealed.root / PROGRAM).chmod(0o600)


@pytest.mark.parametrize("harm", [break_text, break_program, add_file, drop_file, other_mode])
def test_anything_else_that_differs_is_refused_and_nothing_is_written(
    windows: Sealed, harm
) -> None:
    sign(windows)
    harm(windows)
    before = manifest(windows)
    with pytest.raises(IntegrityFailure):
        reseal(windows.root, windows.key, windows.trusted)
    assert manifest(windows) == before


def test_a_tree_that_nobody_trusted_signed_is_refused(windows: Sealed) -> None:
    sign(windows)
    stranger = example_key(seed=9)
    before = manifest(windows)
    with pytest.raises(IntegrityFailure):
        reseal(windows.root, stranger, trusting(stranger))
    assert manifest(windows) == before


def test_a_key_that_nobody_believes_seals_nothing(windows: Sealed) -> None:
    sign(windows)
    before = manifest(windows)
    with pytest.raises(InputError, match="would not be believed"):
        reseal(windows.root, example_key(seed=9), windows.trusted)
    assert manifest(windows) == before


def test_one_signature_does_not_do_where_two_have_to_sign(windows: Sealed) -> None:
    sign(windows)
    other = example_key(seed=9)
    keys = (windows.key.public, other.public)
    with pytest.raises(IntegrityFailure):
        reseal(windows.root, windows.key, TrustedKeys(keys, threshold=2))


def test_a_release_key_asks_for_an_official_interpreter_here_too(tmp_path: Path) -> None:
    content = {PROGRAM: build(["win-x64"])[0].read_bytes()}
    sealed = tree(tmp_path / "win", "win-x64", content, official=False)
    sign(sealed)
    with pytest.raises(InputError, match="no official build"):
        reseal(sealed.root, sealed.key, sealed.trusted)
    reseal(sealed.root, sealed.key, sealed.trusted, allow_unofficial=True)


# --- on the command line


@pytest.fixture
def words(windows: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNTIME_PACKAGER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RUNTIME_PACKAGER_PASSPHRASE", "secret")
    save_key(windows.key, tmp_path / "key.json", b"secret")
    (tmp_path / "keys.json").write_bytes(render_trusted(windows.trusted))
    return ["sign", str(windows.root), "--key", "key.json", "--json"]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict]:
    with pytest.raises(SystemExit) as caught:
        main(list(words))
    return int(caught.value.code or 0), json.loads(capsys.readouterr().out or "{}")


def test_the_command_names_the_programs(windows: Sealed, words: list[str], capsys) -> None:
    after = ["--after-code-signing", "--trusted", "keys.json"]
    code, answer = run(capsys, *words, *after)
    assert (code, answer["programs"], answer["keyid"]) == (0, [], None)
    sign(windows)
    code, answer = run(capsys, *words, *after)
    assert (code, answer["programs"]) == (0, [PROGRAM])
    verify_tree(windows.root, windows.trusted)
    break_text(windows)
    assert run(capsys, *words, *after)[0] == 5


def test_without_being_told_sign_forgives_no_code_signature(
    windows: Sealed, words: list[str], capsys
) -> None:
    sign(windows)
    assert run(capsys, *words)[0] == 5
    assert run(capsys, *words, "--trusted", "keys.json")[0] == 2
    assert run(capsys, *words, "--add", "--after-code-signing")[0] == 2


# --- whom an app that carries it believes


@pytest.fixture
def project(words: list[str], tmp_path: Path) -> Path:
    """A project around, and a development key in its cache."""
    (tmp_path / "backend").mkdir()
    (tmp_path / "backend/main.py").write_text("")
    (tmp_path / "backend/requirements.txt").write_text("")
    (tmp_path / "pyproject.toml").write_text(CONFIG)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "cache/keys").mkdir(parents=True)
    save_key(DEVELOPER, tmp_path / "cache/keys/development.json")
    return tmp_path


CONFIG = """
[tool.runtime-packager]
name = "x"
version = "1"
app = "backend"
entry = "main.py"
python = "3.12.14"
"""
DEVELOPER = example_key("development", seed=5)


def exported(capsys: pytest.CaptureFixture[str], sealed: Sealed, *more: str) -> tuple[int, dict]:
    return run(capsys, "keys", "trusted", str(sealed.root), "--json", *more)


def test_an_app_believes_the_release_keys_and_no_developers_machine(
    windows: Sealed, project: Path, capsys
) -> None:
    assert exported(capsys, windows)[0] == 2, "nobody that is trusted here signed it"
    listed = TrustedKeys((windows.key.public, DEVELOPER.public))
    (project / "manifests/trusted-keys.json").write_bytes(render_trusted(listed))
    trust = project / "trust"
    trust.mkdir()
    (trust / "root.dsse.json").write_text("of another day")
    code, answer = exported(capsys, windows, "--output", "trust")
    assert (code, answer["purpose"]) == (0, "release")
    assert [path.name for path in trust.iterdir()] == ["trusted-keys.json"]
    (key,) = json.loads((trust / "trusted-keys.json").read_bytes())["keys"]
    assert key["keyid"] == windows.key.public.keyid


def test_a_root_document_goes_as_it_is(windows: Sealed, project: Path, capsys) -> None:
    root = project / "manifests/root.dsse.json"
    root.write_bytes(signed(a_root(), ANNA, BEN))
    assert exported(capsys, windows)[0] == 2, "the root's keys did not sign it"
    seal(windows.root, windows.entries, windows.facts, CARL)
    code, answer = exported(capsys, windows, "--output", "trust")
    assert (code, answer["name"], answer["purpose"]) == (0, "root.dsse.json", "release")
    assert (project / "trust/root.dsse.json").read_bytes() == root.read_bytes()


def test_what_only_this_machine_signed_is_for_development(
    windows: Sealed, project: Path, capsys
) -> None:
    seal(windows.root, windows.entries, windows.facts, DEVELOPER)
    code, answer = exported(capsys, windows)
    assert (code, answer["purpose"]) == (0, "development")


def test_a_broken_configuration_is_no_reason_to_believe_somebody_else(
    windows: Sealed, project: Path, capsys
) -> None:
    seal(windows.root, windows.entries, windows.facts, DEVELOPER)
    (project / "pyproject.toml").write_text(CONFIG.replace("python =", "pyhton ="))
    assert exported(capsys, windows)[0] == 2
    assert run(capsys, "verify", str(windows.root), "--json")[0] == 2
