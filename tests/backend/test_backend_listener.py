"""Taking a port: it is ours at once, and nobody else's."""

from __future__ import annotations

import socket

import pytest

from peft_studio.listener import listen
from peft_studio.start_error import PortUnavailableError


def test_a_port_is_ours_before_anything_is_served() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(PortUnavailableError, match=f"port {port} on 127.0.0.1 is already"):
            listen("127.0.0.1", port)


def test_a_connection_waits_until_it_is_served() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        pass


def test_a_port_can_be_taken_again_after_a_connection() -> None:
    with listen("127.0.0.1", 0) as listener:
        address = listener.getsockname()
        with socket.create_connection(address):
            served, _ = listener.accept()
            # Closing our end first leaves the connection in TIME_WAIT on our port.
            served.close()
    listen(*address).close()
