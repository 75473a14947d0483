"""The keys of the vectors. Everyone knows them."""

from __future__ import annotations

import hashlib

from runtime_packager.manifest import PrivateKey, Purpose
from runtime_packager.manifest.keys import KEY_DOMAIN, SMALL_ORDER

KEYS = {seed: PrivateKey(bytes([seed]) * 32, "release") for seed in range(1, 8)}
"""By what their seeds are made of."""


MANY = [PrivateKey(bytes([seed]) * 32, "release") for seed in range(1, 66)]
"""One key more than a list may hold."""


def keyid(seed: int) -> str:
    return KEYS[seed].public.keyid


def keyid_of(public: str) -> str:
    """The id of any 32 bytes in hex, be they a key or not."""
    return hashlib.sha256(KEY_DOMAIN + bytes.fromhex(public)).hexdigest()


def key_row(key: PrivateKey, purpose: Purpose = "release") -> dict[str, str]:
    """As it stands in a list of keys."""
    return {"keyid": key.public.keyid, "public": key.public.text, "purpose": purpose}


def small_order_keys() -> list[str]:
    return sorted(raw.hex() for raw in SMALL_ORDER)


def trust(*seeds: int, threshold: int = 1, revoked: tuple[int, ...] = ()) -> dict[str, object]:
    """Whom a vector has its verifier believe."""
    return {
        "keys": [key_row(KEYS[seed]) for seed in seeds],
        "threshold": threshold,
        "revoked": sorted(map(keyid, revoked)),
    }
