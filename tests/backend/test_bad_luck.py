"""What a hostile client or bad luck does to the service: an answer that helps, and nothing left."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from backend_harness import BACKEND, Ask, Launch, Running
from fake_training import Act
from test_backend_models import make
from test_backend_schema import leave_run
from test_runs_manager import Watched
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from peft_studio.app import create_app
from peft_studio.data_dir import DataDir
from peft_studio.errors import ProblemError
from peft_studio.models.library import Models
from peft_studio.routers.events import MOST
from peft_studio.settings import Settings

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path / "data")
    data.create()
    return data


def test_a_name_that_is_no_text_is_refused_in_words_that_can_be_sent(ask: Ask) -> None:
    body = b'{"model": "local:x", "dataset": "0000000000000000", "parameters": {"\\ud800": 1}}'
    answer = ask("/api/runs", "POST", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["error"]["id"]) == (422, "invalid_parameters")


def test_an_answer_does_not_grow_with_what_is_wrong(ask: Ask) -> None:
    many = {f"field{number}": 1 for number in range(1000)} | {"x" * 10_000: 1}
    answer = ask("/api/runs", "POST", json=many)
    assert answer.status_code == 422
    assert "and 983 more" in answer.json()["error"]["message"]
    assert len(ask("/api/runs", "POST", json={"x" * 10_000: 1}).text) < 1000


def test_a_data_directory_that_was_taken_away_is_said_so(ask: Ask, settings: Settings) -> None:
    app = create_app(settings)
    assert ask("/api/datasets", app=app).status_code == 200
    shutil.rmtree(settings.data_dir)
    form = {"name": "mine", "format": "text"}
    answer = ask("/api/datasets", "POST", app=app, params=form, content=b"hello")
    error = answer.json()["error"]
    assert (answer.status_code, error["id"]) == (503, "storage_failed")
    assert "No such file" in error["message"] and "start PEFT Studio again" in error["hint"]
    assert str(settings.data_dir) not in answer.text


def test_a_data_set_whose_files_are_gone_can_be_deleted(ask: Ask, settings: Settings) -> None:
    app = create_app(settings)
    form = {"name": "mine", "format": "text"}
    made = ask("/api/datasets", "POST", app=app, params=form, content=b"hello").json()["id"]
    shutil.rmtree(settings.data_dir / "datasets" / made)
    assert ask(f"/api/datasets/{made}", app=app).status_code == 404
    assert ask(f"/api/datasets/{made}", "DELETE", app=app).status_code == 204
    assert ask("/api/datasets", app=app).json() == {"datasets": []}


def test_a_run_that_could_not_be_remembered_does_not_come_back(data: DataDir) -> None:
    with contextlib.closing(Watched(data)) as watched:
        watched.database.close()
        with pytest.raises(ProblemError, match="is stopping"):
            watched.begin()
    with contextlib.closing(Watched(data)) as again:
        assert again.runs.all() == []


def test_deleting_a_run_makes_room_even_if_it_cannot_be_forgotten(data: DataDir) -> None:
    with contextlib.closing(Watched(data)) as watched:
        run = watched.begin()
        watched.until(run, "completed")
        remove = watched.runs._store.remove

        def fails(run_id: str) -> None:
            watched.database.close()
            remove(run_id)

        watched.runs._store.remove = fails  # type: ignore[method-assign]
        with pytest.raises(ProblemError):
            watched.runs.delete(run, data.tmp)
    assert [*data.runs.iterdir(), *data.tmp.iterdir()] == []


def test_a_run_is_deleted_also_when_tmp_was_cleared_by_somebody(data: DataDir) -> None:
    with contextlib.closing(Watched(data)) as watched:
        run = watched.begin()
        watched.until(run, "completed")
        data.tmp.rmdir()
        watched.runs.delete(run, data.tmp)
        assert list(data.runs.iterdir()) == []


def test_a_run_that_meets_a_mistake_of_ours_does_not_hold_up_the_others(data: DataDir) -> None:
    class Mistaken(Watched):
        mistaken = False

        def _prepare(self, _request: Any) -> dict[str, Any]:
            if self.mistaken:
                self.mistaken = False
                raise ValueError("nobody thought of this")
            return {}

    with contextlib.closing(Mistaken(data)) as watched:
        first, second, third = watched.begin(Act.WAIT), watched.begin(), watched.begin()
        watched.mistaken = True
        watched.runs.cancel(first)
        watched.until(second, "failed")
        watched.until(third, "completed")


def test_a_spec_that_is_nested_without_end_hides_no_other_run(data: DataDir) -> None:
    there = leave_run(data)
    broken = data.runs / ("f" * 16)
    broken.mkdir()
    (broken / "spec.json").write_text("[" * 100_000)
    with contextlib.closing(Watched(data)) as watched:
        assert [run.id for run in watched.runs.all()] == [there]


def test_a_model_that_brings_an_adapter_is_refused(data: DataDir) -> None:
    """The libraries would load it unasked, and with it what it names."""
    folder = make(data.models / "two")
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/else"}))
    with pytest.raises(ProblemError, match=r"has adapter_config\.json") as caught:
        Models(data).resolve("local:two")
    assert caught.value.problem.id == "model_invalid"


def test_a_directory_where_the_service_was_started_is_no_model_of_a_hub(tmp_path: Path) -> None:
    (tmp_path / "org/name").mkdir(parents=True)
    code = (
        "import sys, pathlib; from peft_studio.worker.child import confine\n"
        "confine(pathlib.Path('/none'), pathlib.Path(sys.argv[1]), online=True)\n"
        "print(pathlib.Path('org/name').exists())"
    )
    command = [sys.executable, "-B", "-c", code, str(tmp_path / "scratch")]
    env = {"PYTHONPATH": str(BACKEND)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_only_so_many_may_watch_and_others_may_when_they_leave(
    launch: Launch, data: DataDir
) -> None:
    run = leave_run(data)
    service = launch("--data-dir", str(data.root))
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(events(service, run)) for _ in range(MOST)]
        assert all(json.loads(socket.recv())["type"] == "snapshot" for socket in sockets)
        assert closed(stack.enter_context(events(service, run))) == 1013
        assert httpx.get(f"{service.url}/api/health", trust_env=False).status_code == 200
        sockets[0].send(b"x" * 5000)
        assert closed(sockets[0]) == 1009
        sockets[1].close()
        while (late := stack.enter_context(events(service, run))) and not heard(late):
            pass  # until the service has noticed
        assert httpx.delete(f"{service.url}/api/runs/{run}", trust_env=False).status_code == 204
        for socket in sockets[2:]:
            assert json.loads(socket.recv())["type"] == "deleted"


def events(service: Running, run: str) -> ClientConnection:
    url = service.url.replace("http", "ws") + f"/api/runs/{run}/events"
    return connect(url, proxy=None, compression=None)


def closed(socket: ClientConnection) -> int:
    with pytest.raises(ConnectionClosedError) as caught:
        socket.recv()
    assert caught.value.rcvd
    return caught.value.rcvd.code


def heard(socket: ClientConnection) -> bool:
    with contextlib.suppress(ConnectionClosedError):
        return bool(socket.recv())
    return False
