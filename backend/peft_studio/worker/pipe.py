"""What the service and a child say to one another: JSON objects over a pipe.

Not pickles: unpickling imports what an object is made of, and one version string of torch's own
class would load torch into the service.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

Message = Mapping[str, Any]
"""What is said; ``type`` says what it is."""


class Pipe:
    """One end. Any thread may send; one alone may receive.

    :param connection: the end of :func:`multiprocessing.Pipe` that is spoken over.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._sending = threading.Lock()

    def send(self, message: Message) -> None:
        """Say something.

        :raises OSError: when nobody is at the other end.
        """
        data = json.dumps(dict(message)).encode()
        with self._sending:
            self.connection.send_bytes(data)

    def recv(self) -> Message:
        """What the other end says next.

        :raises EOFError: when it says nothing any more.
        :raises OSError: when the pipe is broken.
        """
        message: Message = json.loads(self.connection.recv_bytes())
        return message

    def close(self) -> None:
        """Say and hear no more."""
        self.connection.close()
