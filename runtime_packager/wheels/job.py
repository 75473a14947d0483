"""What stays the same while one lock is installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Progress
from runtime_packager.platforms import Target


@dataclass(frozen=True, slots=True)
class Job:
    """For what, with which cache, and where files may come from besides the lock's URLs.

    :param wheelhouse: a directory that may hold the locked files, by name.
    :param requirements: requirement files, for the ``--index-url`` and ``--find-links`` in them.
    :param offline: use the cache and this machine's files, and no network.
    """

    target: Target
    python: Version
    cache: Cache
    progress: Progress
    wheelhouse: Path | None = None
    requirements: Sequence[Path] = ()
    offline: bool = False

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.target.name}, Python {self.python}"
