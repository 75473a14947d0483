"""What doctor sees of a project's platforms, without fetching anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime_packager.cli import main

CONFIG = """\
[tool.runtime-packager]
name = "demo"
version = "1.0"
app = "backend"
python = "3.12.14"
platforms = ["linux-x64", "win-x64", "mac-universal"]
sources = [{{ kind = "mirror", url = "{url}" }}]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "backend").mkdir()
    (tmp_path / "backend/main.py").write_text("")
    url = (tmp_path / "mirror").as_uri()
    (tmp_path / "pyproject.toml").write_text(CONFIG.format(url=url))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNTIME_PACKAGER_CACHE", str(tmp_path / "cache"))
    return tmp_path


def pin(project: Path, *targets: str, there: tuple[str, ...]) -> None:
    """Pin an archive for each target; only those that are ``there`` exist."""
    folder = project / "mirror/20260929"
    folder.mkdir(parents=True)
    pins = []
    for target in targets:
        asset = f"{target}.tar.gz"
        if target in there:
            (folder / asset).write_bytes(b"")
        row = {"python": "3.12.14", "target": target, "release": "20260929", "asset": asset}
        pins.append(row | {"sha256": "0" * 64})
    file = project / "manifests/interpreters.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"schema": 1, "pins": pins}))


def findings(capsys: pytest.CaptureFixture[str]) -> dict[str, dict]:
    with pytest.raises(SystemExit):
        main(["doctor", "--json"])
    answer = json.loads(capsys.readouterr().out)
    return {row["subject"]: row for row in answer["findings"]}


def test_platforms_whose_interpreter_is_out_of_reach_are_named(project: Path, capsys) -> None:
    pin(project, "linux-x64", "win-x64", "mac-x64", there=("linux-x64", "mac-x64"))
    found = findings(capsys)["interpreters"]
    assert found["verdict"] == "warning"
    assert found["message"] == "none within reach for win-x64, mac-arm64"


def test_all_within_reach(project: Path, capsys) -> None:
    names = ("linux-x64", "win-x64", "mac-x64", "mac-arm64")
    pin(project, *names, there=names)
    found = findings(capsys)["interpreters"]
    assert (found["verdict"], found["message"]) == ("ok", "within reach for all 4 platforms")


def test_platforms_with_the_same_lock_trouble_are_named_together(project: Path, capsys) -> None:
    found = findings(capsys)["locks"]
    assert found["verdict"] == "warning"
    assert found["message"] == "linux-x64, win-x64, mac-x64, mac-arm64: there is none yet"
