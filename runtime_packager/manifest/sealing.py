"""Sealing a tree: list its files, describe the release, sign it, write both below ``manifest/``."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runtime_packager.entries import Entry, FileEntry
from runtime_packager.errors import BuildError, InputError
from runtime_packager.io.cache import Cache
from runtime_packager.io.durable import sync_directory
from runtime_packager.io.files import FILE_TIME, write_atomic
from runtime_packager.io.progress import Progress
from runtime_packager.manifest import dsse
from runtime_packager.manifest import release as releases
from runtime_packager.manifest.files import FILES, RELEASE, records, render, tree_root
from runtime_packager.manifest.keys import Signer
from runtime_packager.manifest.release import Executable, Release, timestamp
from runtime_packager.manifest.signable import unsigned_digests
from runtime_packager.manifest.tree import Level, check_tree, hash_bytes, read_regular

_MAGICS = (
    b"\x7fELF",
    b"MZ",
    *(bytes.fromhex(magic) for magic in ("feedface", "feedfacf", "cefaedfe", "cffaedfe")),
    *(bytes.fromhex(magic) for magic in ("cafebabe", "cafebabf")),
)
"""First bytes of ELF, PE, Mach-O (32 and 64 bit, both byte orders) and universal Mach-O."""

_WINDOWS_SUFFIXES = (".exe", ".dll", ".pyd")
"""What Windows loads as code; archives for it carry no modes that could tell."""

_LIBRARIES = (".so", ".dylib")
"""In the names of what Linux and macOS load as code, whatever its mode: wheels have either."""


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What a release says that its files do not.

    :param created: seconds since 1970, from SOURCE_DATE_EPOCH.
    :param launcher: its path, to count it as executable even where it is no native program.

    The other fields are those of :class:`Release`.
    """

    product: str
    version: str
    epoch: int
    platform: str
    interpreters: tuple[Mapping[str, str | bool], ...]
    lock_sha256: str
    tool: str
    created: int
    inputs: str
    launcher: str = ""


def seal(
    root: Path,
    entries: Sequence[Entry],
    facts: ReleaseFacts,
    signer: Signer,
    *,
    allow_unofficial: bool = False,
    cache: Cache | None = None,
    progress: Progress | None = None,
) -> Release:
    """Write and sign the manifest of the tree at ``root``, which holds ``entries``.

    The entries are believed, not hashed again: :func:`verify_tree` says whether the tree is so.

    :param cache: remembers programs' digests without code signature.
    :raises InputError: for a release key and an interpreter that is not official.
    :raises BuildError: for paths that the platform cannot hold.
    """
    require_official(facts.interpreters, signer, allow_unofficial)
    unsigned = unsigned_digests(entries, facts.platform, cache, progress)
    files = records(entries, platform=facts.platform, unsigned=unsigned)
    listed = render(files)
    release = Release(
        product=facts.product,
        version=facts.version,
        epoch=facts.epoch,
        platform=facts.platform,
        files_sha256=hash_bytes(listed),
        files_size=len(listed),
        file_count=len(files),
        tree_root=tree_root(files),
        executables=executables_of(entries, facts.platform, facts.launcher),
        interpreters=facts.interpreters,
        lock_sha256=facts.lock_sha256,
        tool=facts.tool,
        created=timestamp(facts.created),
        inputs=facts.inputs,
    )
    payload = releases.render(release)
    if releases.parse(payload) != release:
        raise AssertionError("a release reads back as it was written")
    envelope = dsse.sign(payload, signer)
    write_manifest(root / FILES, listed)
    write_manifest(root / RELEASE, envelope)
    return release


