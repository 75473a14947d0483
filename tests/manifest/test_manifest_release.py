from __future__ import annotations

import json
from typing import Any

import pytest
from manifest_examples import example_facts

from runtime_packager.manifest import IntegrityFailure, release
from runtime_packager.manifest.release import Executable, Release, timestamp


def example(**changes: Any) -> Release:
    facts = example_facts()
    values: dict[str, Any] = {
        "product": facts.product,
        "version": facts.version,
        "epoch": facts.epoch,
        "platform": facts.platform,
        "files_sha256": "01" * 32,
        "files_size": 1000,
        "file_count": 9,
        "tree_root": "23" * 32,
        "executables": (Executable("a", "45" * 32, 3), Executable("b/c", "67" * 32, 0)),
        "interpreters": facts.interpreters,
        "lock_sha256": facts.lock_sha256,
        "tool": facts.tool,
        "created": timestamp(facts.created),
        "inputs": facts.inputs,
    }
    return Release(**(values | changes))


def document(**changes: Any) -> bytes:
    found = json.loads(release.render(example())) | changes
    return json.dumps({name: value for name, value in found.items() if value is not ...}).encode()


def ids_of(data: bytes) -> set[str]:
    with pytest.raises(IntegrityFailure) as caught:
        release.parse(data)
    return {str(error_id) for error_id in caught.value.ids}


def test_a_release_reads_back_as_written() -> None:
    assert release.parse(release.render(example())) == example()


def test_created_is_utc_with_z() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00Z"
    assert example().created == "2023-11-14T22:13:20Z"


def test_a_newer_release_may_say_more() -> None:
    assert release.parse(document(channel="beta")) == example()


def test_what_must_be_understood_is() -> None:
    assert release.parse(document(must_understand=["epoch", "tree_root"])) == example()
    assert ids_of(document(channel="beta", must_understand=["channel"])) == {"must-understand"}


def test_another_schema_is_refused_whatever_else_it_holds() -> None:
    assert ids_of(b'{"schema":2}') == {"schema-version"}


@pytest.mark.parametrize("name", sorted(json.loads(document())))
def test_every_field_is_needed(name: str) -> None:
    assert ids_of(document(**{name: ...})) == {"schema"}


EXECUTABLE = {"path": "a", "sha256": "45" * 32, "size": 3}


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "1"},
        {"must_understand": "epoch"},
        {"must_understand": [1]},
        {"product": ""},
        {"product": "a\nb"},
        {"product": "a" * 1025},
        {"version": 1},
        {"epoch": -1},
        {"epoch": True},
        {"epoch": "7"},
        {"platform": "amiga"},
        {"files_sha256": "AB" * 32},
        {"files_size": -1},
        {"file_count": None},
        {"tree_root": "ab"},
        {"executables": {}},
        {"executables": ["a"]},
        {"executables": [EXECUTABLE | {"mode": "0755"}]},
        {"executables": [EXECUTABLE | {"size": -1}]},
        {"interpreters": {}},
        {"interpreters": []},
        {"interpreters": [{}]},
        {"interpreters": [dict(example().interpreters[0]) | {"official": "yes"}]},
        {"interpreters": [dict(example().interpreters[0]) | {"python": ""}]},
        {"interpreters": [dict(example().interpreters[0]) | {"sha256": "ab"}]},
        {"interpreters": [dict(example().interpreters[0]) | {"release": None}]},
        {"interpreters": [dict(example().interpreters[0]) | {"more": ""}]},
        {"tool": {}},
        {"created": "2023-11-14T22:13:20"},
        {"created": "2023-11-14T22:13:20+00:00"},
        {"created": "2023-02-30T22:13:20Z"},
        {"created": "2023-11-14T22:13:20Z\n"},
        {"created": "2023-11-14T25:13:20Z"},
        {"created": 0},
    ],
)
def test_fields_of_another_kind_are_refused(changes: dict[str, Any]) -> None:
    assert ids_of(document(**changes)) == {"schema"}


def test_paths_of_executables_obey_the_rules_of_paths() -> None:
    assert ids_of(document(executables=[EXECUTABLE | {"path": "../a"}])) == {"path"}
    assert ids_of(document(executables=[EXECUTABLE, EXECUTABLE])) == {"path-order"}
    bad = [EXECUTABLE | {"path": "nul"}]
    assert ids_of(document(platform="win-x64", executables=bad)) == {"path"}


def test_provenance_may_leave_open_what_a_directory_does_not_have() -> None:
    loose = dict(example().interpreters[0]) | {"release": "", "asset": "", "sha256": ""}
    assert release.parse(document(interpreters=[loose])).interpreters == (loose,)
