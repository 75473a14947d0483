"""The signed statement of an app's update: which files, byte for byte, are one version of it.

electron-updater believes the SHA-512 that the server names; this says who vouches for it. The
app's verifier reads it before anything is downloaded (electron/src/updates/statement.js). Strict
JSON: exactly ``schema`` 1, ``product``, ``version``, ``platform`` and ``files``, ascending by
``name``; a file is ``name`` (without folders), ``size`` in bytes and ``sha512`` in hex.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from runtime_packager.errors import InputError
from runtime_packager.io.files import write_atomic
from runtime_packager.manifest import dsse, strict_json
from runtime_packager.manifest.keys import Signer

UPDATE_TYPE = "application/vnd.runtime-packager.update+json"
SCHEMA = 1


def statement_name(version: str, platform: str) -> str:
    """The name under which the app looks for the statement, beside the update's files."""
    return f"update-{version}-{platform}.dsse.json"


def render_update(product: str, version: str, platform: str, files: Sequence[Path]) -> bytes:
    """The payload, canonical. Reads every file.

    :raises InputError: when there is no file, or two have the same name.
    """
    if not files:
        raise InputError("no file to vouch for", "name the files that are published")
    rows = sorted((_row(file) for file in files), key=lambda row: str(row["name"]))
    names = [row["name"] for row in rows]
    if len(set(names)) != len(names):
        raise InputError("two files have the same name")
    return strict_json.dumps(
        {
            "schema": SCHEMA,
            "product": product,
            "version": version,
            "platform": platform,
            "files": rows,
        }
    )


def sign_update(payload: bytes, signer: Signer, place: Path, *, add: bool = False) -> None:
    """Write the envelope of ``payload`` to ``place``.

    :param add: keep the signatures that are there, if they are about the same payload.
    :raises InputError: when they are about another.
    """
    if add and place.exists():
        before = place.read_bytes()
        if dsse.open_unverified(before, UPDATE_TYPE) != payload:
            raise InputError(f"{place.name} is about other files", "sign it without --add")
        envelope = dsse.add_signature(before, signer, UPDATE_TYPE)
    else:
        envelope = dsse.sign(payload, signer, UPDATE_TYPE)
    write_atomic(place, envelope)


def _row(file: Path) -> dict[str, str | int]:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha512").hexdigest()
    return {"name": file.name, "size": file.stat().st_size, "sha512": digest}
