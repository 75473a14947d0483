"""The websocket of a run: who may open it, and how it answers for a run that there is not."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from backend_harness import Launch
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

TOKEN = "t0ken"
ORIGIN = "app://peft-studio"
RIGHT = {"Authorization": f"Bearer {TOKEN}", "Origin": ORIGIN}

Open = Callable[..., ClientConnection]


@pytest.fixture
def opened(launch: Launch) -> Open:
    """Opens the events of a run that there is not."""
    port = launch("--origin", ORIGIN, env={"PEFT_STUDIO_TOKEN": TOKEN}).ready["port"]

    def to(run: str = "0" * 16, host: str = "127.0.0.1", **headers: str) -> ClientConnection:
        url = f"ws://{host}:{port}/api/runs/{run}/events"
        line = socket.create_connection(("127.0.0.1", port))
        return connect(url, sock=line, additional_headers=headers, proxy=None)

    return to


def test_an_unknown_run_is_said_so_with_a_code_of_its_own(opened: Open) -> None:
    for run in ("0" * 16, "..", "x" * 300, "%00"):
        with opened(run, **RIGHT) as events, pytest.raises(ConnectionClosedError) as caught:
            events.recv()
        assert caught.value.rcvd
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4404, "run_not_found")


STRANGERS: tuple[dict[str, str], ...] = (
    {},
    {"Origin": ORIGIN},
    {"Authorization": "Bearer wrong", "Origin": ORIGIN},
    RIGHT | {"Origin": "https://evil.example"},
    RIGHT | {"host": "evil.example"},
)


def test_who_may_not_ask_does_not_get_in(opened: Open) -> None:
    for headers in STRANGERS:
        with pytest.raises(InvalidStatus) as caught:
            opened(**headers)
        assert caught.value.response.status_code == 403, headers
