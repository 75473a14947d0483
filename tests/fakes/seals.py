"""Whether anything wrote into a tree."""

from __future__ import annotations

from pathlib import Path


def snapshot(root: Path) -> dict[str, tuple]:
    """Every name below ``root`` with all that a write would change."""
    found = {}
    for path in [root, *root.rglob("*")]:
        s = path.lstat()
        found[str(path)] = (s.st_mode, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino)
    return found
