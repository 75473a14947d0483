"""The errors a person can do something about.

Every one carries a message that names the thing, with expected and actual where there are such,
and a hint that says what to do. Anything that is not a :class:`PackagerError` is a bug of ours.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field


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


_MACHINE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free some room, then run it again"),
    **dict.fromkeys((errno.EIO, errno.ESTALE), "look after the disk, then run it again"),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE, errno.ENOMEM), "end other programs"),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "make it writable"),
    errno.EFBIG: "choose a file system that holds larger files",
    errno.EINTR: "run it again",
}
"""What the machine, not we, can do wrong, and what a person can do about it."""


@contextmanager
def machine_faults() -> Iterator[None]:
    """Turn a fault of disk or system that nobody expected at its place into a :class:`BuildError`.

    Any call that touches a file may meet a full disk; this is for those without more to say.
    Works as a decorator, too.
    """
    try:
        yield
    except OSError as error:
        hint = _MACHINE.get(error.errno or 0)
        if hint is None:
            raise
        raise BuildError(f"{error.filename or 'a file'}: {error.strerror}", hint) from error


_IT = "\0"
"""Stands for a subject's own name while what is said of several is compared."""


@dataclass
class Failures:
    """What failed for each of several subjects (platforms, say), to be raised as one error.

    :param tried: the subjects asked for so far.
    :param found: (subject, error); a subject may have several.
    """

    tried: set[str] = field(default_factory=set)
    found: list[tuple[str, PackagerError]] = field(default_factory=list)

    @contextmanager
    def of(self, subject: str) -> Iterator[None]:
        """Note a :class:`PackagerError` of the block and go on behind it."""
        self.tried.add(subject)
        try:
            yield
        except PackagerError as error:
            self.found.append((subject, error))

    def raise_any(self, what: str) -> None:
        """Raise what was noted; several as one, the same for several subjects said once.

        :param what: the message when there are several, such as "cannot be assembled"; the
            subjects' names are put before it.
        :raises PackagerError: of the common kind, else :class:`IntegrityError` when there is one
            among them, else :class:`BuildError`.
        """
        if not self.found:
            return
        errors = [error for _, error in self.found]
        subjects = list(dict.fromkeys(subject for subject, _ in self.found))
        if len(errors) == 1:
            if len(self.tried) > 1 and subjects[0] not in errors[0].message:
                errors[0].message = f"{subjects[0]}: {errors[0].message}"
            raise errors[0]
        hints = dict.fromkeys(error.hint for error in errors if error.hint)
        message = f"{', '.join(subjects)} {what}"
        raise _kind(errors)(message, "; ".join(hints) or None, details=self._lines())

    def _lines(self) -> list[str]:
        groups: dict[tuple[str, ...], list[str]] = {}
        for subject, error in self.found:
            named = re.compile(rf"(?<![\w-]){re.escape(subject)}(?![\w-])")
            said = tuple(named.sub(_IT, line) for line in (error.message, *error.details))
            groups.setdefault(said, []).append(subject)
        lines = []
        for said, subjects in groups.items():
            it = subjects[0] if len(subjects) == 1 else "each"
            message, *details = (line.replace(_IT, it) for line in said)
            lines += [f"{', '.join(subjects)}: {message}", *(f"  {line}" for line in details)]
        return lines


def _kind(errors: Sequence[PackagerError]) -> type[PackagerError]:
    kinds = {type(error) for error in errors}
    if len(kinds) == 1:
        return kinds.pop()
    return IntegrityError if any(isinstance(e, IntegrityError) for e in errors) else BuildError
