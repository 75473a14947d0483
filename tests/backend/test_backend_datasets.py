"""Data sets: what is uploaded, what is refused and with which sentence, what is kept."""

from __future__ import annotations

import io
import json
import shutil
import socket
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import pytest
from backend_harness import PATIENCE, Ask, Launch, Running
from fastapi import FastAPI
from hypothesis import example, given
from hypothesis import strategies as st

from peft_studio.app import create_app
from peft_studio.data_dir import DataDir
from peft_studio.datasets.formats import Format, Row, rows
from peft_studio.datasets.intake import encoded
from peft_studio.datasets.library import Datasets
from peft_studio.datasets.lines import LINE_LIMIT, LineProblem
from peft_studio.errors import ProblemError
from peft_studio.settings import Settings
from peft_studio.storage.database import Database

MESSAGES = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}
JSONL = b'{"text": "one"}\n\n{"text": "zwei \xc3\xbc", "more": 1}\r\n{"text": "one"}'


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


class Library:
    """The endpoints, in few words."""

    def __init__(self, ask: Ask, app: FastAPI) -> None:
        self._ask, self._app = ask, app

    def upload(self, content: Any, form: str = "jsonl", name: str = "mine") -> httpx.Response:
        params = {"name": name, "format": form}
        return self._ask("/api/datasets", "POST", app=self._app, content=content, params=params)

    def get(self, path: str = "") -> httpx.Response:
        return self._ask(f"/api/datasets{path}", app=self._app)

    def delete(self, dataset: str) -> httpx.Response:
        return self._ask(f"/api/datasets/{dataset}", "DELETE", app=self._app)

    def problem(self, content: bytes, form: str = "jsonl") -> str:
        response = self.upload(content, form)
        assert response.status_code == 422, response.text
        error = response.json()["error"]
        assert error["id"] == "dataset_invalid" and "upload it again" in error["hint"]
        return str(error["message"])

    def refused(self, content: Any, status: int, **options: str) -> dict[str, Any]:
        response = self.upload(content, **options)
        assert response.status_code == status, response.text
        error: dict[str, Any] = response.json()["error"]
        return error


@pytest.fixture
def library(ask: Ask, app: FastAPI) -> Library:
    return Library(ask, app)


def left(data: Path) -> list[str]:
    """What an upload left behind."""
    folders = (data / "tmp", data / "datasets")
    return [path.name for folder in folders if folder.exists() for path in folder.iterdir()]


def test_a_data_set_is_kept_listed_shown_and_deleted(library: Library, settings: Settings) -> None:
    response = library.upload(JSONL, name="Büroklammern ☂ ../../etc")
    assert response.status_code == 201
    kept = response.json()
    assert kept == {
        "id": kept["id"],
        "name": "Büroklammern ☂ ../../etc",
        "format": "jsonl",
        "shape": "text",
        "created_at": kept["created_at"],
        "size": kept["size"],
        "statistics": {
            "rows": 3,
            "characters": {"min": 3, "mean": 4.0, "median": 3, "p95": 6, "max": 6},
            "tokens": 4,
            "duplicates": 1,
        },
    }
    folder = settings.data_dir / "datasets" / kept["id"]
    assert {path.name for path in folder.iterdir()} == {"data.jsonl", "meta.json"}
    assert (folder / "data.jsonl").read_bytes() == (
        '{"text":"one"}\n{"text":"zwei ü"}\n{"text":"one"}\n'.encode()
    )
    assert library.get().json() == {"datasets": [kept]}
    assert library.get(f"/{kept['id']}").json() == kept
    assert library.get(f"/{kept['id']}/preview?offset=1&limit=1").json() == {
        "offset": 1, "total": 3, "rows": [{"text": "zwei ü"}]
    }  # fmt: skip
    assert library.get(f"/{kept['id']}/preview?offset=3").json()["rows"] == []

    assert library.delete(kept["id"]).status_code == 204
    assert library.get().json() == {"datasets": []}
    assert left(settings.data_dir) == []
    for response in (library.get(f"/{kept['id']}"), library.delete(kept["id"])):
        assert (response.status_code, response.json()["error"]["id"]) == (404, "dataset_not_found")


