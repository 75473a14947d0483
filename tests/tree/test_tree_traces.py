"""Traces as files: read as written, put together run by run, refused when they are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime_packager.errors import InputError
from runtime_packager.tree import STDLIB, Seen, load_trace, merge_traces, render_trace


def seen(version: str, *modules: str) -> Seen:
    return Seen(version, frozenset(modules))


TRACE = {
    "zope-interface": seen("7.0", "zope.interface", "zope"),
    STDLIB: seen("3.12", "json", "_json"),
    "idle": seen("1.0"),
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "linux-x64.txt"
    file.write_text(render_trace(TRACE, "linux-x64"))
    assert load_trace(file) == TRACE
    head, _, body = file.read_text().partition("\n\n")
    assert "linux-x64" in head
    assert body == (
        "[cpython 3.12]\n_json\njson\n\n[idle 1.0]\n\n[zope-interface 7.0]\nzope\nzope.interface\n"
    )


def test_lines_may_be_added_by_hand(tmp_path: Path) -> None:
    file = tmp_path / "trace.txt"
    file.write_text("# mine\n[a 1]\n\na.b.*   # plugins\n[b 2]\nb\n[a 1]\na\n")
    assert load_trace(file) == {"a": seen("1", "a", "a.b.*"), "b": seen("2", "b")}


def test_an_editor_may_put_a_byte_order_mark_in_front(tmp_path: Path) -> None:
    file = tmp_path / "trace.txt"
    file.write_bytes(b"\xef\xbb\xbf" + render_trace(TRACE, "linux-x64").encode())
    assert load_trace(file) == TRACE
    file.write_bytes(b"\xef\xbb\xbf[a 1]\r\na\r\n")
    assert load_trace(file) == {"a": seen("1", "a")}
    file.write_text("[a 1]\na\n\ufeffb\n", encoding="utf-8")
    with pytest.raises(InputError, match="is no trace"):
        load_trace(file)
    file.write_text("[a 1]\na\n", encoding="utf-16")
    with pytest.raises(InputError, match="cannot be read"):
        load_trace(file)


def test_without_a_file_there_is_no_trace(tmp_path: Path) -> None:
    assert load_trace(tmp_path / "none.txt") is None


def test_every_line_that_is_not_understood_is_named(tmp_path: Path) -> None:
    file = tmp_path / "trace.txt"
    file.write_text("json\n[a 1]\na\n[b]\nb-c\n")
    with pytest.raises(InputError) as caught:
        load_trace(file)
    assert caught.value.details == (
        "line 1: expected [name version], found 'json'",
        "line 4: expected a module, found '[b]'",
        "line 5: expected a module, found 'b-c'",
    )


def test_runs_add_up_and_what_was_removed_is_forgotten() -> None:
    old = {"a": seen("1", "a", "a.x"), "gone": seen("1", "gone")}
    new = {"a": seen("2", "a", "a.y"), "b": seen("1")}
    assert merge_traces(old, new) == {"a": seen("2", "a", "a.x", "a.y"), "b": seen("1")}
