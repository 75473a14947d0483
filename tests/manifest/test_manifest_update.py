"""The signed statement of an app's update, as the desktop app wants it."""

import hashlib
import json
from pathlib import Path

import pytest

from runtime_packager.errors import InputError
from runtime_packager.manifest import IntegrityFailure, TrustedKeys, dsse, generate_key
from runtime_packager.manifest.update import (
    UPDATE_TYPE,
    render_update,
    sign_update,
    statement_name,
)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "b.zip", tmp_path / "a.AppImage"]
    for file in found:
        file.write_bytes(file.name.encode() * 1000)
    return found


def test_it_names_each_file_with_size_and_digest(files: list[Path]) -> None:
    stated = json.loads(render_update("peft-studio", "0.2.0", "linux-x64", files))
    rows = stated.pop("files")
    about = {"schema": 1, "product": "peft-studio", "version": "0.2.0", "platform": "linux-x64"}
    assert stated == about
    assert [row["name"] for row in rows] == ["a.AppImage", "b.zip"]
    assert rows[0]["size"] == 10_000
    assert rows[0]["sha512"] == hashlib.sha512(files[1].read_bytes()).hexdigest()


def test_no_file_and_two_of_one_name_are_refused(files: list[Path], tmp_path: Path) -> None:
    twin = tmp_path / "other" / "b.zip"
    twin.parent.mkdir()
    twin.write_bytes(b"")
    with pytest.raises(InputError, match="no file"):
        render_update("peft-studio", "0.2.0", "linux-x64", [])
    with pytest.raises(InputError, match="same name"):
        render_update("peft-studio", "0.2.0", "linux-x64", [*files, twin])


def test_it_is_no_release_and_a_release_is_no_update(files: list[Path], tmp_path: Path) -> None:
    key = generate_key("development")
    trusted = TrustedKeys((key.public,))
    place = tmp_path / statement_name("0.2.0", "linux-x64")
    payload = render_update("peft-studio", "0.2.0", "linux-x64", files)
    sign_update(payload, key, place)
    assert place.name == "update-0.2.0-linux-x64.dsse.json"
    assert dsse.verify(place.read_bytes(), trusted, UPDATE_TYPE).payload == payload
    with pytest.raises(IntegrityFailure) as refused:
        dsse.verify(place.read_bytes(), trusted)
    assert refused.value.problems[0].id == "payload-type"


def test_several_owners_sign_the_same_files_only(files: list[Path], tmp_path: Path) -> None:
    first, second = generate_key("development"), generate_key("development")
    place = tmp_path / "update.dsse.json"
    payload = render_update("peft-studio", "0.2.0", "linux-x64", files)
    sign_update(payload, first, place, add=True)
    sign_update(payload, second, place, add=True)
    both = TrustedKeys((first.public, second.public), threshold=2)
    assert dsse.verify(place.read_bytes(), both, UPDATE_TYPE).payload == payload
    files[0].write_bytes(b"changed")
    with pytest.raises(InputError, match="about other files"):
        sign_update(
            render_update("peft-studio", "0.2.0", "linux-x64", files), first, place, add=True
        )
