"""What requirement files say, read without pip: only enough to notice that they changed."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from runtime_packager.errors import InputError

DIGEST_FORMAT = "requirements 1"
"""Goes into every digest, so that a change of these rules changes all digests."""

_COMMENT = re.compile(r"(^|\s+)#.*$")
_INCLUDE = re.compile(r"(?:(-r|--requirement)|(-c|--constraint))(?:\s*=\s*|\s+|(?<=-[rc]))(.+)")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_REMOTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


def requirements_digest(files: Sequence[Path]) -> str:
    """Hex SHA-256 over what the files, and all they include, ask for.

    Comments, blank lines, spacing, the order of lines and the division into files do not count;
    whether a line came by ``-c`` does. A file included by URL counts by its URL.

    :raises InputError: when files cannot be read; names them all.
    """
    missing: list[str] = []
    lines = sorted(set(_all_lines(files, missing)))
    if missing:
        raise InputError(
            "requirement files cannot be read",
            "correct the path; a file included by -r or -c is looked up beside the one that does",
            details=missing,
        )
    return hashlib.sha256("\n".join([DIGEST_FORMAT, *lines, ""]).encode()).hexdigest()


def requirement_names(files: Sequence[Path]) -> frozenset[str]:
    """Canonical names of what the files, and all they include, ask for by name.

    Options, constraints, addresses and paths name nothing.
    """
    return frozenset(name for line in _all_lines(files, []) if (name := _name(line)))


def _name(line: str) -> str | None:
    """Per-requirement options, such as ``--hash``, stand behind a blank."""
    try:
        return canonicalize_name(Requirement(line.partition(" --")[0]).name)
    except InvalidRequirement:
        return None


def _all_lines(files: Sequence[Path], missing: list[str]) -> Iterator[str]:
    waiting, seen = [(path, "") for path in files], set[tuple[Path, str]]()
    while waiting:
        path, role = waiting.pop()
        key = (path.resolve(), role)
        if key in seen:
            continue
        seen.add(key)
        for line in _lines(path, missing):
            include = _INCLUDE.fullmatch(line)
            if include is None or _REMOTE.match(include[3]):
                yield f"{role}{line}"
            else:
                inner = "-c " if include[2] or role else ""
                waiting.append((path.parent / _expand(include[3], os.environ), inner))


def _lines(path: Path, missing: list[str]) -> list[str]:
    """The logical lines of one file: joined, without comments, single-spaced."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        missing.append(f"{path}: there is no such file")
        return []
    except (OSError, UnicodeDecodeError) as error:
        missing.append(f"{path}: {error}")
        return []
    return [line for raw in _joined(text) if (line := " ".join(_COMMENT.sub("", raw).split()))]


def _joined(text: str) -> Iterator[str]:
    """Lines with a trailing backslash take up the next one; a comment line ends that, as in pip."""
    pending = ""
    for line in text.splitlines():
        comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not comment:
            pending += line[:-1]
        else:
            yield pending + (" " + line if comment else line)
            pending = ""
    yield pending


def _expand(text: str, environment: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: environment.get(match[1]) or match[0], text)
