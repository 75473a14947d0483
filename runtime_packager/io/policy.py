"""What an archive may put into a directory: pure rules, from names to verdicts.

Readers (tar now, others later) turn what they find into :class:`Member` values and ask a
:class:`Plan`; nothing here touches a file. The rules:

1. A name is relative and means the same on every system: no ``..``, no drive, no backslash, no
   control character, no name Windows reserves or silently changes.
2. No two names are the same, also where case or Unicode form do not count.
3. A name is either a file, a link or a directory; nothing lies below a file or a link.
4. A link is relative and leads, through whatever links there are, to a place inside.
5. A copy (hard link) names a file that came before it.
6. Devices, pipes, sparse files and the like do not exist.
7. Count, depth and total size are bounded, the size also by that of the archive.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

Kind = Literal["file", "directory", "link", "copy", "other"]

_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"]
)
"""Device names of Windows, with or without an extension."""

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"\\|?*]')
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_MAX_COMPONENT = 255
_MAX_PATH = 1024
_MAX_DEPTH = 64
"""Parts of a name: each may cost a directory, and a member of 1 kB could ask for 500."""
_MAX_LINKS = 40
"""Links followed before we speak of a loop, as Linux does."""
_MAX_STEPS = 4_000_000
"""Parts of names looked at while all links of an archive are followed; some seconds."""

_RATIO = 200
"""How many times its own size an archive may unpack to; wheels and interpreters stay below 20."""
_ALWAYS = 16 * 1024**2
"""Bytes that any archive may unpack to, however small it is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one archive may unpack to."""

    members: int = 200_000
    total: int = 8 * 1024**3

    def of_archive(self, size: int) -> Limits:
        """These for an archive of ``size`` bytes: little that unpacks to much is a bomb."""
        return Limits(self.members, min(self.total, max(_ALWAYS, _RATIO * size)))


@dataclass(frozen=True, slots=True)
class Member:
    """One member as its archive states it.

    :param name: as stored, also for :attr:`target` of a copy; a link's target as stored.
    :param size: bytes, 0 unless it is a file.
    """

    name: str
    kind: Kind
    size: int = 0
    executable: bool = False
    target: str = ""


class Refused(Exception):  # noqa: N818 - a verdict; the reader makes an error of it
    """A member breaks a rule; the text says which, without naming the member."""


def clean_name(name: str) -> str:
    """The name with ``/`` between its parts, in NFC, without a leading ``./`` or trailing ``/``.

    :raises Refused: for a name that is unsafe or does not mean the same everywhere.
    """
    trimmed = name[:-1] if name.endswith("/") else name
    while trimmed.startswith("./"):
        trimmed = trimmed[2:]
    if trimmed.startswith("/"):
        raise Refused("its name is absolute")
    if len(trimmed.encode("utf-8", "surrogatepass")) > _MAX_PATH:
        raise Refused(f"its name is longer than {_MAX_PATH} bytes")
    parts = trimmed.split("/")
    if len(parts) > _MAX_DEPTH:
        raise Refused(f"its name has more than {_MAX_DEPTH} parts")
    for part in parts:
        _check_part(part)
    return unicodedata.normalize("NFC", trimmed)


def _check_part(part: str) -> None:
    if part in ("", ".", ".."):
        raise Refused(f"its name has an empty, '.' or '..' part ({part!r})")
    if found := _FORBIDDEN.search(part):
        raise Refused(f"its name has the character {found[0]!r}")
    if _SURROGATE.search(part):
        raise Refused("its name is not Unicode")
    if part[-1] in ". ":
        raise Refused("its name has a part that ends with a dot or a space")
    if part.partition(".")[0].rstrip(" ").lower() in _RESERVED:
        raise Refused(f"its name has a part that is a device on Windows ({part!r})")
    if len(part.encode()) > _MAX_COMPONENT:
        raise Refused(f"its name has a part longer than {_MAX_COMPONENT} bytes")


def fold(path: str) -> str:
    """What two paths share that are one file where neither case nor Unicode form count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


@dataclass(frozen=True, slots=True)
class _Taken:
    path: str
    kind: Kind


