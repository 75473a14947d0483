"""What becomes of an interpreter's files on their way into the store, whatever brought them.

Left out are all bytecode (it is made later, of one kind) and terminfo entries named with capital
letters: they are aliases and museum pieces, and cannot lie beside their namesakes where case does
not count. npm packages lose links, execute bits and the case of terminfo's folders; what can be
known is put right again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from packaging.version import Version

from runtime_packager.entries import Entry, FileEntry, LinkEntry
from runtime_packager.errors import IntegrityError
from runtime_packager.io.archive import Rename
from runtime_packager.io.policy import Escapes, Limits, Member, Plan, Refused, clean_name
from runtime_packager.io.store import place_link, seal
from runtime_packager.platforms import Target

_TERMINFO = "share/terminfo/"
_LIBRARY = re.compile(r"\.(so(\.[0-9.]+)?|dylib)$")


def selector(prefix: str, without: str | None = None) -> Rename:
    """Names below ``prefix`` as tree paths below ``python``.

    :param without: a tree path below which everything is left out.
    """
    start = f"{prefix}/"

    def select(name: str) -> str | None:
        if not name.startswith(start):
            return None
        path = tree_path(name[len(start) :])
        if path is None or (without and path.startswith(f"{without}/")):
            return None
        return path

    return select


def tree_path(inside: str) -> str | None:
    """Where a file of the prefix goes in the tree; ``None`` when it is left out."""
    if "__pycache__" in inside.split("/"):
        return None
    if inside.startswith(_TERMINFO):
        return _terminfo(inside[len(_TERMINFO) :])
    return f"python/{inside}"


def _terminfo(inside: str) -> str | None:
    folder, _, name = inside.partition("/")
    if name != name.lower():
        return None
    # ncurses looks in the folder named by the first letter; macOS writes that in hex
    place = name[0] if name and len(folder) == 1 else folder
    return f"python/{_TERMINFO}{place}/{name}" if name else None


def without_dead_links(entries: Iterable[Entry], title: str) -> tuple[Entry, ...]:
    """The entries less the terminfo aliases whose file was left out.

    :raises IntegrityError: for names and links that break the rules of
        :mod:`runtime_packager.io.policy`, and for any other link that leads nowhere.
    """
    kept = tuple(entries)
    plan = _judge(kept, title)
    dead = {path for path in plan.links if plan.leads_nowhere(path)}
    fatal = sorted(path for path in dead if not path.startswith(f"python/{_TERMINFO}"))
    if fatal:
        raise IntegrityError(f"{title} has links that lead nowhere", details=fatal)
    return tuple(entry for entry in kept if entry.path not in dead)


def _judge(entries: Iterable[Entry], title: str) -> Plan:
    plan = Plan(Limits())
    for entry in entries:
        try:
            path = clean_name(entry.path)
            match entry:
                case FileEntry():
                    plan.admit(Member(path, "file", entry.size), path)
                case LinkEntry():
                    plan.admit(Member(path, "link"), path, entry.target)
        except Refused as refused:
            raise _refusal(title, entry.path, str(refused)) from None
    try:
        plan.settle()
    except Escapes as escapes:
        raise _refusal(title, escapes.path, str(escapes)) from None
    return plan


def _refusal(title: str, path: str, reason: str) -> IntegrityError:
    return IntegrityError(f"{title} has a file that is refused: {path!r}: {reason}")


def restored(
    entries: Iterable[Entry], tree: Path, python: Version, target: Target
) -> tuple[Entry, ...]:
    """The entries with the links and execute bits that npm drops; ``tree`` is brought in line."""
    known = {entry.path: entry for entry in entries}
    for link in _usual_links(python, target):
        place = known.get(link.path)
        original = known.get(f"{link.path.rpartition('/')[0]}/{link.target}")
        if isinstance(original, FileEntry) and _replaceable(place, original):
            (tree / link.path).unlink(missing_ok=True)
            place_link(tree / link.path, link.target)
            known[link.path] = link
    return tuple(_executable(entry) for entry in known.values())


def _usual_links(python: Version, target: Target) -> Iterator[LinkEntry]:
    """The links python-build-standalone has on a Unix beside the files that matter."""
    if target.is_windows:
        return
    short = f"{python.major}.{python.minor}"
    yield LinkEntry("python/bin/python", f"python{short}")
    yield LinkEntry("python/bin/python3", f"python{short}")
    if target.os == "linux":
        yield LinkEntry(f"python/lib/libpython{short}.so", f"libpython{short}.so.1.0")


def _replaceable(place: Entry | None, original: FileEntry) -> bool:
    match place:
        case None:
            return True
        case FileEntry():
            return place.sha256 == original.sha256
        case _:
            return False


def _executable(entry: Entry) -> Entry:
    if isinstance(entry, LinkEntry) or entry.executable:
        return entry
    if not (entry.path.startswith("python/bin/") or _LIBRARY.search(entry.path)):
        return entry
    seal(entry.source, executable=True)
    return replace(entry, executable=True)
