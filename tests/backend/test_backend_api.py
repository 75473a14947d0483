"""What the endpoints answer, and the one shape of every error."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from backend_harness import Ask
from fastapi import HTTPException

from peft_studio.app import create_app
from peft_studio.routers import dependencies
from peft_studio.settings import Settings


def test_health(ask: Ask) -> None:
    response = ask("/api/health")
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"status", "version", "uptime_seconds"}
    assert (body["status"], body["version"]) == ("healthy", "0.1.0")
    assert body["uptime_seconds"] >= 0


def test_version(ask: Ask) -> None:
    assert set(ask("/api/version").json()) == {"version", "python", "platform"}


def test_dependencies_names_what_is_there_and_what_is_missing(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        dependencies, "DEPENDENCIES", {"service": ("fastapi",), "training": ("no_such_package",)}
    )
    body = ask("/api/dependencies").json()
    there, gone = body["dependencies"]
    assert (there["name"], there["group"], there["installed"]) == ("fastapi", "service", True)
    assert there["version"]
    assert gone == {
        "name": "no_such_package", "group": "training", "installed": False, "version": None
    }  # fmt: skip
    assert body["missing"] == ["no_such_package"]


def test_a_mere_folder_is_no_package(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "torch").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(dependencies, "DEPENDENCIES", {"training": ("torch",)})
    assert ask("/api/dependencies").json()["missing"] == ["torch"]


def test_the_schema_is_there_and_pages_that_need_the_net_are_not(ask: Ask) -> None:
    paths = set(ask("/api/openapi.json").json()["paths"])
    assert paths >= {"/api/health", "/api/version", "/api/dependencies"}
    assert ask("/docs").status_code == 404


def test_an_unknown_path(ask: Ask) -> None:
    response = ask("/api/nothing")
    assert response.status_code == 404
    assert response.json() == {"error": {"id": "not_found", "message": "Not Found", "hint": None}}


def test_a_wrong_method_keeps_its_allow_header(ask: Ask) -> None:
    response = ask("/api/health", "POST")
    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert response.json()["error"]["id"] == "method_not_allowed"


def test_invalid_input_names_every_field_and_repeats_no_value(ask: Ask, settings: Settings) -> None:
    app = create_app(settings)

    @app.get("/probe")
    async def probe(rank: int, alpha: int) -> int:
        return rank + alpha

    response = ask("/probe", app=app, params={"rank": "hunter2"})
    assert response.status_code == 422
    error = response.json()["error"]
    assert error["id"] == "invalid_request"
    assert "query.rank: " in error["message"] and "query.alpha: " in error["message"]
    assert "hunter2" not in response.text


def test_an_error_of_a_status_without_a_name(ask: Ask, settings: Settings) -> None:
    app = create_app(settings)

    @app.get("/probe")
    async def probe() -> None:
        raise HTTPException(499, {"why": "because"})

    error = ask("/probe", app=app).json()["error"]
    assert error == {"id": "http_499", "message": "{'why': 'because'}", "hint": None}


def test_a_bug_is_logged_once_and_tells_the_client_nothing(
    ask: Ask, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(settings)

    @app.get("/probe")
    async def probe() -> None:
        raise RuntimeError("secret detail")

    with caplog.at_level(logging.ERROR):
        response = ask("/probe", app=app)
    assert response.status_code == 500
    assert response.json()["error"]["id"] == "internal_server_error"
    assert "secret detail" not in response.text
    assert caplog.text.count("RuntimeError: secret detail") == 1
    assert "GET /probe failed" in caplog.text


def test_the_lifespan_passes_every_guard(settings: Settings) -> None:
    app = create_app(settings)
    sent: list[str] = []

    async def run() -> None:
        incoming = iter(["lifespan.startup", "lifespan.shutdown"])

        async def receive() -> dict[str, str]:
            return {"type": next(incoming)}

        async def send(message: dict[str, str]) -> None:
            sent.append(message["type"])

        await app({"type": "lifespan", "state": {}}, receive, send)  # type: ignore[arg-type]

    asyncio.run(run())
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_body_that_is_too_large_is_refused_before_it_is_held(ask: Ask) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100:
            sent += 1
            yield bytes(1 << 18)

    for content in (bytes((1 << 20) + 1), endless()):
        response = ask("/api/runs", "POST", content=content)
        assert response.status_code == 413
        assert response.json()["error"]["id"] == "request_too_large"
    assert sent <= 6
    fits = b'{"model": "' + bytes(1 << 19) + b'"}'
    assert ask("/api/runs", "POST", content=fits).status_code == 422
