from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runtime_packager.entries import FileEntry, LinkEntry
from runtime_packager.errors import BuildError
from runtime_packager.manifest import files
from runtime_packager.manifest.files import FileRecord
from runtime_packager.manifest.paths import path_problem, target_problem
from runtime_packager.manifest.problems import ErrorId, IntegrityFailure

DIGEST = "0123456789abcdef" * 4


def record(path: str) -> FileRecord:
    return FileRecord(path, "file", 3, DIGEST, "0644")


def row(**changes: Any) -> dict[str, Any]:
    values = {"path": "a", "type": "file", "size": 3, "sha256": DIGEST, "mode": "0644"} | changes
    return {name: value for name, value in values.items() if value is not ...}


def document(*rows: Any, **changes: Any) -> bytes:
    return json.dumps({"schema": 1, "files": list(rows)} | changes).encode()


def ids_of(data: bytes, platform: str = "linux-x64") -> set[str]:
    with pytest.raises(IntegrityFailure) as caught:
        files.parse(data, platform=platform)
    return {str(error_id) for error_id in caught.value.ids}


def test_entries_become_records_sorted_by_utf8_bytes() -> None:
    entries = [
        FileEntry("z", 1, DIGEST, False, Path("z")),
        FileEntry("\U0001f600", 1, DIGEST, False, Path("y")),
        FileEntry("\uffee", 1, DIGEST, True, Path("x")),
        LinkEntry("a/b", "../z"),
    ]
    found = files.records(entries, platform="linux-x64")
    assert [one.path for one in found] == ["a/b", "z", "\uffee", "\U0001f600"]
    assert found[0] == FileRecord("a/b", "link", target="../z")
    assert (found[2].mode, found[3].mode) == ("0755", "0644")
    assert files.parse(files.render(found), platform="linux-x64") == found


def test_a_program_says_what_it_is_without_its_signature() -> None:
    entries = [FileEntry(path, 1, DIGEST, True, Path("x")) for path in ("a.dll", "b.dll")]
    other = FileEntry("c", 1, "00" * 32, True, Path("x"))
    found = files.records([*entries, other], platform="win-x64", unsigned={DIGEST: "ab" * 32})
    assert [one.unsigned for one in found] == ["ab" * 32, "ab" * 32, ""]
    rows = json.loads(files.render(found))["files"]
    assert [one.get("unsigned") for one in rows] == ["ab" * 32, "ab" * 32, None]
    assert files.parse(files.render(found), platform="win-x64") == found
    bare = [one._replace(unsigned="") for one in found]
    assert files.tree_root(bare) != files.tree_root(found)


def test_every_bad_entry_is_named_at_once() -> None:
    entries = [FileEntry(path, 1, DIGEST, False, Path("x")) for path in ("/a", "b/../c", "d")]
    with pytest.raises(BuildError) as caught:
        files.records(entries, platform="linux-x64")
    assert [line.split(":")[0] for line in caught.value.details] == ["/a", "b/../c"]


@pytest.mark.parametrize(
    "path",
    ["", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "a/./b", "../a", "a/..", "a\\b", "C:/a",
     "c:a", "a\nb", "a\x7fb", "a\x85b", "a\x00b", "e\u0301", "a\udc80b", "x" * 4097],
)  # fmt: skip
@pytest.mark.parametrize("platform", ["linux-x64", "win-x64", "mac-arm64"])
def test_paths_no_tree_may_hold(path: str, platform: str) -> None:
    assert path_problem(path, platform)


@pytest.mark.parametrize(
    "path", ["a", ".hidden", "a/...", "..a", "a/b.c/d e", "größe", "\U0001f600", "[x]", "x" * 4096]
)
def test_paths_a_tree_may_hold(path: str) -> None:
    assert path_problem(path, "linux-x64") is None
    assert path_problem("ab:c/con/x.", "linux-x64") is None


@pytest.mark.parametrize(
    "path",
    ["ab:c", "con", "x/NUL.txt", "x/Aux ", "lpt1", "com¹.y", "a.", "b /c", "b./c", "a?", "a*b",
     "a|b", "x/con .py", "ü?", "ü/prn"],
)  # fmt: skip
def test_paths_windows_cannot_hold(path: str) -> None:
    assert path_problem(path, "linux-x64") is None
    assert path_problem(path, "win-x64") == "not a name Windows can hold"


@pytest.mark.parametrize("path", ["console", "icon/con_x", "common", "nullable.py", "a/lpt", "ü/x"])
def test_paths_that_only_look_like_devices(path: str) -> None:
    assert path_problem(path, "win-x64") is None


@pytest.mark.parametrize(
    ("path", "target"),
    [("a", ""), ("a", "/b"), ("a", "../b"), ("a", ".."), ("a/b", ".."), ("a/b", "../../c"),
     ("a/b/c", "x/../y"), ("a/b", "./c"), ("a/b", "c/"), ("a/b", "../"), ("a", "b\\c"),
     ("a", "e\u0301"), ("a/b", "..//c"), ("a", "C:/x")],
)  # fmt: skip
def test_link_targets_that_may_leave_the_tree(path: str, target: str) -> None:
    assert target_problem(path, target)