ACCEPTED = [
    ("jsonl", json.dumps(MESSAGES).encode(), "messages", [MESSAGES]),
    ("jsonl", b'\xef\xbb\xbf{"text": "marked"}', "text", [{"text": "marked"}]),
    ("jsonl", b'{"text": "x", "n": ' + b"9" * 9999 + b"}", "text", [{"text": "x"}]),
    ("text", b"\xef\xbb\xbfone\r\n  \n two \n", "text", [{"text": "one"}, {"text": " two "}]),
    ("csv", b"Text\none\n\n", "text", [{"text": "one"}]),
    (
        "csv",
        b'id;Prompt;completion\r\n1;"a;\nb";"say ""yes"""\r\n',
        "prompt",
        [{"prompt": "a;\nb", "completion": 'say "yes"'}],
    ),
    ("csv", b"prompt\tcompletion\na,b\tc", "prompt", [{"prompt": "a,b", "completion": "c"}]),
    ("csv", b'text\n"' + b"long " * 50_000 + b'"\n', "text", None),
]


@pytest.mark.parametrize(("form", "content", "shape", "expected"), ACCEPTED)
def test_what_is_accepted(
    library: Library, form: str, content: bytes, shape: str, expected: list[Any] | None
) -> None:
    response = library.upload(content, form)
    assert response.status_code == 201, response.text
    assert response.json()["shape"] == shape
    shown = library.get(f"/{response.json()['id']}/preview").json()["rows"]
    assert expected is None or shown == expected


def test_a_preview_cuts_what_is_long(library: Library) -> None:
    many = {"messages": [{"role": "assistant", "content": "x" * 9000}] * 100}
    dataset = library.upload(json.dumps(many).encode()).json()["id"]
    (row,) = library.get(f"/{dataset}/preview").json()["rows"]
    assert len(row["messages"]) == 50
    assert row["messages"][0]["content"] == "x" * 2000 + "…"


REFUSED = [
    ("jsonl", b"", "line 1: the file has no rows"),
    ("jsonl", b"\n \n", "line 1: the file has no rows"),
    ("jsonl", b'{"text": "a"}\n{"text": }', "line 2: is not JSON: Expecting value, column 10"),
    ("jsonl", b"[1]", "line 1: is a list, expected an object"),
    ("jsonl", b'{"a": 1, "b": 2}', "line 1: no known field (there are: 'a', 'b'); expected text"),
    ("jsonl", b'{"prompt": "a"}', "line 1: the field completion is missing"),
    ("jsonl", b'{"text": 5}', "line 1: text is a number, expected text"),
    ("jsonl", b'{"text": null}', "line 1: text is null"),
    ("jsonl", b'{"text": " "}', "line 1: text is empty"),
    ("jsonl", b'{"text": "a\\u0000"}', "line 1: text has a NUL character"),
    ("jsonl", b'{"text": "\\ud800"}', "line 1: text has half of a surrogate pair"),
    ("jsonl", b'{"text": "a", "text": "b"}', "line 1: has the field 'text' twice"),
    ("jsonl", b'{"text": "a", "n": NaN}', "line 1: is not JSON: NaN is no value there"),
    ("jsonl", b'{"text": "a", "prompt": "b"}', "line 1: has the fields of several shapes"),
    ("jsonl", b'{"text": ' + b"[" * 100_000, "line 1: is nested too deeply"),
    ("jsonl", b'{"text": "a"}\n' + json.dumps(MESSAGES).encode(),
     "line 2: has the shape messages, but line 1 has text"),
    ("jsonl", b'{"messages": []}', "line 1: messages has none of the assistant"),
    ("jsonl", b'{"messages": [{"role": "root", "content": "x"}]}',
     "line 1: messages[0].role must be one of system, user, assistant"),
    ("jsonl", b'{"messages": [{"role": "user"}]}', "line 1: the field messages[0].content is"),
    ("jsonl", b'{"text": "a"}\n{"text": "\xe9"}',
     "line 2: byte 24 of the file (0xe9) is not UTF-8; it may be Latin-1"),
    ("jsonl", b'{"text": "a"}\n{"text": "\0"}', "line 2: byte 24 of the file is zero"),
    ("text", "hello".encode("utf-16"), "line 1: byte 0 begins UTF-16"),
    ("text", "hello".encode("utf-16-be"), "line 1: byte 0 begins UTF-16"),
    ("text", b"x" * (LINE_LIMIT + 1), "line 1: is longer than 1 MiB"),
    ("csv", b"", "line 1: the header has the columns none"),
    ("csv", b"a,b\n1,2\n", "line 1: the header has the columns 'a', 'b'; expected text, or"),
    ("csv", b"prompt\nx\n", "line 1: the header has the columns 'prompt'"),
    ("csv", b"text,Text\nx,y\n", "line 1: the header names a column twice"),
    ("csv", b"text\n", "line 1: the file has no rows"),
    ("csv", b"id,text\n1,a\n2\n", "line 3: has 1 fields, the header has 2"),
    ("csv", b'text\na\n"b\nc\nd', "line 3: begins a record that is not CSV: unexpected end of"),
    ("csv", b'text\n"b"c\n', "line 2: begins a record that is not CSV"),
    ("csv", b'text\na\n"b\n' + b"c\n" * LINE_LIMIT, "line 3: begins a record of more than 1 MiB"),
    ("csv", b"text\n\xff\n", "line 2: byte 5 of the file (0xff) is not UTF-8"),
    ("csv", b"text," * 300_000, "line 1: is longer than 1 MiB"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "content", "message"), REFUSED)
