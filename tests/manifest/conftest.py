"""A small sealed tree, a key to sign it with and a list that trusts the key."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from runtime_packager.manifest.seal import ReleaseFacts, seal

from runtime_packager.entries import Entry, FileEntry, LinkEntry
from runtime_packager.manifest.keys import PrivateKey, TrustedKey, TrustedKeys
from runtime_packager.manifest.release import Provenance, Tool

ELF = b"\x7fELF" + bytes(range(60))

CONTENT: dict[str, tuple[bytes, bool]] = {
    "peft_engine": (b"\x7fELF launcher", True),
    "peft_engine.cfg": (b"module = main\n", False),
    "app/main.py": (b"print('hello')\n", False),
    "app/größe.txt": ("größer\n".encode(), False),
    "python/bin/python3.12": (ELF * 40_000, True),
    "python/bin/pip": (b"#!/bin/sh\n", True),
    "python/lib/empty": (b"", False),
    "manifest/sbom.cdx.json": (b"{}", False),
}
LINK = LinkEntry("python/bin/python3", "python3.12")


@dataclass(frozen=True)
class Sealed:
    root: Path
    entries: tuple[Entry, ...]
    facts: ReleaseFacts
    key: PrivateKey
    trusted: TrustedKeys

    def entry(self, path: str) -> FileEntry:
        found = next(entry for entry in self.entries if entry.path == path)
        assert isinstance(found, FileEntry)
        return found


def example_key(purpose: str = "release", seed: int = 1) -> PrivateKey:
    return PrivateKey(bytes([seed]) * 32, purpose)  # type: ignore[arg-type]


def trusting(*keys: PrivateKey) -> TrustedKeys:
    return TrustedKeys(tuple(TrustedKey(key.public, key.purpose) for key in keys))


def example_facts(platform: str = "linux-x64", official: bool = True) -> ReleaseFacts:
    return ReleaseFacts(
        product="PEFT Studio",
        version="1.2.3",
        epoch=7,
        platform=platform,
        launcher="peft_engine",
        interpreter=Provenance(
            "3.12.14", "mirror", "mirror.example", "20260310", "cpython.tar.gz", "ab" * 32, official
        ),
        lock_sha256="cd" * 32,
        tool=Tool("runtime-packager", "0.1.0"),
        created=1_700_000_000,
        inputs="ef" * 32,
    )


def place(root: Path) -> tuple[Entry, ...]:
    entries: list[Entry] = [LINK]
    for path, (data, executable) in CONTENT.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o755 if executable else 0o644)
        digest = hashlib.sha256(data).hexdigest()
        entries.append(FileEntry(path, len(data), digest, executable, file))
    os.symlink(LINK.target, root / LINK.path)
    return tuple(entries)


@pytest.fixture
def sealed(tmp_path: Path) -> Sealed:
    root = tmp_path / "tree"
    root.mkdir()
    entries, key, facts = place(root), example_key(), example_facts()
    seal(root, entries, facts, key)
    return Sealed(root, entries, facts, key, trusting(key))


@pytest.fixture
def reseal(sealed: Sealed) -> Callable[[Sequence[Entry]], None]:
    """Sign another list of entries into the same tree."""

    def write(entries: Sequence[Entry]) -> None:
        seal(sealed.root, entries, sealed.facts, sealed.key)

    return write


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)
