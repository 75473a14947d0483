"""Ed25519 keys.

Rules for a public key, each error id ``key-invalid``:

1. 32 bytes.
2. Canonical (RFC 8032, 5.1.3): y below the field's prime, and no sign bit where x is 0.
3. Not of small order: under such a key one signature fits nearly every message.
4. Where an id stands beside a key it is that key's.

Signatures are checked by OpenSSL, which refuses S >= L, so no signature has a second form.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

from runtime_packager.manifest import shape
from runtime_packager.manifest.problems import ErrorId, rejection

Purpose = Literal["release", "development"]
"""``release`` keys sign what users get; ``development`` keys what stays on the machine."""

PURPOSES: tuple[Purpose, ...] = ("release", "development")

KEY_DOMAIN = b"runtime-packager/key/v1\n"
"""What stands in front of a public key when its id is computed."""

FIELD_PRIME = 2**255 - 19

SMALL_ORDER = frozenset(
    bytes.fromhex(encoding)
    for encoding in (
        "0100000000000000000000000000000000000000000000000000000000000000",  # order 1
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # order 2
        "0000000000000000000000000000000000000000000000000000000000000000",  # order 4
        "0000000000000000000000000000000000000000000000000000000000000080",  # order 4
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",  # order 8
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",  # order 8
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",  # order 8
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",  # order 8
    )
)
"""The canonical encodings of the 8 points P of edwards25519 with 8P = 0.

They follow from RFC 8032's curve equation; ``tests/manifest/test_manifest_keys.py`` derives
them anew. The 6 further spellings of these points break rule 2."""


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 public key that may be trusted.

    :param raw: its 32 bytes.
    :param purpose: what it is used for; the one thing a verifier may tell keys apart by.
    :param comment: for people, whose it is.
    :raises IntegrityFailure: when a rule of this module is broken.
    """

    raw: bytes
    purpose: Purpose
    comment: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Refuse a key that must never be trusted."""
        if reason := _weakness(self.raw):
            raise rejection(ErrorId.KEY_INVALID, reason, f"public key {self.raw.hex()[:80]}")

    @cached_property
    def keyid(self) -> str:
        """SHA-256 of :data:`KEY_DOMAIN` and the 32 bytes, hex."""
        return hashlib.sha256(KEY_DOMAIN + self.raw).hexdigest()

    @property
    def text(self) -> str:
        """The 32 bytes as 64 hex digits: how it stands in files."""
        return self.raw.hex()

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether ``signature`` (64 bytes) is this key's for ``message``."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer(Protocol):
    """What signs: a key at hand, or something that keeps it elsewhere."""

    @property
    def public(self) -> PublicKey:
        """The key its signatures verify against."""

    def sign(self, message: bytes) -> bytes:
        """The 64-byte Ed25519 signature of ``message``."""


@dataclass(frozen=True)
class PrivateKey:
    """An Ed25519 private key in memory; a :class:`Signer`.

    :param seed: the 32 bytes of RFC 8032, never shown.
    """

    seed: bytes = field(repr=False)
    purpose: Purpose

    @cached_property
    def public(self) -> PublicKey:
        """See :class:`Signer`."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        return PublicKey(private.public_key().public_bytes_raw(), self.purpose)

    def sign(self, message: bytes) -> bytes:
        """See :class:`Signer`."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def generate_key(purpose: Purpose) -> PrivateKey:
    """A new key from the system's random source."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return PrivateKey(Ed25519PrivateKey.generate().private_bytes_raw(), purpose)


def parse_public(text: object, keyid: object, purpose: Purpose, comment: str = "") -> PublicKey:
    """The public key that 64 lower-case hex digits stand for, if ``keyid`` is its id.

    :raises IntegrityFailure: when it is not.
    """
    key = PublicKey(bytes.fromhex(shape.require_digest(text, "public key")), purpose, comment)
    if keyid != key.keyid:
        reason = f"its id is {key.keyid}, {keyid!a} stands beside it"
        raise rejection(ErrorId.KEY_INVALID, reason, f"public key {key.text}")
    return key


def parse_purpose(value: object, what: str) -> Purpose:
    """``value`` as a purpose.

    :raises IntegrityFailure: when it is none.
    """
    for purpose in PURPOSES:
        if value == purpose:
            return purpose
    raise rejection(ErrorId.SCHEMA, f"one of {', '.join(PURPOSES)} expected", f"{what}: purpose")


def _weakness(raw: bytes) -> str | None:
    if len(raw) != 32:
        return f"32 bytes expected, {len(raw)} found"
    if raw in SMALL_ORDER:
        return "a point of small order, which proves nothing"
    number = int.from_bytes(raw, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if y >= FIELD_PRIME or (sign and y in (1, FIELD_PRIME - 1)):
        return "not the canonical encoding of a point"
    return None
