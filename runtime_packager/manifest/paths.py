"""Which paths and link targets a tree may hold.

Rules, each an error id of :class:`ErrorId`:

- ``path``: relative, ``/``-separated, NFC, at most 4096 bytes of UTF-8, no component that is
  empty, ``.`` or ``..``, no backslash, no control character, no drive letter in front. For
  Windows besides: none of ``<>:"|?*``, no dot or space at a component's end, no device name.
- ``path-order``: ascending by the bytes of their UTF-8, none twice.
- ``path-collision``: no file where another path needs a directory; and where the file system
  ignores case (Windows, macOS), no two spellings of one name. Linux trees may hold both
  ``terminfo/E/Eterm`` and ``terminfo/e/eterm``, and do.
- ``link-target``: relative, inside the tree, ``..`` only in front: behind another link a ``..``
  would mean that link's parent, which may be anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

from runtime_packager.entries import directories_of
from runtime_packager.manifest.problems import ErrorId, Problem, printable

MAX_PATH_BYTES = 4096
"""PATH_MAX of Linux, the longest any target can open."""

_COMPONENT = r"(?!\.{1,2}(?:/|\Z))[^/\\\x00-\x1f\x7f-\x9f\ud800-\udfff]+"
_PATH = re.compile(rf"(?![A-Za-z]:){_COMPONENT}(?:/{_COMPONENT})*")
_TARGET = re.compile(rf"(?P<up>(?:\.\./)*)(?P<rest>{_PATH.pattern})|(?:\.\./)*\.\.")
_WINDOWS_COMPONENT = re.compile(
    r"(?!(?:con|conin\$|conout\$|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\.|\Z))"
    r'[^<>:"|?*]*[^<>:"|?*. ]',
    re.IGNORECASE,
)
"""Characters and device names of Microsoft's "Naming Files, Paths, and Namespaces"."""


_WINDOWS_SUSPECTS = (
    *("/con", "/prn", "/aux", "/nul", "/com", "/lpt"),
    *("<", ">", ":", '"', "|", "?", "*", "./", " /"),
)
"""A path without any of these needs no closer look."""


def path_problem(path: str, platform: str) -> str | None:
    """Why ``path`` may not stand in a tree for ``platform``; ``None`` when it may."""
    if not _is_plain(path) and not _PATH.fullmatch(path):
        return "not a plain relative path"
    if platform.startswith("win") and not _fits_windows(path):
        return "not a name Windows can hold"
    if path.isascii():
        return None if len(path) <= MAX_PATH_BYTES else "too long"
    if not unicodedata.is_normalized("NFC", path):
        return "not in Unicode normal form C"
    return None if len(path.encode()) <= MAX_PATH_BYTES else "too long"


def _is_plain(path: str) -> bool:
    """Whether nothing in ``path`` needs the exact rule, which is slower: true of nearly all."""
    return (
        path.isascii()
        and path.isprintable()
        and path[:1] not in ("", "/", ".")
        and path[-1] != "/"
        and "/." not in path
        and "//" not in path
        and "\\" not in path
        and ":" not in path
    )


def _fits_windows(path: str) -> bool:
    rooted = f"/{path.lower()}"
    if path.isascii() and not any(mark in rooted for mark in _WINDOWS_SUSPECTS):
        return rooted[-1] not in ". "
    return all(map(_WINDOWS_COMPONENT.fullmatch, path.split("/")))


def target_problem(path: str, target: str) -> str | None:
    """Why the link ``path`` may not point at ``target``; ``None`` when it may."""
    match = _TARGET.fullmatch(target)
    if match is None:
        return "not a plain relative path with any .. in front"
    if not target.isascii() and not unicodedata.is_normalized("NFC", target):
        return "not in Unicode normal form C"
    above = len(match["up"]) // len("../") if match["rest"] else target.count("..")
    if above > path.count("/") or (above == path.count("/") and not match["rest"]):
        return "points out of the tree"
    return None


def order_problems(paths: Sequence[str]) -> Iterator[Problem]:
    """Neighbours that do not ascend strictly by UTF-8 bytes, which is the order of code points."""
    for before, path in pairwise(paths):
        if before >= path:
            reason = "stands twice" if before == path else f"must stand before {printable(before)}"
            yield Problem(path, ErrorId.PATH_ORDER, reason)


def collision_problems(paths: Sequence[str], platform: str) -> Iterator[Problem]:
    """Paths that cannot all exist in one tree on ``platform``."""
    directories = directories_of(paths)
    for path in paths:
        if path in directories:
            yield Problem(path, ErrorId.PATH_COLLISION, "both a file and a directory")
    if not platform.startswith("linux"):
        yield from _case_problems([*directories, *paths])


def _case_problems(names: Sequence[str]) -> Iterator[Problem]:
    spelled: dict[str, str] = {}
    for name in sorted(set(names)):
        # Both mappings, because neither alone brings all variants together (Kelvin sign, sigma).
        first = spelled.setdefault(name.lower().upper(), name)
        if first != name:
            reason = f"differs only in case from {printable(first)}"
            yield Problem(name, ErrorId.PATH_COLLISION, reason)
