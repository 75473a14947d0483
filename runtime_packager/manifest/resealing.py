"""Sealing a tree again, after its programs got their code signatures.

Rules, in this order; nothing is written unless all hold:

1. The tree verifies on the word of trusted keys, every byte, with the allowance for code
   signatures (:mod:`runtime_packager.manifest.aftersigning`) and nothing else.
2. Each program that differs is read once more: without its signature it is still what was
   sealed, and its digest, with the signature, goes into the new list. What it is unsigned stays
   as it was, so that it may be signed yet again.
3. Everything else of the list and of the release stays: a new list, its digests, the
   executables'.
4. What is signed anew is believed by the same trusted keys.

Where no program differs there is nothing to seal, and the manifest keeps its bytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runtime_packager.errors import InputError
from runtime_packager.io.progress import Progress
from runtime_packager.manifest import dsse
from runtime_packager.manifest import release as releases
from runtime_packager.manifest.aftersigning import SignedAfter
from runtime_packager.manifest.codesign import OddError, bare_file
from runtime_packager.manifest.comparing import CHUNK, open_regular
from runtime_packager.manifest.files import FILES, RELEASE, FileRecord, render, tree_root
from runtime_packager.manifest.keys import Signer
from runtime_packager.manifest.problems import ErrorId, IntegrityFailure, rejection
from runtime_packager.manifest.release import Executable, Release
from runtime_packager.manifest.sealing import require_official, write_manifest
from runtime_packager.manifest.tree import hash_bytes, load_records
from runtime_packager.manifest.trusted import TrustedKeys
from runtime_packager.manifest.verify import verify_tree


@dataclass(frozen=True, slots=True)
class Resealed:
    """A tree whose manifest fits its code-signed programs.

    :param programs: those that differed from what was sealed; none: the manifest is as it was.
    """

    release: Release
    programs: tuple[SignedAfter, ...]


def reseal(
    root: Path,
    signer: Signer,
    trusted: TrustedKeys,
    *,
    allow_unofficial: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Resealed:
    """Write and sign a new manifest of the tree at ``root``, if its programs were code-signed.

    :param trusted: whom to believe of the tree as it is, and who will be believed of the new one.
    :raises IntegrityFailure: when anything but code signatures differs; it carries every problem.
    :raises InputError: when it is no runtime, the key's signature would not be believed, or as
        :func:`~runtime_packager.manifest.sealing.seal`.
    """
    found = verify_tree(root, trusted, allow_code_signing=True, workers=workers, progress=progress)
    if not found.signed_after:
        return Resealed(found.release, ())
    require_official(found.release.interpreters, signer, allow_unofficial)
    differing = {program.path for program in found.signed_after}
    records = tuple(
        _as_it_is(os.path.realpath(root), record) if record.path in differing else record
        for record in load_records(root, found.release)
    )
    listed = render(records)
    release = _with(found.release, records, listed)
    envelope = dsse.sign(releases.render(release), signer)
    _require_believed(envelope, signer, trusted)
    write_manifest(root / FILES, listed)
    write_manifest(root / RELEASE, envelope)
    verify_tree(root, trusted, workers=workers, progress=progress)
    return Resealed(release, found.signed_after)


def _with(release: Release, records: Sequence[FileRecord], listed: bytes) -> Release:
    """``release``, of these records, which stand as ``listed``."""
    known = {record.path: record for record in records}
    executables = tuple(
        Executable(path, known[path].sha256, known[path].size) for path, _, _ in release.executables
    )
    return replace(
        release,
        files_sha256=hash_bytes(listed),
        files_size=len(listed),
        tree_root=tree_root(records),
        executables=executables,
    )


def _as_it_is(base: str, record: FileRecord) -> FileRecord:
    """The record of a program with the signature it has now.

    :raises IntegrityFailure: when it was changed since it was verified.
    """
    digest, size = hashlib.sha256(), 0
    try:
        handle, _ = open_regular(f"{base}/{record.path}")
        with open(handle, "rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
            bare = bare_file(stream)
    except (OddError, OSError) as error:
        raise _changed(record) from error
    if bare.sha256 != record.unsigned:
        raise _changed(record)
    return record._replace(sha256=digest.hexdigest(), size=size)


def _changed(record: FileRecord) -> IntegrityFailure:
    return rejection(ErrorId.CODE_SIGNATURE, "changed while it was sealed", record.path)


def _require_believed(envelope: bytes, signer: Signer, trusted: TrustedKeys) -> None:
    try:
        dsse.verify(envelope, trusted)
    except IntegrityFailure as error:
        key = f"{signer.public.purpose} key {signer.public.keyid[:16]}"
        raise InputError(
            f"what the {key} signs would not be believed: {error.message}",
            "sign with a key that is trusted, --key; where several have to sign a release, ship it "
            "as it was sealed and verify it with the allowance for code signatures",
        ) from error
