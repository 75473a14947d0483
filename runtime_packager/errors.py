"""The errors a person can do something about.

Every one carries a message that names the thing, with expected and actual where there are such,
and a hint that says what to do. Anything that is not a :class:`PackagerError` is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Sequence


class PackagerError(Exception):
    """A failure the user can fix.

    :param message: one sentence that names the thing; no trailing full stop needed.
    :param hint: what to do about it, or ``None`` when the message says it all.
    :param details: further lines, one problem each (all of a kind are reported at once).
    """

    exit_code = 1
    kind = "error"

    def __init__(
        self, message: str, hint: str | None = None, *, details: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {line}" for line in self.details)])


class InputError(PackagerError):
    """Wrong usage, configuration or input file. Exit code 2."""

    exit_code = 2
    kind = "input"


class NetworkError(PackagerError):
    """Something could not be fetched. Exit code 3."""

    exit_code = 3
    kind = "network"


class BuildError(PackagerError):
    """A step of the build cannot be done. Exit code 4."""

    exit_code = 4
    kind = "build"


class IntegrityError(PackagerError):
    """Bytes are not what was promised: a digest, a signature, a tree. Exit code 5."""

    exit_code = 5
    kind = "integrity"
