"""What no library makes: another signature of what a key has signed already."""

from __future__ import annotations

import hashlib

from runtime_packager.manifest import PrivateKey


def other_signature(key: PrivateKey, message: bytes) -> bytes:
    """A second valid signature of the same message: RFC 8032 5.1.6 with another nonce."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    order = 2**252 + 27742317777372353535851937790883648493
    digest = bytearray(hashlib.sha512(key.seed).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    # A key made from another seed lends its scalar and point: they are a nonce and its R.
    nonce_seed = hashlib.sha256(b"nonce").digest()
    lent = bytearray(hashlib.sha512(nonce_seed).digest()[:32])
    lent[0] &= 248
    lent[31] = lent[31] & 127 | 64
    point = Ed25519PrivateKey.from_private_bytes(nonce_seed).public_key().public_bytes_raw()
    challenge = hashlib.sha512(point + key.public.raw + message).digest()
    scalars = (int.from_bytes(part, "little") for part in (lent, challenge, digest))
    nonce, factor, secret = scalars
    return point + ((nonce + factor * secret) % order).to_bytes(32, "little")