def resign(
    root: Path,
    signer: Signer,
    *,
    add: bool = False,
    allow_unofficial: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Release:
    """Sign the release that ``root`` holds anew, whoever signed it before.

    Every byte of the tree is first checked against the tree's own list, so what gets the new
    signature is what the release says; that it is *good* is for the owner of the key to know.

    :param add: keep the signatures of other keys, for a release that several have to sign.
    :raises IntegrityFailure: when the tree is not what its release says.
    :raises InputError: when it is no runtime, or as :func:`seal`.
    """
    envelope = dsse.parse(read_regular(root, RELEASE, dsse.MAX_SIZE), dsse.PAYLOAD_TYPE)
    _remove_half_written(root)
    release = releases.parse(envelope.payload)
    require_official(release.interpreters, signer, allow_unofficial)
    check_tree(root, release, Level.FULL, workers=workers, progress=progress)
    kept = envelope if add else replace(envelope, signatures=())
    _replace_release(Path(os.path.realpath(root)), kept.with_signature(signer).render())
    return release


def executables_of(
    entries: Sequence[Entry], platform: str, launcher: str = ""
) -> tuple[Executable, ...]:
    """The native programs and libraries among ``entries``, the launchers and their cfgs, by path.

    A cfg says what its launcher starts: whoever changes it changes a program.

    :raises BuildError: when the launcher is not among them.
    """
    files = [entry for entry in entries if isinstance(entry, FileEntry)]
    if launcher and not any(entry.path == launcher for entry in files):
        raise BuildError(f"the launcher {launcher} is not in the tree")
    windows = platform.startswith("win")
    return tuple(
        Executable(entry.path, entry.sha256, entry.size)
        for entry in sorted(files, key=lambda entry: entry.path)
        if entry.path == launcher
        or _is_cfg(entry.path)
        or (_may_be_code(entry, windows) and _is_native(entry.source))
    )


def _is_cfg(path: str) -> bool:
    return path.endswith(".cfg") and "/" not in path


def _may_be_code(entry: FileEntry, windows: bool) -> bool:
    name = entry.path.rpartition("/")[2].lower()
    if windows and name.endswith(_WINDOWS_SUFFIXES):
        return True
    return entry.executable or any(mark in name for mark in _LIBRARIES)


def _is_native(source: Path) -> bool:
    with open(source, "rb", buffering=0) as stream:
        return stream.read(4).startswith(_MAGICS)


def require_official(
    interpreters: Sequence[Mapping[str, str | bool]], signer: Signer, allowed: bool
) -> None:
    """A release key signs official interpreters only (:data:`.release.PROVENANCE`).

    :raises InputError: for a release key and another interpreter, unless ``allowed``.
    """
    others = [one for one in interpreters if one.get("official") is not True]
    if allowed or signer.public.purpose != "release" or not others:
        return
    named = " and ".join(f"Python {one.get('python')} from {one.get('origin')}" for one in others)
    raise InputError(
        f"{named} is no official build, and a release key signs only those",
        "use an official interpreter, a development key, or --allow-unofficial-interpreter",
    )


def _replace_release(root: Path, data: bytes) -> None:
    """Put the release in its place; killed at any moment, the tree holds the old one or the new.

    It is finished beside the tree, for a file more in it would be no part of the runtime. An
    assembly of the same output clears away what a kill leaves there.
    """
    try:
        place = tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{root.name}.staging-")
    except PermissionError:
        write_manifest(root / RELEASE, data)
        return
    with place as name:
        finished = Path(name) / "release"
        write_manifest(finished, data)
        try:
            os.replace(finished, root / RELEASE)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            write_manifest(root / RELEASE, data)  # the tree is a file system of its own
        sync_directory(root / "manifest")


def _remove_half_written(root: Path) -> None:
    """What a kill left where nothing can be written beside the tree."""
    for remains in (root / RELEASE).parent.glob(f".{Path(RELEASE).name}.*"):
        remains.unlink()


def write_manifest(path: Path, data: bytes) -> None:
    """Put a file of the manifest in its place, all of it or nothing."""
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o755)  # whatever the umask: every user verifies
    write_atomic(path, data, 0o644)
    os.utime(path, (FILE_TIME, FILE_TIME))
