"""Who gets in: by Host, by Origin, by token."""

from __future__ import annotations

import asyncio
import dataclasses
import hmac
from typing import Any

import pytest
from backend_harness import Ask

from peft_studio.app import create_app
from peft_studio.settings import Settings

TOKEN = "correct-horse"
ORIGIN = "app://studio"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, token=TOKEN, origin=ORIGIN)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8123", "localhost:8123", "LOCALHOST:8123", "[::1]:8123"]
)
def test_our_own_names_are_let_in(ask: Ask, host: str) -> None:
    assert ask("/api/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:8123", "127.0.0.1", "127.0.0.1:8124", "127.0.0.1.evil.example:8123", "",
     "localhost:8123@evil.example", "0.0.0.0:8123"],
)  # fmt: skip
def test_any_other_name_is_refused_even_health(ask: Ask, host: str) -> None:
    response = ask("/api/health", headers={"Host": host})
    assert (response.status_code, response.json()["error"]["id"]) == (400, "bad_host")


def test_two_host_headers_are_refused(ask: Ask) -> None:
    twice = [("Host", "127.0.0.1:8123"), ("Host", "evil.example")]
    assert ask("/api/health", headers=twice).status_code == 400


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "app://studio.evil", "APP://studio"]
)
def test_a_foreign_page_is_refused_though_it_has_the_token(ask: Ask, origin: str) -> None:
    response = ask("/api/version", headers={"Origin": origin, "X-PEFT-Token": TOKEN})
    assert (response.status_code, response.json()["error"]["id"]) == (403, "bad_origin")
    assert "access-control-allow-origin" not in response.headers


def test_without_a_window_no_page_is_let_in(ask: Ask, settings: Settings) -> None:
    app = create_app(dataclasses.replace(settings, origin=None))
    assert ask("/api/health", app=app, headers={"Origin": ORIGIN}).status_code == 403
    assert ask("/api/health", app=app).status_code == 200


def test_our_window_may_read_answers_and_refusals(ask: Ask) -> None:
    for headers, status in (({"X-PEFT-Token": TOKEN}, 200), ({}, 401)):
        response = ask("/api/version", headers={"Origin": ORIGIN, **headers})
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == ORIGIN


def test_our_window_may_read_that_something_broke(ask: Ask, settings: Settings) -> None:
    app = create_app(settings)

    @app.get("/probe")
    async def probe() -> None:
        raise RuntimeError

    response = ask("/probe", app=app, headers={"Origin": ORIGIN, "X-PEFT-Token": TOKEN})
    assert response.status_code == 500
    assert response.headers["access-control-allow-origin"] == ORIGIN


def test_a_preflight_needs_no_token(ask: Ask) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "X-PEFT-Token",
    }
    response = ask("/api/version", "OPTIONS", headers={"Origin": ORIGIN, **asked})
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize(
    "header",
    [{"Authorization": f"Bearer {TOKEN}"}, {"authorization": f"bearer  {TOKEN}"},
     {"X-PEFT-Token": TOKEN}],
)  # fmt: skip
def test_the_token_opens(ask: Ask, header: dict[str, str]) -> None:
    assert ask("/api/version", headers=header).status_code == 200


@pytest.mark.parametrize(
    "header",
    [{}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": "Bearer"},
     {"X-PEFT-Token": TOKEN[:-1]}, {"X-PEFT-Token": ""}, {"X-PEFT-Token": TOKEN.upper()},
     {"X-PEFT-Token": "schlüssel".encode()}],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/version", "/api/openapi.json", "/nothing", "/api/health/"])
def test_nothing_else_does(ask: Ask, header: Any, path: str) -> None:
    response = ask(path, headers=header)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["error"]["id"] == "unauthorized"
    assert TOKEN not in response.text


def test_the_query_is_no_place_for_a_token(ask: Ask) -> None:
    assert ask(f"/api/version?token={TOKEN}").status_code == 401


def test_health_is_open(ask: Ask) -> None:
    response = ask("/api/health")
    assert response.status_code == 200
    assert "x-peft-proof" not in response.headers


def test_health_proves_that_it_knows_the_token(ask: Ask) -> None:
    challenge = "0123456789abcdef" * 2
    response = ask("/api/health", headers={"X-PEFT-Challenge": challenge})
    message = f"peft-studio/health/v1\n{challenge}".encode()
    expected = hmac.new(TOKEN.encode(), message, "sha256").hexdigest()
    assert response.headers["x-peft-proof"] == expected


@pytest.mark.parametrize("challenge", ["", "short", "0" * 31, "0" * 129, "G" * 32])
def test_a_challenge_has_one_form(ask: Ask, challenge: str) -> None:
    response = ask("/api/health", headers={"X-PEFT-Challenge": challenge})
    assert response.status_code == 422
    assert "x-peft-proof" not in response.headers


def test_without_a_token_nothing_is_proven(ask: Ask, settings: Settings) -> None:
    app = create_app(dataclasses.replace(settings, token=None))
    response = ask("/api/health", app=app, headers={"X-PEFT-Challenge": "0" * 32})
    assert response.status_code == 200
    assert "x-peft-proof" not in response.headers


@pytest.mark.parametrize(
    "headers",
    [[(b"host", b"evil.example")], [(b"host", b"localhost:8123"), (b"origin", b"http://a.example")],
     [(b"host", b"localhost:8123")]],
)  # fmt: skip
def test_websockets_are_refused_by_the_same_rules(
    settings: Settings, headers: list[tuple[bytes, bytes]]
) -> None:
    sent: list[dict[str, Any]] = []
    scope = {"type": "websocket", "path": "/api/health", "headers": headers, "state": {}}

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(create_app(settings)(scope, receive, send))  # type: ignore[arg-type]
    assert [(one["type"], one["code"]) for one in sent] == [("websocket.close", 1008)]
