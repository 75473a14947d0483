"""At verifying: whether a program differs from what was sealed by its code signature alone.

Rules, when the caller allows code signing, for every file whose size or digest is another than
listed and whose record says ``unsigned``:

1. It is at most :data:`MARGIN` larger than it was, and can be read without its signature
   (:mod:`runtime_packager.manifest.codesign`).
2. Its digest is then the one that is listed.

Whoever hashed the files, threads or children, hands on what differs; only that is read again.
A file that keeps both rules is accepted and reported. One that does not has the problem
``code-signature`` beside the one it had. That a signature is *valid*, or whose it is, is for the
system to say: here it is bytes that may differ.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from runtime_packager.manifest.codesign import OddError, bare_file
from runtime_packager.manifest.comparing import NotRegularError, differs, open_regular
from runtime_packager.manifest.files import FileRecord
from runtime_packager.manifest.problems import ErrorId, Problem

MARGIN = 64 * 1024 * 1024
"""Bytes that a signature may take; a file that grew by more is not read."""

_FORGIVEN = (ErrorId.FILE_SIZE, ErrorId.FILE_HASH)


@dataclass(frozen=True, slots=True, order=True)
class SignedAfter:
    """A program that was changed, after it was sealed, in nothing but its code signature.

    :param signed: whether there is a signature now. Whether it is valid is not known.
    """

    path: str
    signed: bool


def look_again(
    base: str, problems: Sequence[Problem], records: Iterable[FileRecord], workers: int | None
) -> tuple[list[Problem], tuple[SignedAfter, ...]]:
    """The problems that remain when code signing is allowed, and the programs it explains.

    :param base: the tree's root.
    :param records: of the files that have the problems.
    """
    doubtful = {problem.path for problem in problems if problem.id in _FORGIVEN}
    listed = sorted(record for record in records if record.unsigned and record.path in doubtful)
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        found = list(pool.map(lambda record: _look(base, record), listed))
    accepted = {one.path: one for one in found if isinstance(one, SignedAfter)}
    left = [p for p in problems if p.id not in _FORGIVEN or p.path not in accepted]
    left += [one for one in found if isinstance(one, Problem)]
    return left, tuple(accepted.values())


def _look(base: str, record: FileRecord) -> SignedAfter | Problem:
    try:
        handle, size = open_regular(f"{base}/{record.path}")
        with open(handle, "rb") as stream:
            if size > record.size + MARGIN:
                return _problem(record, f"it grew by {size - record.size} bytes")
            bare = bare_file(stream)
    except OddError as error:
        return _problem(record, f"it cannot be read without its code signature: {error}")
    except NotRegularError as error:
        return _problem(record, f"{error.strerror}")
    except OSError as error:
        return _problem(record, f"it cannot be read: {error.strerror}")
    if bare.sha256 != record.unsigned:
        reason = differs("sha256 without code signature", record.unsigned, bare.sha256)
        return _problem(record, f"more than its code signature differs: {reason}")
    return SignedAfter(record.path, bare.signed)


def _problem(record: FileRecord, reason: str) -> Problem:
    return Problem(record.path, ErrorId.CODE_SIGNATURE, reason)
