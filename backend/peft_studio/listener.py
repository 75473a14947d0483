"""Taking the port, before anything slow happens."""

from __future__ import annotations

import errno
import socket
import sys

from peft_studio.start_error import PortUnavailableError, UsageError

_BACKLOG = 128
"""Connections that may wait while the service is still being imported."""

_UNAVAILABLE = {
    errno.EADDRINUSE: "already in use",
    # Unix: a port below 1024. Windows: reserved, or held exclusively by another program.
    errno.EACCES: "not open to this user",
}


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on ``host``; connections wait in it until they are served.

    :param port: 0 lets the system pick one.
    :raises PortUnavailableError: when another port may do.
    :raises UsageError: when this machine cannot listen on ``host``.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        _claim(listener)
        listener.bind((host, port))
        # With SO_REUSEADDR two programs can bind one port on Linux; only one can listen.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if why := _UNAVAILABLE.get(error.errno or 0):
            raise PortUnavailableError(f"port {port} on {host} is {why}") from error
        raise UsageError(f"cannot listen on {host}: {error.strerror}") from error
    return listener


def _claim(listener: socket.socket) -> None:
    """Let a restart have the port at once, and let nobody share it."""
    if sys.platform == "win32":
        # There SO_REUSEADDR lets a second program steal the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
