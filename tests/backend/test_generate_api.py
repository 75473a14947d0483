"""``POST /api/generate`` without the libraries: what is refused, and a client that hangs up."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_writer
import pytest
from backend_harness import PATIENCE, Ask
from fastapi import FastAPI
from tiny import make_model

from peft_studio import errors
from peft_studio.generating.generator import Generator
from peft_studio.routers import generate
from peft_studio.settings import Settings
from peft_studio.studio import Studio

WISH = {"model": "local:tiny", "prompt": "hello"}


@pytest.fixture
def studio(settings: Settings) -> Iterator[Studio]:
    """A service with a model and a child that does what the prompt says."""
    studio = Studio(settings)
    make_model(studio.data.models / "tiny")
    studio.generator = Generator(studio.data, 1000, lambda _: None, fake_writer.main)
    yield studio
    studio.close()


@pytest.fixture
def app(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """The endpoint.

    The libraries are empty here: the service only looks whether they are installed.
    """
    for name in ("torch", "transformers"):
        (tmp_path / "packages" / name).mkdir(parents=True)
        (tmp_path / "packages" / name / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "packages")
    app = FastAPI()
    errors.install(app)
    app.include_router(generate.create_router(studio))
    return app


def test_a_text_comes_with_the_seed_that_makes_it_again(ask: Ask, app: FastAPI) -> None:
    answer = ask("/api/generate", "POST", app=app, json=WISH).json()
    assert answer["text"].startswith("hello ")
    assert 0 <= answer["seed"] < 2**32
    assert ask("/api/generate", "POST", app=app, json=WISH | {"seed": 7}).json()["seed"] == 7


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": ""},
        {"prompt": "x" * 100_001},
        {"prompt": None},
        {"run": "0123456789abcdef"},
        {"model": None},
        {"model": None, "run": "../../etc/passwd"},
        {"max_new_tokens": 0},
        {"max_new_tokens": 4097},
        {"max_new_tokens": "8"},
        {"temperature": -1},
        {"top_p": 0},
        {"seed": 2**32},
        {"adapter": "yes"},
        {"trust_remote_code": True},
    ],
)
def test_a_wrong_wish_is_refused(ask: Ask, app: FastAPI, change: dict[str, Any]) -> None:
    response = ask("/api/generate", "POST", app=app, json=WISH | change)
    assert response.status_code == 422
    assert response.json()["error"]["id"] == "invalid_request"


@pytest.mark.parametrize(
    "model", ["local:other", "local:../models/tiny", "local:", "tiny", "local:tiny\0", "/etc"]
)
def test_no_path_is_a_model(ask: Ask, app: FastAPI, model: str) -> None:
    response = ask("/api/generate", "POST", app=app, json=WISH | {"model": model})
    assert (response.status_code, response.json()["error"]["id"]) == (404, "model_not_found")


def test_without_the_libraries_it_says_which_are_missing(ask: Ask, settings: Settings) -> None:
    make_model(settings.data_dir / "models/tiny")
    response = ask("/api/generate", "POST", json=WISH)
    assert (response.status_code, response.json()["error"]["id"]) == (503, "missing_package")
    assert "torch" in response.json()["error"]["message"]


def test_who_hangs_up_stops_the_writing(ask: Ask, app: FastAPI, studio: Studio) -> None:
    asyncio.run(asyncio.wait_for(hang_up(app, WISH | {"prompt": "write on"}), PATIENCE))
    # Behind the other it would wait until the fixture ends all.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        try:
            after = pool.submit(ask, "/api/generate", "POST", app=app, json=WISH)
            assert after.result(PATIENCE).status_code == 200
        finally:
            studio.close()


async def hang_up(app: FastAPI, wish: dict[str, Any]) -> None:
    """Send a request and close the connection as soon as it was read."""
    events: list[dict[str, Any]] = [
        {"type": "http.request", "body": json.dumps(wish).encode(), "more_body": False},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return events.pop(0) if events else {"type": "http.disconnect"}

    async def send(_message: Any) -> None:
        pass

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/api/generate",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"host", b"127.0.0.1")],
        "app": app,
    }
    await app(scope, receive, send)
