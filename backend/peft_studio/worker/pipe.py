"""What a child and the service say to each other: plain data, as JSON.

Not pickles, which bring their classes along: the string that is torch's version has a class of
torch's, and merely hearing it would load half a gigabyte into the service.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any


class Pipe:
    """One end. One thread may send while another receives."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def send(self, message: Mapping[str, Any]) -> None:
        """Say something.

        :raises OSError: when the other end is gone.
        :raises TypeError: for what JSON does not know.
        """
        self.connection.send_bytes(json.dumps(dict(message)).encode())

    def recv(self) -> Mapping[str, Any]:
        """The next message; waits for it.

        :raises EOFError: when the other end is gone, or OSError.
        """
        message: dict[str, Any] = json.loads(self.connection.recv_bytes())
        return message

    def close(self) -> None:
        """Nothing more is said or heard."""
        self.connection.close()