@pytest.mark.parametrize(
    ("path", "target"), [("a", "b"), ("a/b", "../c"), ("a/b/c", ".."), ("a/b/c", "../../d/e")]
)
def test_link_targets_inside_the_tree(path: str, target: str) -> None:
    assert target_problem(path, target) is None


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        document(extra=1),
        b'{"schema":1}',
        document(files={}),
        document(1),
        document(row(extra=1)),
        document(row(mode=...)),
        document(row(type="directory")),
        document(row(type=1)),
        document(row(path=1)),
        document(row(size=-1)),
        document(row(size=True)),
        document(row(size="3")),
        document(row(mode="0777")),
        document(row(mode=420)),
        document(row(mode=[])),
        document(row(sha256=DIGEST.upper())),
        document(row(sha256=DIGEST[1:])),
        document(row(sha256=DIGEST + "\n")),
        document(row(sha256="é" * 64)),
        document(row(unsigned="")),
        document(row(unsigned=None)),
        document(row(unsigned=DIGEST.upper())),
        document(row(unsigned=DIGEST, mode=...)),
        document({"path": "a", "type": "link", "target": "b", "unsigned": DIGEST}),
        document({"path": "a", "type": "link", "target": 1}),
        document({"path": "a", "type": "link", "target": "b", "size": 0}),
        document({"path": "a", "type": "link"}),
    ],
)
def test_rows_of_another_shape_are_rejected(data: bytes) -> None:
    assert ids_of(data) == {"schema"}


def test_another_schema_is_said_to_be_another_version() -> None:
    assert ids_of(document(schema=2)) == {"schema-version"}
    assert ids_of(document(schema=True)) == {"schema"}


def test_order_and_repetition() -> None:
    assert ids_of(document(row(path="b"), row(path="a"))) == {"path-order"}
    assert ids_of(document(row(path="a"), row(path="a"))) == {"path-order"}


def test_a_path_cannot_be_file_and_directory() -> None:
    assert ids_of(document(row(path="a"), row(path="a-b"), row(path="a/b"))) == {"path-collision"}


def test_the_list_cannot_list_itself() -> None:
    assert ids_of(document(row(path="manifest/files.json"))) == {"path"}


@pytest.mark.parametrize(
    ("first", "second"),
    [("E/Eterm", "e/eterm"), ("A/x", "a/y"), ("README", "readme"), ("Ü", "ü"), ("s", "\u017f")],
)
def test_spellings_collide_only_where_case_is_ignored(first: str, second: str) -> None:
    data = document(row(path=first), row(path=second))
    assert len(files.parse(data, platform="linux-x64")) == 2
    assert ids_of(data, "win-x64") == ids_of(data, "mac-arm64") == {"path-collision"}


def test_bad_link_targets_are_all_reported() -> None:
    links = [{"path": path, "type": "link", "target": "../../x"} for path in ("a", "b")]
    with pytest.raises(IntegrityFailure) as caught:
        files.parse(document(*links), platform="linux-x64")
    assert [problem.path for problem in caught.value.problems] == ["a", "b"]
    assert caught.value.ids == {ErrorId.LINK_TARGET}


TEXT = st.text(st.sampled_from("a/1:,é0"), max_size=4)
RECORDS = st.lists(
    st.builds(
        FileRecord,
        TEXT,
        st.sampled_from(["file", "link"]),
        st.integers(0, 120),
        TEXT,
        st.sampled_from(["", "0644", "0755"]),
        TEXT,
        TEXT,
    ),
    max_size=4,
)


def unframe(data: bytes) -> list[FileRecord]:
    """The inverse of ``frame``: that there is one is what makes it injective."""
    fields: list[str] = []
    while data:
        length, _, rest = data.partition(b":")
        fields.append(rest[: int(length)].decode())
        assert rest[int(length) : int(length) + 1] == b","
        data = rest[int(length) + 1 :]
    groups = [fields[index : index + 7] for index in range(0, len(fields), 7)]
    return [FileRecord(p, t, int(s), h, m, g, u) for p, t, s, h, m, g, u in groups]  # type: ignore[arg-type]


@given(RECORDS)
def test_framing_can_be_undone(found: list[FileRecord]) -> None:
    assert unframe(files.frame(found)) == found


@given(RECORDS, RECORDS)
def test_distinct_lists_have_distinct_roots(one: list[FileRecord], other: list[FileRecord]) -> None:
    assume(one != other)
    assert files.frame(one) != files.frame(other)
    assert files.tree_root(one) != files.tree_root(other)


def test_the_root_tells_a_directory_from_a_long_name() -> None:
    one, other = [record("x/a/b/f")], [record("x/a"), record("x/b/f")]
    assert files.tree_root(one) != files.tree_root(other)
