"""The configuration as a value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from runtime_packager.app import Data, EntryPoint
from runtime_packager.interpreters import Source
from runtime_packager.platforms import Target
from runtime_packager.tree import LinkMode


@dataclass(frozen=True, slots=True)
class Config:
    """What to assemble. All paths are absolute.

    :param name: the product, as the manifest states it.
    :param epoch: monotonic release counter that rollback protection compares.
    :param optimize: bytecode optimisation, as ``python -O`` counts: 0, 1 or 2.
    :param lock_urls: whether locks carry the files' addresses (else their names alone).
    :param cache: ``None`` for the user's cache directory.
    """

    file: Path
    name: str
    version: str
    app: Path
    entry: EntryPoint
    requirements: tuple[Path, ...]
    python: Version
    platforms: tuple[Target, ...]
    output: Path
    launcher: str
    exclude: tuple[str, ...]
    data: tuple[Data, ...]
    sources: tuple[Source, ...]
    trim: frozenset[str]
    optimize: int
    link_mode: LinkMode
    epoch: int
    lock_urls: bool
    locks: Path
    pins: Path
    trusted_keys: Path
    cache: Path | None

    @property
    def root(self) -> Path:
        """The project's directory."""
        return self.file.parent

    def lock_file(self, target: Target) -> Path:
        """Where the target's lock lies (PEP 751 wants ``pylock.<name>.toml``)."""
        return self.locks / f"pylock.{target.name}.toml"
