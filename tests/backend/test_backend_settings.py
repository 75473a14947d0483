"""Where each setting comes from, and where a user's files go."""

from __future__ import annotations

from pathlib import Path

import pytest

from peft_studio.paths import default_data_dir
from peft_studio.settings import read_settings
from peft_studio.start_error import UsageError


def test_defaults() -> None:
    settings = read_settings([], {})
    assert (settings.host, settings.port, settings.log_level) == ("127.0.0.1", 8000, "info")
    assert settings.token is None and settings.origin is None
    assert settings.data_dir.is_absolute()
    assert not settings.exit_on_stdin_eof


def test_an_argument_wins_over_the_environment() -> None:
    environ = {"PEFT_STUDIO_PORT": "8001", "PEFT_STUDIO_HOST": "::1"}
    settings = read_settings(["--port", "8002"], environ)
    assert (settings.port, settings.host) == (8002, "::1")


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert read_settings([], {"PEFT_STUDIO_PORT": ""}).port == 8000


def test_everything_from_the_environment(tmp_path: Path) -> None:
    settings = read_settings(
        [],
        {
            "PEFT_STUDIO_HOST": "localhost",
            "PEFT_STUDIO_DATA_DIR": str(tmp_path),
            "PEFT_STUDIO_LOG_LEVEL": "DEBUG",
            "PEFT_STUDIO_ORIGIN": "app://studio",
            "PEFT_STUDIO_TOKEN": "t0ken",
        },
        packaged=True,
    )
    assert (settings.host, settings.data_dir) == ("127.0.0.1", tmp_path)
    assert (settings.log_level, settings.origin) == ("debug", "app://studio")
    assert settings.token == "t0ken"
    assert "t0ken" not in repr(settings)


def test_a_bad_variable_is_named() -> None:
    with pytest.raises(UsageError, match=r"^PEFT_STUDIO_PORT=abc: "):
        read_settings([], {"PEFT_STUDIO_PORT": "abc"})


@pytest.mark.parametrize("limit", ["0", "-1", "2GB", "1" * 16])
def test_a_limit_is_a_number_of_bytes(limit: str) -> None:
    assert read_settings(["--max-upload", "5"], {}).max_upload == 5
    with pytest.raises(UsageError, match=r"^PEFT_STUDIO_MAX_UPLOAD=.*: a number of bytes"):
        read_settings([], {"PEFT_STUDIO_MAX_UPLOAD": limit})


@pytest.mark.parametrize("token", ["", " ", "two words", "schlüssel", "line\n"])
def test_an_unusable_token_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(UsageError, match="PEFT_STUDIO_TOKEN must be") as caught:
        read_settings([], {"PEFT_STUDIO_TOKEN": token})
    assert not token.strip() or token not in str(caught.value)


def test_packaged_without_a_token_it_is_locked_unless_told_otherwise() -> None:
    assert read_settings([], {}, packaged=True).locked
    assert not read_settings(["--no-token"], {}, packaged=True).locked
    assert not read_settings([], {}).locked


HOME = Path("/home/ada")


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {}, HOME / ".local/share/peft-studio"),
        ("linux", {"XDG_DATA_HOME": "/data"}, Path("/data/peft-studio")),
        ("linux", {"XDG_DATA_HOME": "data"}, HOME / ".local/share/peft-studio"),
        ("darwin", {}, HOME / "Library/Application Support/PEFT Studio"),
        ("win32", {}, HOME / "AppData/Local/PEFT Studio"),
        ("win32", {"LOCALAPPDATA": "/local"}, Path("/local/PEFT Studio")),
    ],
)
def test_the_data_directory_follows_the_platform(
    platform: str, environ: dict[str, str], expected: Path
) -> None:
    assert default_data_dir(platform, environ, HOME) == expected
