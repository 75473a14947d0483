"""The OpenAPI schema is true: what it promises is what is answered, whatever is asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from backend_harness import Ask
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance
from test_backend_models import make

from peft_studio.app import create_app
from peft_studio.data_dir import DataDir
from peft_studio.settings import Settings

OURS = {"$ref": "#/components/schemas/ErrorBody"}
"""The one shape of every error."""

HOST = {"Host": "127.0.0.1:8123"}
CONTENT = b"text\nhello\n"
"""A data set in two of the formats."""

NOT_HELD_TO = [positive_data_acceptance, not_a_server_error]
"""What has the right form may still name nothing, or be no data set; and see :data:`SENTENCES`."""
SENTENCES = {503, 507}
"""Statuses above 500 that say what is missing: the training libraries, room on the disk."""


def app_at(data: Path) -> FastAPI:
    return create_app(Settings(host="127.0.0.1", port=8123, data_dir=data))


OPERATIONS = [
    (method.upper(), path)
    for path, methods in app_at(Path("/")).openapi()["paths"].items()
    for method in methods
]


def test_every_error_is_declared_in_the_one_shape(ask: Ask) -> None:
    schema = ask("/api/openapi.json").json()
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            responses = operation["responses"]
            for status, response in responses.items():
                if int(status) >= 400:
                    shape = response["content"]["application/json"]["schema"]
                    assert shape == OURS, (method, path, status)
            assert {"400", "401", "403", "500"} <= responses.keys(), (method, path)


@pytest.fixture
def world(ask: Ask, tmp_path: Path) -> Iterator[tuple[FastAPI, dict[str, str]]]:
    """A service that has something, and the ids of what it has, by the parameters' names."""
    data = DataDir(tmp_path / "data")
    data.create()
    make(data.models / "tiny")
    run = leave_run(data)
    app = app_at(data.root)
    params = {"name": "mine", "format": "text"}
    dataset = ask("/api/datasets", "POST", app=app, params=params, content=CONTENT).json()["id"]
    ids = {"dataset_id": dataset, "dataset": dataset, "run_id": run, "model": "local:tiny"}
    yield app, ids
    asyncio.run(end(app))


async def end(app: FastAPI) -> None:
    """What happens when the service stops: whatever it started ends."""
    async with app.router.lifespan_context(app):
        pass


def leave_run(data: DataDir) -> str:
    """A run as one that was interrupted leaves it."""
    request = {"model": "local:tiny", "dataset": "0" * 16, "method": "lora"}
    folder = data.runs / "00000000000000aa"
    folder.mkdir()
    (folder / "spec.json").write_text(json.dumps({"request": request, "created_at": 1.0}))
    return folder.name


def made_real(case: Case, ids: dict[str, str]) -> None:
    """Let every other case mean what is there: chance alone would never hit it."""
    if zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode()) % 2:
        return
    if isinstance(case.body, dict):
        case.body |= {key: ids[key] for key in case.body.keys() & ids.keys()}
        if "method" in case.body:
            case.body |= {"method": "lora", "parameters": {}}
    elif isinstance(case.body, bytes):
        case.body, case.query = CONTENT, {"name": "mine", "format": "text"}
    for name in ids.keys() & case.path_parameters.keys():
        case.path_parameters[name] = ids[name]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whatever_is_asked_the_answer_is_a_declared_one_and_never_500(
    world: tuple[FastAPI, dict[str, str]], method: str, path: str, mode: GenerationMode
) -> None:
    app, ids = world
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app, headers=HOST)
    seen: set[int] = set()

    @settings(
        max_examples=25,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    def check(case: Case) -> None:
        if mode is GenerationMode.POSITIVE:
            made_real(case, ids)
        response = case.call_and_validate(headers=HOST, excluded_checks=NOT_HELD_TO)
        assert response.status_code < 500 or response.status_code in SENTENCES, response.text
        seen.add(response.status_code)

    with contextlib.suppress(Unsatisfiable):
        check()
    if mode is GenerationMode.POSITIVE:
        assert seen & {200, 201, 202, 204, 409, 503}, f"nothing real was met: {seen}"