def test_what_is_refused(
    library: Library, settings: Settings, form: str, content: bytes, message: str
) -> None:
    first = library.problem(content, form).splitlines()[1]
    assert first.startswith(message)
    assert len(first) < 300
    assert left(settings.data_dir) == []


def test_the_first_twenty_problems_are_named_and_all_are_counted(library: Library) -> None:
    lines = library.problem(b'{"text": "fine"}\n' * 2 + b"{}\n" * 50).splitlines()
    assert lines[0] == "the data set has 50 problems, of which these are the first 20:"
    assert len(lines) == 21
    assert lines[1].startswith("line 3: ") and lines[20].startswith("line 22: ")


BAD_NAMES = ["", " ", "x" * 201, "a\0b", "a\nb", "photo\u202egnp.exe", "a\u2028b"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_would_not_show_as_it_is(library: Library, name: str) -> None:
    error = library.refused(JSONL, 422, name=name)
    assert error["id"] == "invalid_request" and error["message"].startswith("query.name: ")


@pytest.mark.parametrize("dataset", ["..%2f..", "../tmp", "0" * 15, "A" * 16, "0" * 16 + "%0a"])
def test_an_id_that_is_none(library: Library, dataset: str) -> None:
    assert library.get(f"/{dataset}").status_code in (404, 422)


class _Endless(io.RawIOBase):
    """A gibibyte of one line, which nobody has in memory."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, _offset: int, _whence: int = 0) -> int:
        return 0

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), self._left)
        buffer[:size] = b"x" * size
        self._left -= size
        return size


@pytest.mark.parametrize("form", list(Format))
def test_a_line_of_a_gibibyte_is_never_held(form: Format) -> None:
    file: BinaryIO = io.BufferedReader(_Endless(1 << 30), 1 << 20)  # type: ignore[assignment]
    tracemalloc.start()
    found = list(rows(file, form))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [LineProblem(1, "is longer than 1 MiB")]
    assert peak < 8 << 20


def test_an_upload_above_the_limit(ask: Ask, settings: Settings, tmp_path: Path) -> None:
    small = create_app(Settings("127.0.0.1", 8123, settings.data_dir, max_upload=100))
    library = Library(ask, small)
    assert library.upload(b'{"text": "%s"}' % (b"x" * 88)).status_code == 201

    async def unannounced() -> Any:
        for _ in range(200):
            yield b"y"

    for content in (b"y" * 101, unannounced()):
        error = library.refused(content, 413)
        assert error["id"] == "upload_too_large" and "--max-upload" in error["hint"]
    assert not list((settings.data_dir / "tmp").iterdir())


def test_data_sets_are_found_again_after_the_database_was_lost(
    library: Library, ask: Ask, settings: Settings, tmp_path: Path
) -> None:
    kept = [library.upload(JSONL, name=name).json() for name in ("first", "second")]
    gone = library.upload(JSONL, name="gone").json()
    datasets = settings.data_dir / "datasets"
    (datasets / "notes").mkdir()
    shutil.copytree(datasets / kept[0]["id"], datasets / "copy")
    (settings.data_dir / "studio.sqlite3").write_bytes(b"not a database at all" * 100)
    (settings.data_dir / "studio.sqlite3-wal").unlink(missing_ok=True)
    again = Library(ask, create_app(settings))
    assert again.get().json() == {"datasets": [gone, kept[1], kept[0]]}

    shutil.rmtree(datasets / gone["id"])
    assert again.get(f"/{gone['id']}").status_code == 404
    assert Library(ask, create_app(settings)).get().json() == {"datasets": [kept[1], kept[0]]}


def uploading(backend: Running, content: Any) -> httpx.Response:
    params = {"name": "big", "format": "text"}
    return httpx.post(f"{backend.url}/api/datasets", params=params, content=content)


def test_a_full_disk_during_an_upload(launch: Launch, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    data = tmp_path / "data"
    backend = launch("--data-dir", str(data))
    assert uploading(backend, b"fits\n").status_code == 201
    before = resource.prlimit(backend.process.pid, resource.RLIMIT_FSIZE, (3 << 20, -1))
    response = uploading(backend, b"does not fit\n" * (1 << 20))
    assert response.status_code == 507, response.text
    error = response.json()["error"]
    assert (error["id"], error["hint"]) == ("disk_full", "free some space")
    assert not list((data / "tmp").iterdir())
    assert len(list((data / "datasets").iterdir())) == 1
    resource.prlimit(backend.process.pid, resource.RLIMIT_FSIZE, before)
    assert uploading(backend, (b"fits again" * 9999 + b"\n") * 50).status_code == 201


def test_a_client_that_vanishes_leaves_nothing(launch: Launch, tmp_path: Path) -> None:
    data = tmp_path / "data"
    backend = launch("--data-dir", str(data), "--log-level", "debug")
    head = (
        f"POST /api/datasets?name=half&format=text HTTP/1.1\r\nHost: 127.0.0.1:"
        f"{backend.ready['port']}\r\nContent-Length: 9000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", backend.ready["port"])) as client:
        client.sendall(head.encode() + b"half a line\n" * 300_000)
    # The service stops only after what it was doing has ended.
    backend.process.terminate()
    assert backend.process.wait(PATIENCE) == 0
    assert left(data) == []
    assert "Traceback" not in backend.log()


def test_a_data_set_that_is_in_use_stays(library: Library, settings: Settings) -> None:
    kept = library.upload(JSONL).json()
    data = DataDir(settings.data_dir)
    database = Database(data.database)
    with pytest.raises(ProblemError) as caught:
        Datasets(data, database, in_use=[kept["id"]].__contains__).delete(kept["id"])
    database.close()
    assert (caught.value.problem.status, caught.value.problem.id) == (409, "dataset_in_use")
    assert library.get(f"/{kept['id']}/preview").json()["rows"]


JUNK = st.binary(max_size=200)
PIECES = st.sampled_from(
    [b'{"text": "', b'"}', b"text", b"prompt,completion", b",", b";", b'"', b"\n", b"\r", b"\r\n",
     b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"[", b"{", b"a", b"\xc3\xa9", b"\xe9", b"\\ud800"]
)  # fmt: skip
CONTENTS = JUNK | st.lists(PIECES, max_size=30).map(b"".join)


@pytest.mark.parametrize("form", list(Format))
@given(content=CONTENTS)
@example(content=b'text\n"a\rb"\n')
def test_whatever_is_read_there_come_good_rows_or_problems_with_lines(
    form: Format, content: bytes
) -> None:
    kept: list[dict[str, Any]] = []
    last = 0
    for one in rows(io.BytesIO(content), form):
        assert 1 <= one.line <= content.count(b"\n") + 1 and one.line >= last
        last = one.line
        if isinstance(one, Row):
            kept.append(one.value)
    written = "".join(map(encoded, kept)).encode()
    assert list(values(rows(io.BytesIO(written), Format.JSONL))) == kept


def values(found: Iterator[Row | LineProblem]) -> Iterator[dict[str, Any]]:
    for one in found:
        assert isinstance(one, Row)
        yield one.value
