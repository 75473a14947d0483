"""Verifying a runtime: is this tree what a trusted key signed?

Rules, in this order; the first that fails ends it, except that the comparison of the tree
reports every difference (:mod:`runtime_packager.manifest.tree`):

1. ``root`` is a directory with a ``manifest/`` in it; otherwise it is no runtime at all.
2. ``manifest/release.dsse.json`` is there, signed by as many trusted keys as it takes
   (:mod:`runtime_packager.manifest.dsse`), and what is signed is a release
   (:mod:`runtime_packager.manifest.release`).
3. ``platform``: it is the one the caller runs on, if it says so.
4. ``epoch``: it is not older than what the caller has already seen, if it says so.
5. The tree is what the release says, as far as the level looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime_packager.io.progress import Progress
from runtime_packager.manifest import dsse
from runtime_packager.manifest import release as releases
from runtime_packager.manifest.aftersigning import SignedAfter
from runtime_packager.manifest.comparing import differs
from runtime_packager.manifest.files import RELEASE
from runtime_packager.manifest.keys import PublicKey, Purpose
from runtime_packager.manifest.problems import ErrorId, rejection
from runtime_packager.manifest.release import Release
from runtime_packager.manifest.tree import Level, check_tree, read_regular
from runtime_packager.manifest.trusted import TrustedKeys

__all__ = ["Level", "Verified", "signed_by", "stated_release", "verify_release", "verify_tree"]


@dataclass(frozen=True, slots=True)
class Verified:
    """What was verified, on whose word, and how much of it was looked at.

    :param keys: those that vouch for it, in the order of their signatures.
    :param purpose: ``release`` when enough release keys are among them.
    :param files_checked: paths compared with the list (level ``exe``: executables).
    :param bytes_hashed: of files; the manifest's own are not counted.
    :param total_size: bytes of all files that were compared.
    :param signed_after: programs whose code signature is another than when they were sealed.
    """

    release: Release
    keys: tuple[PublicKey, ...]
    purpose: Purpose
    level: Level
    files_checked: int
    bytes_hashed: int
    total_size: int
    signed_after: tuple[SignedAfter, ...] = ()

    @property
    def keyid(self) -> str:
        """The id of the first of the keys."""
        return self.keys[0].keyid


def verify_tree(
    root: Path,
    trusted: TrustedKeys,
    level: Level = Level.FULL,
    *,
    expected_platform: str | None = None,
    minimum_epoch: int | None = None,
    allow_code_signing: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Verified:
    """Verify the runtime at ``root``.

    :param allow_code_signing: accept programs that differ from what was sealed in their code
        signature alone; the result names them.
    :param workers: threads that hash, or ``None`` for one a core.
    :raises InputError: when ``root`` is no runtime at all.
    :raises IntegrityFailure: when a rule is broken; it carries every problem found.
    """
    signed = dsse.verify(read_regular(root, RELEASE, dsse.MAX_SIZE), trusted)
    release = verify_release(
        signed.payload, expected_platform=expected_platform, minimum_epoch=minimum_epoch
    )
    checked = check_tree(
        root,
        release,
        level,
        allow_code_signing=allow_code_signing,
        workers=workers,
        progress=progress,
    )
    return Verified(
        release=release,
        keys=signed.keys,
        purpose=_purpose(signed.keys, trusted.threshold),
        level=level,
        files_checked=checked.files,
        bytes_hashed=checked.bytes_hashed,
        total_size=checked.total_size,
        signed_after=checked.signed_after,
    )


def stated_release(root: Path) -> Release:
    """What the runtime at ``root`` says of itself, whoever signed it: nothing is verified.

    :raises InputError: when ``root`` is no runtime at all.
    :raises IntegrityFailure: when what it says cannot be read.
    """
    return releases.parse(dsse.open_unverified(read_regular(root, RELEASE, dsse.MAX_SIZE)))


def signed_by(root: Path, trusted: TrustedKeys) -> bool:
    """Whether these keys signed the runtime at ``root``; the tree is not looked at.

    :raises InputError: when ``root`` is no runtime at all.
    :raises IntegrityFailure: when its envelope cannot be read.
    """
    envelope = dsse.parse(read_regular(root, RELEASE, dsse.MAX_SIZE), dsse.PAYLOAD_TYPE)
    return len(envelope.counted(trusted)) >= trusted.threshold


def _purpose(keys: tuple[PublicKey, ...], threshold: int) -> Purpose:
    for_release = sum(key.purpose == "release" for key in keys)
    return "release" if for_release >= threshold else "development"


def verify_release(
    payload: bytes, *, expected_platform: str | None = None, minimum_epoch: int | None = None
) -> Release:
    """The release in a payload that a trusted key signed, if it is one the caller wants.

    :raises IntegrityFailure: when it is none, for another platform, or too old.
    """
    release = releases.parse(payload)
    if expected_platform is not None and release.platform != expected_platform:
        reason = differs("platform", expected_platform, release.platform)
        raise rejection(ErrorId.PLATFORM, reason, "the release")
    if minimum_epoch is not None and release.epoch < minimum_epoch:
        reason = f"epoch {release.epoch} is older than {minimum_epoch}, which was here already"
        raise rejection(ErrorId.EPOCH, reason, "the release")
    return release
