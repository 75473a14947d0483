"""Why the backend does not start, and the exit code that tells the desktop app so.

The launcher keeps 70 to 79 for itself, so none of these is in that range.
"""

from __future__ import annotations


class StartError(Exception):
    """A reason not to start that a person or the desktop app can do something about."""

    exit_code = 1


class UsageError(StartError):
    """A wrong argument or environment variable. Exit code 2."""

    exit_code = 2


class MissingPackageError(StartError):
    """A package that the service needs is not installed. Exit code 97.

    :param module: the module that was looked for.
    """

    exit_code = 97

    def __init__(self, module: str | None) -> None:
        super().__init__(f"No module named {module!r}: the installation is not complete")


class PortUnavailableError(StartError):
    """The port is taken or may not be used; another one may do. Exit code 98.

    98 is what Linux calls EADDRINUSE.
    """

    exit_code = 98


class DataDirectoryError(StartError):
    """The user's data directory cannot be used, or another PEFT Studio uses it. Exit code 96."""

    exit_code = 96
