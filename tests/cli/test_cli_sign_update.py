"""The command that signs what an update consists of."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime_packager.cli import main

CONFIG = """
[tool.runtime-packager]
name = "demo"
version = "1.0"
app = "backend"
entry = "main.py"
python = "3.12.14"
platforms = ["linux-x64"]
cache = "here"
"""


def test_the_development_key_is_the_one_that_signs_the_projects_runtimes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An app that was packed from this project believes no other."""
    (tmp_path / "backend").mkdir()
    (tmp_path / "backend" / "main.py").write_text("")
    (tmp_path / "pyproject.toml").write_text(CONFIG)
    image = tmp_path / "App.AppImage"
    image.write_bytes(b"image")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RUNTIME_PACKAGER_CACHE", raising=False)
    monkeypatch.delenv("RUNTIME_PACKAGER_KEY", raising=False)
    with pytest.raises(SystemExit) as caught:
        main(["sign-update", "--app-version", "1.1.0", "--platform", "linux-x64", str(image)])
    assert not caught.value.code
    assert (tmp_path / "here/keys/development.json").is_file()
    assert (tmp_path / "update-1.1.0-linux-x64.dsse.json").is_file()
