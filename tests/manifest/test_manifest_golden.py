"""The formats are frozen: apps in the field read what is signed today."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import pytest
from manifest_examples import example_key

from runtime_packager.manifest import dsse, parse_trusted, release, root
from runtime_packager.manifest.files import parse, tree_root
from runtime_packager.manifest.keyfile import open_key

GOLDEN = Path(__file__).parent.parent / "golden"


def regenerated() -> dict[str, bytes]:
    path = GOLDEN / "regenerate_manifest.py"
    spec = importlib.util.spec_from_file_location("regenerate_manifest", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, bytes] = module.golden_files()
    return found


def golden(name: str) -> bytes:
    return (GOLDEN / "manifest" / name).read_bytes()


def test_every_format_is_as_it_was() -> None:
    found = regenerated()
    assert sorted(found) == sorted(path.name for path in (GOLDEN / "manifest").iterdir())
    for name, data in found.items():
        assert data == golden(name), f"{name} changed: python tests/golden/regenerate_manifest.py"


def test_the_golden_files_hold_together() -> None:
    trusted = parse_trusted(golden("trusted-keys.json"))
    signed = dsse.verify(golden("release.dsse.json"), trusted)
    assert signed.payload == golden("release.json")
    found = release.parse(signed.payload)
    records = parse(golden("files.json"), platform=found.platform)
    assert hashlib.sha256(golden("files.json")).hexdigest() == found.files_sha256
    framed = b"runtime-packager/tree/v2\n" + golden("tree.frame")
    assert hashlib.sha256(framed).hexdigest() == found.tree_root == tree_root(records)
    assert open_key(golden("key-development.json"), None) == example_key("development", 2)


def test_the_golden_root_is_believed() -> None:
    found = root.open_root(golden("root.dsse.json"))
    assert root.render(found) == golden("root.json")
    assert (found.version, found.trusted("root").threshold) == (1, 2)
    assert (len(found.revoked), found.expires) == (1, "2030-01-01T00:00:00Z")


def test_a_list_with_programs_reads_as_it_was() -> None:
    records = parse(golden("signable.json"), platform="win-x64")
    assert [bool(record.unsigned) for record in records] == [True, False, False]
    framed = b"runtime-packager/tree/v2\n" + golden("signable.frame")
    assert hashlib.sha256(framed).hexdigest() == tree_root(records)


def test_an_encrypted_key_of_today_will_open() -> None:
    data = (Path(__file__).parent / "key-release.json").read_bytes()
    assert open_key(data, b"golden passphrase") == example_key()


@pytest.mark.parametrize(
    "name",
    [
        "files.json",
        "signable.json",
        "release.json",
        "release.dsse.json",
        "root.json",
        "root.dsse.json",
    ],
)
def test_golden_files_are_canonical(name: str) -> None:
    from runtime_packager.manifest import strict_json

    assert strict_json.dumps(strict_json.loads(golden(name), max_size=10_000)) == golden(name)
