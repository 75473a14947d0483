"""Roots to play with: two owners of the root, two of the release key, and one who is neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from manifest_examples import example_key

from runtime_packager.manifest import PrivateKey, dsse, strict_json
from runtime_packager.manifest.root import Role, Root, render
from runtime_packager.manifest.trusted import key_row

ANNA, BEN, CARL, DORA, EVE = (example_key(seed=number) for number in range(11, 16))


def ids(*keys: PrivateKey) -> tuple[str, ...]:
    return tuple(sorted(key.public.keyid for key in keys))


def role(*keys: PrivateKey, threshold: int = 1) -> Role:
    return Role(ids(*keys), threshold)


def a_root(version: int = 1, **changes: Any) -> Root:
    """Anna and Ben both make roots; Carl or Dora signs releases."""
    keys = sorted((key.public for key in (ANNA, BEN, CARL, DORA)), key=lambda key: key.keyid)
    roles = {"root": role(ANNA, BEN, threshold=2), "release": role(CARL, DORA)}
    return replace(Root(version, tuple(keys), roles), **changes)  # type: ignore[arg-type]


def signed(payload: Root | bytes, *keys: PrivateKey, kind: str = dsse.ROOT_TYPE) -> bytes:
    data = payload if isinstance(payload, bytes) else render(payload)
    envelope = dsse.Envelope(kind, data, ())
    for key in keys:
        envelope = envelope.with_signature(key)
    return envelope.render()


def document(root: Root | None = None, **changes: Any) -> dict[str, Any]:
    """A sound root as an object, with ``changes``; ``...`` takes a key away."""
    found = strict_json.loads(render(root or a_root()), max_size=10_000) | changes
    return {name: value for name, value in found.items() if value is not ...}


def rows(*keys: PrivateKey) -> list[dict[str, str]]:
    return [key_row(key.public) for key in sorted(keys, key=lambda key: key.public.keyid)]


def roles(root: Sequence[str], release: Sequence[str], *thresholds: Any) -> dict[str, Any]:
    first, second = thresholds or (1, 1)
    return {
        "root": {"keyids": list(root), "threshold": first},
        "release": {"keyids": list(release), "threshold": second},
    }
