"""The published schemas name the fields that the code knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runtime_packager.manifest import ROLES, ErrorId
from runtime_packager.manifest.trusted import MAX_KEYS

GOLDEN = Path(__file__).parent.parent / "golden" / "manifest"
SCHEMAS = Path(__file__).parent.parent.parent / "manifests" / "schema"


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_bytes())
    return found


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("files", "files.json"),
        ("release", "release.json"),
        ("trusted-keys", "trusted-keys.json"),
        ("key", "key-development.json"),
    ],
)
def test_schema_and_format_have_the_same_fields(name: str, example: str) -> None:
    found, document = schema(name), json.loads((GOLDEN / example).read_bytes())
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert sorted(found["properties"]) == sorted(found["required"]) == sorted(document)


def test_schema_and_list_have_the_same_rows() -> None:
    rows = json.loads((GOLDEN / "files.json").read_bytes())["files"]
    for kind in ("file", "link"):
        row = next(row for row in rows if row["type"] == kind)
        assert sorted(schema("files")["$defs"][kind]["required"]) == sorted(row)


def test_schema_and_root_have_the_same_fields() -> None:
    found, document = schema("root"), json.loads((GOLDEN / "root.json").read_bytes())
    assert sorted(found["properties"]) == sorted({*found["required"], "expires"})
    assert sorted(found["properties"]) == sorted(document)
    roles = found["properties"]["roles"]["properties"]
    assert sorted(roles) == sorted(document["roles"]) == sorted(ROLES)
    assert sorted(found["$defs"]["role"]["required"]) == sorted(document["roles"]["root"])
    key = found["properties"]["keys"]["items"]
    assert key == schema("trusted-keys")["properties"]["keys"]["items"]
    for name in ("root", "trusted-keys"):
        assert schema(name)["properties"]["keys"]["maxItems"] == MAX_KEYS


def test_schema_and_list_have_the_same_rows_for_programs() -> None:
    rows = json.loads((GOLDEN / "signable.json").read_bytes())["files"]
    assert sorted(schema("files")["$defs"]["file"]["properties"]) == sorted(rows[0])
    assert "unsigned" not in schema("files")["$defs"]["file"]["required"]


def test_schema_and_release_have_the_same_objects_inside() -> None:
    document = json.loads((GOLDEN / "release.json").read_bytes())
    properties = schema("release")["properties"]
    assert sorted(properties["interpreters"]["items"]["required"]) == sorted(
        document["interpreters"][0]
    )
    rows = properties["executables"]["items"]
    assert sorted(rows["required"]) == sorted(document["executables"][0])


def test_every_error_id_is_documented() -> None:
    text = (SCHEMAS.parent.parent / "docs/reference/manifest.md").read_text(encoding="utf-8")
    assert [error_id for error_id in ErrorId if f"`{error_id}`" not in text] == []
