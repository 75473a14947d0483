"""The command line as a person meets it: help, errors with hints, JSON, exit codes."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from runtime_packager.cli import COMMANDS, main


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return int(caught.value.code or 0)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "backend").mkdir()
    (tmp_path / "backend/main.py").write_text("print('hello')\n")
    (tmp_path / "backend/requirements.txt").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNTIME_PACKAGER_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RUNTIME_PACKAGER_KEY", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, "--help") == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: runtime-packager {command}")


def test_help_lists_the_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in COMMANDS)
    assert "Exit codes" in shown


@pytest.mark.parametrize("words", [["asemble"], ["assemble", "--nope"], ["verify"]])
def test_wrong_usage_is_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    assert "Usage:" in capsys.readouterr().err
    assert run(*words, "--json") == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "input"


def test_an_error_names_the_thing_and_hints(project: Path, capsys) -> None:
    assert run("assemble") == 2
    shown = capsys.readouterr().err
    assert shown.startswith("error: no pyproject.toml")
    assert "hint: run `runtime-packager init`" in shown


def test_an_error_in_json_is_one_document_on_stdout(project: Path, capsys) -> None:
    assert run("assemble", "--json") == 2
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert answer["ok"] is False
    assert answer["error"]["kind"] == "input"
    assert answer["error"]["exit_code"] == 2
    assert captured.err == ""


def test_a_bug_of_ours_says_so(project: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("runtime_packager.cli.cache._cache", lambda shared: 1 / 0)
    assert run("cache", "info") == 1
    shown = capsys.readouterr().err
    assert "ZeroDivisionError" in shown
    assert "bug in runtime-packager" in shown


def test_ctrl_c_is_130_and_says_that_nothing_is_lost(project: Path, monkeypatch, capsys) -> None:
    def interrupt(shared: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("runtime_packager.cli.cache._cache", interrupt)
    assert run("cache", "info") == 130
    assert "every output is whole" in capsys.readouterr().err


def test_init_writes_a_table_that_loads_and_refuses_a_second_time(project: Path, capsys) -> None:
    (project / "pyproject.toml").write_text('[project]\nname = "mine"\nversion = "2.0"\n')
    assert run("init") == 0
    table = tomllib.loads((project / "pyproject.toml").read_text())
    ours = table["tool"]["runtime-packager"]
    assert table["project"]["name"] == "mine"
    assert (ours["name"], ours["version"], ours["app"]) == ("mine", "2.0", "backend")
    assert ours["requirements"] == ["backend/requirements.txt"]
    assert ours["python"].startswith("3.12.")
    from runtime_packager.config import load_config

    load_config(project / "pyproject.toml")
    before = (project / "pyproject.toml").read_bytes()
    assert run("init") == 2
    assert "already" in capsys.readouterr().err
    assert (project / "pyproject.toml").read_bytes() == before


def test_init_in_an_empty_directory_says_what_is_missing(tmp_path: Path, capsys) -> None:
    assert run("init", "--project", tmp_path) == 0
    assert "set entry" in capsys.readouterr().err
    assert "runtime-packager" in tomllib.loads((tmp_path / "pyproject.toml").read_text())["tool"]


def test_a_release_key_is_encrypted_private_and_never_replaced(
    project: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("RUNTIME_PACKAGER_PASSPHRASE", "four words of nonsense")
    assert run("keys", "generate", "release.json") == 0
    shown = json.loads(capsys.readouterr().out)
    held = json.loads((project / "release.json").read_text())
    assert held["kdf"]["name"] == "scrypt"
    assert shown["keys"][0]["keyid"] == held["keyid"]
    if os.name == "posix":
        assert (project / "release.json").stat().st_mode & 0o777 == 0o600
    before = (project / "release.json").read_bytes()
    assert run("keys", "generate", "release.json") == 2
    assert (project / "release.json").read_bytes() == before
    capsys.readouterr()
    assert run("keys", "show", "release.json") == 0
    assert json.loads(capsys.readouterr().out) == shown


def test_a_release_key_without_a_way_to_ask_needs_the_variable(project: Path, monkeypatch, capsys):
    monkeypatch.delenv("RUNTIME_PACKAGER_PASSPHRASE", raising=False)
    with open(os.devnull) as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert run("keys", "generate", "release.json") == 2
    assert "RUNTIME_PACKAGER_PASSPHRASE" in capsys.readouterr().err


def test_the_cache_is_shown_and_emptied_but_for_the_keys(project: Path, capsys) -> None:
    for name in ("blobs/aa/x", "keys/development.json"):
        file = project / "cache" / name
        file.parent.mkdir(parents=True)
        file.write_text("12345")
    assert run("cache", "info", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert {row["folder"]: row["size"] for row in shown["folders"]} == {"blobs": 5, "keys": 5}
    bystander = project / "cache/Documents/thesis"
    bystander.parent.mkdir()
    bystander.write_text("not ours")
    assert run("cache", "clean") == 0
    assert bystander.exists()
    assert not (project / "cache/blobs").exists()
    assert (project / "cache/keys/development.json").exists()
    assert run("cache", "clean", "nonsense") == 2
    assert "it has apps, binaries, blobs" in capsys.readouterr().err


def test_help_and_version_do_not_load_the_heavy_modules() -> None:
    script = (
        "import sys; from runtime_packager.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('httpx', 'rich', 'pip', 'shiv', 'cryptography') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_verify_without_any_trusted_key_is_an_input_error(project: Path, capsys) -> None:
    (project / "runtime").mkdir()
    assert run("verify", "runtime") == 2
    assert "--trusted" in capsys.readouterr().err


def test_sign_without_a_key_is_an_input_error(project: Path, capsys) -> None:
    (project / "runtime").mkdir()
    assert run("sign", "runtime") == 2
    assert "keys generate" in capsys.readouterr().err
