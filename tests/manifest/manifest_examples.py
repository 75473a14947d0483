"""A small sealed tree, a key to sign it with and a list that trusts the key."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from runtime_packager.entries import Entry, FileEntry, LinkEntry
from runtime_packager.manifest import PrivateKey, Purpose, ReleaseFacts, TrustedKeys, seal

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


def example_key(purpose: Purpose = "release", seed: int = 1) -> PrivateKey:
    return PrivateKey(bytes([seed]) * 32, purpose)


def trusting(*keys: PrivateKey) -> TrustedKeys:
    return TrustedKeys(tuple(key.public for key in keys))


def example_facts(platform: str = "linux-x64", official: bool = True) -> ReleaseFacts:
    return ReleaseFacts(
        product="PEFT Studio",
        version="1.2.3",
        epoch=7,
        platform=platform,
        interpreters=(
            {
                "python": "3.12.14",
                "source": "python-build-standalone",
                "origin": "mirror.example",
                "release": "20260310",
                "asset": "cpython-3.12.14.tar.gz",
                "sha256": "ab" * 32,
                "official": official,
            },
        ),
        lock_sha256="cd" * 32,
        tool="runtime-packager 0.1.0",
        created=1_700_000_000,
        inputs="ef" * 32,
    )


def file_entry(path: str, data: bytes, executable: bool, source: Path) -> FileEntry:
    return FileEntry(path, len(data), hashlib.sha256(data).hexdigest(), executable, source)


def place(root: Path) -> tuple[Entry, ...]:
    entries: list[Entry] = [LINK]
    for path, (data, executable) in CONTENT.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o755 if executable else 0o644)
        entries.append(file_entry(path, data, executable, file))
    os.symlink(LINK.target, root / LINK.path)
    return tuple(entries)


def sealed_tree(root: Path) -> Sealed:
    root.mkdir()
    entries, key, facts = place(root), example_key(), example_facts()
    seal(root, entries, facts, key)
    return Sealed(root, entries, facts, key, trusting(key))