class Plan:
    """What has been admitted so far; one per archive.

    :meth:`admit` each member in order, then :meth:`settle` once: only then may links be made.
    """

    def __init__(self, limits: Limits) -> None:
        """Start with nothing admitted."""
        self.limits = limits
        self.links: dict[str, str] = {}
        self._taken: dict[str, _Taken] = {}
        self._sizes: dict[str, int] = {}
        self._link_at: dict[str, str] = {}
        self._total = self._seen = 0
        self._steps = _Steps()

    def count(self) -> None:
        """Count a member, wanted or not.

        :raises Refused: when there are too many.
        """
        self._seen += 1
        if self._seen > self.limits.members:
            raise Refused(f"the archive has more than {self.limits.members} members")

    def admit(self, member: Member, path: str, target: str = "") -> None:
        """Take in ``member`` at ``path``, a clean name.

        :param target: for a copy the clean path of the file, for a link what it says.
        :raises Refused: when it breaks a rule.
        """
        match member.kind:
            case "directory":
                self._claim(path, "directory")
            case "file":
                self._claim(path, "file")
                self._grow(path, member.size)
            case "copy":
                if target not in self._sizes:
                    raise Refused(f"it copies {target!r}, which is no file before it")
                self._claim(path, "file")
                self._grow(path, self._sizes[target])
            case "link":
                _check_target(target)
                self._claim(path, "link")
                self.links[path] = self._link_at[fold(path)] = unicodedata.normalize("NFC", target)
            case "other":
                raise Refused("it is neither file, directory nor link")

    def settle(self) -> None:
        """Follow every link, now that all are known, with case counting and without.

        A circle that exists only where case does not count leads nowhere there, and is no harm.

        :raises Escapes: for the first that leads outside or in a circle.
        """
        for path, target in self.links.items():
            try:
                _follow(path, target, self.links.get, self._steps)
                with suppress(_Circle):
                    _follow(path, target, self._link_where_case_does_not_count, self._steps)
            except Refused as refused:
                raise Escapes(path, str(refused)) from None

    def leads_nowhere(self, path: str) -> bool:
        """Whether the admitted link ``path`` ends where nothing was admitted."""
        end = _follow(path, self.links[path], self.links.get, _Steps())
        taken = self._taken.get(fold(end))
        return bool(end) and (taken is None or taken.path != end)

    def _link_where_case_does_not_count(self, place: str) -> str | None:
        return self._link_at.get(fold(place))

    def _claim(self, path: str, kind: Kind) -> None:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            self._pass("/".join(parts[:depth]))
        known = self._taken.get(fold(path))
        if known is None:
            self._taken[fold(path)] = _Taken(path, kind)
        elif known.path != path:
            raise Refused(f"it differs from {known.path!r} only in case or Unicode form")
        elif not known.kind == kind == "directory":
            raise Refused("there is a member of that name already")

    def _pass(self, parent: str) -> None:
        known = self._taken.setdefault(fold(parent), _Taken(parent, "directory"))
        if known.kind != "directory":
            raise Refused(f"it lies below {known.path!r}, which is a {known.kind}")
        if known.path != parent:
            raise Refused(f"its folder differs from {known.path!r} only in case or Unicode form")

    def _grow(self, path: str, size: int) -> None:
        if size < 0:
            raise Refused("its size is negative")
        self._sizes[path] = size
        self._total += size
        if self._total > self.limits.total:
            raise Refused(f"the archive unpacks to more than {self.limits.total} bytes")


class _Circle(Refused):
    """A link leads back to itself."""


@dataclass(slots=True)
class _Steps:
    """How much following is left: links that lead through one another multiply."""

    left: int = _MAX_STEPS

    def take(self) -> None:
        """One part of a name more.

        :raises Refused: when it is too many.
        """
        self.left -= 1
        if self.left < 0:
            raise Refused("there are too many links through links to follow")


def _follow(path: str, target: str, link_at: Callable[[str], str | None], steps: _Steps) -> str:
    """Where the link ``path`` leads in the end, going by names alone.

    :param link_at: what the link at a place says, ``None`` where there is none.
    """
    stack, ahead = path.split("/")[:-1], target.split("/")[::-1]
    followed = 1
    while ahead:
        steps.take()
        part = ahead.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not stack:
                raise Refused(f"it leads outside: {target!r}")
            stack.pop()
            continue
        stack.append(part)
        if (further := link_at("/".join(stack))) is not None:
            stack.pop()
            ahead.extend(further.split("/")[::-1])
            followed += 1
            if followed > _MAX_LINKS:
                raise _Circle(f"it leads in a circle: {target!r}")
    return "/".join(stack)


class Escapes(Exception):  # noqa: N818 - a verdict, as above
    """The link ``path`` breaks a rule that only shows once all links are known."""

    def __init__(self, path: str, reason: str) -> None:
        """Say which link, and why."""
        super().__init__(reason)
        self.path = path


def _check_target(target: str) -> None:
    if not target:
        raise Refused("it is a link to nothing")
    if target.startswith("/"):
        raise Refused(f"it links to the absolute path {target!r}")
    if len(target.encode("utf-8", "surrogatepass")) > _MAX_PATH:
        raise Refused(f"it links to a path longer than {_MAX_PATH} bytes")
    for part in target.split("/"):
        if part not in ("", ".", ".."):
            _check_part(part)
