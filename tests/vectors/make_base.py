"""The sealed trees that tree vectors start from."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import make_release
import signing
from vector_keys import KEYS, trust
from vector_parts import spell

from runtime_packager.entries import Entry, FileEntry, LinkEntry
from runtime_packager.manifest import ReleaseFacts, seal
from runtime_packager.manifest.files import FILES, RELEASE

Content = dict[str, tuple[bytes, bool]]

ENGINE, PYTHON = "peft_engine", "python/bin/python3.12"
MAIN, LINK = "app/main.py", "python/bin/python3"
CONTENT: dict[str, tuple[bytes, bool]] = {
    ENGINE: (b"\x7fELF launcher", True),
    "peft_engine.cfg": (b"module = main\n", False),
    MAIN: (b"print('hello')\n", False),
    "app/größe.txt": ("größer\n".encode(), False),
    "app/\U0001f600/\ufffd": (b"x", False),
    PYTHON: (b"\x7fELF" + bytes(range(60)), True),
    "python/bin/pip": (b"#!/bin/sh\n", True),
    "python/lib/empty": (b"", False),
    "manifest/sbom.cdx.json": (b"{}", False),
}
PROGRAMS: dict[str, tuple[bytes, bool]] = {
    "engine.exe": (signing.windows_program(), True),
    "python/old.dll": (signing.windows_program(b"1234567"), False),
    "python/plain.py": (b"pass\n", False),
}


def base_trees() -> dict[str, Any]:
    """The sealed trees that the vectors start from."""
    return {
        "linux": _base_tree(CONTENT, {LINK: "python3.12"}, "linux-x64"),
        "windows": _base_tree(PROGRAMS, {}, "win-x64"),
    }


def _base_tree(content: Content, links: dict[str, str], platform: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        seal(root, _place(root, content, links), _facts(platform), KEYS[1])
        files = {
            path: {
                "content": spell((root / path).read_bytes()),
                "mode": "0755" if content.get(path, (b"", False))[1] else "0644",
            }
            for path in (*content, FILES, RELEASE)
        }
    return {"files": files, "links": links, "trusted": trust(1)}


def _place(root: Path, content: Content, links: dict[str, str]) -> tuple[Entry, ...]:
    entries: list[Entry] = [LinkEntry(path, target) for path, target in links.items()]
    for path, (data, executable) in content.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o755 if executable else 0o644)
        digest = hashlib.sha256(data).hexdigest()
        entries.append(FileEntry(path, len(data), digest, executable, file))
    for path, target in links.items():
        os.symlink(target, root / path)
    return tuple(entries)


def _facts(platform: str) -> ReleaseFacts:
    fields = make_release.RELEASE
    return ReleaseFacts(
        product=fields["product"],
        version=fields["version"],
        epoch=fields["epoch"],
        platform=platform,
        interpreters=tuple(fields["interpreters"]),
        lock_sha256=fields["lock_sha256"],
        tool=fields["tool"],
        created=1_700_000_000,
        inputs=fields["inputs"],
    )
