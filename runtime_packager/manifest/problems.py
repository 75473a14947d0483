"""What can be wrong with a runtime: stable error ids, and the error that carries them all.

The ids are part of the format: every verifier, in whatever language, gives the same ids for the
same bytes. They are never renamed; ``docs/reference/manifest.md`` lists them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from runtime_packager.errors import IntegrityError

PRINTED = 20
"""How many problems an error prints; all of them are in :attr:`IntegrityFailure.problems`."""


class ErrorId(StrEnum):
    """Why a verifier said no. The value is what vectors and ``--json`` carry."""

    JSON_SIZE = "json-size"
    JSON_ENCODING = "json-encoding"
    JSON_DEPTH = "json-depth"
    JSON_SYNTAX = "json-syntax"
    JSON_DUPLICATE_KEY = "json-duplicate-key"
    JSON_NUMBER = "json-number"
    JSON_SURROGATE = "json-surrogate"

    SCHEMA = "schema"
    SCHEMA_VERSION = "schema-version"
    MUST_UNDERSTAND = "must-understand"

    PATH = "path"
    PATH_ORDER = "path-order"
    PATH_COLLISION = "path-collision"
    LINK_TARGET = "link-target"

    KEY_INVALID = "key-invalid"
    KEY_UNTRUSTED = "key-untrusted"
    KEY_REVOKED = "key-revoked"
    THRESHOLD = "threshold"
    PAYLOAD_TYPE = "payload-type"
    BASE64 = "base64"
    SIGNATURE_MISSING = "signature-missing"
    SIGNATURE_DUPLICATE = "signature-duplicate"
    SIGNATURE_INVALID = "signature-invalid"

    ROOT_VERSION = "root-version"
    ROOT_THRESHOLD = "root-threshold"
    EXPIRED = "expired"

    MANIFEST_MISSING = "manifest-missing"
    MANIFEST_HASH = "manifest-hash"
    MANIFEST_MISMATCH = "manifest-mismatch"
    PLATFORM = "platform"
    EPOCH = "epoch"

    FILE_MISSING = "file-missing"
    FILE_EXTRA = "file-extra"
    FILE_TYPE = "file-type"
    FILE_SIZE = "file-size"
    FILE_MODE = "file-mode"
    FILE_HASH = "file-hash"
    FILE_UNREADABLE = "file-unreadable"
    CODE_SIGNATURE = "code-signature"
    DIRECTORY_EXTRA = "directory-extra"
    DIRECTORY_MODE = "directory-mode"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong.

    :param path: what it concerns, relative to the tree's root; empty for the whole.
    :param message: the reason, with expected and actual where there are such.
    """

    path: str
    id: ErrorId
    message: str

    def __str__(self) -> str:
        """One line for people, the id at its end."""
        where = f"{printable(self.path)}: " if self.path else ""
        return f"{where}{self.message} [{self.id}]"


class IntegrityFailure(IntegrityError):  # noqa: N818 - one error, many problems
    """Bytes that are not what was signed.

    :param problems: every one; kept sorted by path.
    :param listed: whether to print them below the message.
    """

    def __init__(
        self,
        message: str,
        problems: Iterable[Problem],
        hint: str | None = None,
        *,
        listed: bool = True,
    ) -> None:
        """See the class."""
        self.problems = tuple(sorted(problems))
        super().__init__(message, hint, details=_details(self.problems) if listed else ())

    @property
    def ids(self) -> frozenset[ErrorId]:
        """The distinct error ids among the problems."""
        return frozenset(problem.id for problem in self.problems)


def rejection(error_id: ErrorId, message: str, what: str) -> IntegrityFailure:
    """The error to raise for the one problem that ``what`` has."""
    problem = Problem("", error_id, f"{what}: {message}")
    return IntegrityFailure(str(problem), [problem], listed=False)


def printable(text: str) -> str:
    """``text`` safe for a terminal: what is not printable (file names may hold it) is escaped."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _details(problems: tuple[Problem, ...]) -> list[str]:
    shown = [str(problem) for problem in problems[:PRINTED]]
    if len(problems) > PRINTED:
        shown.append(f"and {len(problems) - PRINTED} more")
    return shown
