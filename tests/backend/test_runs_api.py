"""Asking for runs that cannot be: a status, an id that stays, and no child is started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import tiny
from backend_harness import Launch

from peft_studio import packages

NOWHERE = "0" * 16


@pytest.fixture
def client(launch: Launch) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{launch().url}/api", trust_env=False) as client:
        yield client


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["id"]


def body(**changes: Any) -> dict[str, Any]:
    return {"model": "local:tiny", "dataset": NOWHERE} | changes


NONSENSE: tuple[dict[str, Any], ...] = (
    {"model": None},
    {"dataset": "../../etc/passwd"},
    {"name": "a\nb"},
    {"name": "n" * 101},
    {"nonsense": 1},
    {"training": {"epochs": 1, "max_steps": 1}},
    {"training": {"epochs": 0}},
    {"training": {"learning_rate": 0}},
    {"training": {"learning_rate": "NaN"}},
    {"training": {"seed": 2**32}},
    {"training": {"batch_size": 10**9}},
    {"training": {"scheduler": "none"}},
    {"training": {"epoch": 1}},
)


def test_what_makes_no_sense_is_refused(client: httpx.Client) -> None:
    for changes in NONSENSE:
        answer = client.post("/runs", json=body(**changes))
        assert error(answer) == (422, "invalid_request"), changes


def test_a_run_needs_a_method_and_a_model(client: httpx.Client) -> None:
    def start(**changes: Any) -> tuple[int, str]:
        return error(client.post("/runs", json=body(**changes)))

    assert start(method="magic") == (422, "unsupported_method")
    assert start(parameters={"rank": 0}) == (422, "invalid_parameters")
    assert start(model="local:none") == (404, "model_not_found")
    assert start(model="local:../runs") == (404, "model_not_found")
    assert client.get("/runs").json() == {"runs": []}


def test_a_run_whose_libraries_are_not_installed_is_refused(launch: Launch, tmp_path: Path) -> None:
    assert not packages.has("torch"), "these tests run without the libraries"
    tiny.make_model(tmp_path / "data/models/tiny")
    backend = launch("--data-dir", str(tmp_path / "data"))
    with httpx.Client(base_url=f"{backend.url}/api", trust_env=False) as client:
        assert error(client.post("/runs", json=body())) == (404, "dataset_not_found")
        form = {"name": "tiny", "format": "jsonl"}
        made = client.post("/datasets", params=form, content=tiny.jsonl(tiny.texts())).json()
        refused = client.post("/runs", json=body(dataset=made["id"]))
        assert error(refused) == (503, "missing_package")
        assert "torch" in refused.json()["error"]["message"]
        assert client.get("/runs").json() == {"runs": []}


def test_nothing_is_told_of_a_run_that_there_is_not(client: httpx.Client) -> None:
    for path in ("", "/metrics", "/adapter"):
        assert error(client.get(f"/runs/{NOWHERE}{path}")) == (404, "run_not_found")
        assert error(client.get(f"/runs/nonsense{path}")) == (422, "invalid_request")
    for word in ("pause", "resume", "cancel"):
        assert error(client.post(f"/runs/{NOWHERE}/{word}")) == (404, "run_not_found")
    assert error(client.delete(f"/runs/{NOWHERE}")) == (404, "run_not_found")
