"""The root document: which keys count for what, how many of them it takes, which are revoked.

An app carries the root it trusts. Bytes in, verdict out; nothing here touches a disk or a clock.

Rules for a document, in this order; each is a ``schema`` error where nothing else is said:

1. Strict JSON of at most 256 KiB, ``schema`` 1 (``schema-version``), and exactly ``version``,
   ``keys``, ``roles``, ``revoked`` and, if wanted, ``expires`` beside it.
2. ``version`` is 1 or more; ``expires`` is ``YYYY-MM-DDTHH:MM:SSZ``.
3. ``keys`` obey :mod:`.trusted` (at most 64) and :mod:`.keys` (``key-invalid``); their ids ascend,
   none twice.
4. ``roles`` are exactly ``root``, who may make the next root, and ``release``, who may sign a
   release. A role's ``keyids`` ascend, none twice, each of a key in ``keys``; its ``threshold``
   is from 1 to their number.
5. ``revoked`` holds key ids, ascending, none twice; of any key, listed here or not.
6. Without its revoked keys each role still reaches its threshold.

Rules for who may say so, in this order:

7. The envelope obeys rules 1 to 5 of :mod:`.dsse`, its type being :data:`.dsse.ROOT_TYPE`.
8. ``root-threshold``: what comes after version N is signed by the threshold of N's role ``root``,
   by N's own list of revoked keys. Before that, nothing of it is parsed.
9. The document is sound: rules 1 to 6.
10. ``root-version``: it is N + 1. An old one is not taken again and none is left out.
11. ``root-threshold``: it is signed by its own threshold too, so nobody is named who has no key.

A revoked key never counts, wherever else it stands; any number of signatures of a key counts
once. An expired root goes on verifying what is installed, for a clock may be ten years off; who
looks for updates calls :func:`require_current` and refuses it (``expired``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from runtime_packager.manifest import dsse, shape, strict_json
from runtime_packager.manifest.keys import PublicKey
from runtime_packager.manifest.problems import ErrorId, rejection
from runtime_packager.manifest.trusted import TrustedKeys, key_row, parse_keys

SCHEMA = 1
MAX_SIZE = 256 * 1024
"""Bytes of a document."""

RoleName = Literal["root", "release"]
ROLES: tuple[RoleName, ...] = ("root", "release")

_WHAT = "the root"
_KEYS = frozenset({"schema", "version", "keys", "roles", "revoked"})
_ROLE_KEYS = frozenset({"keyids", "threshold"})


@dataclass(frozen=True, slots=True)
class Role:
    """Whose signatures count for something.

    :param keyids: ascending.
    :param threshold: how many of these keys have to sign.
    """

    keyids: tuple[str, ...]
    threshold: int


@dataclass(frozen=True, slots=True)
class Root:
    """A root document.

    :param version: 1, and one more each time.
    :param keys: ascending by key id.
    :param roles: by name, all of :data:`ROLES`.
    :param revoked: key ids, ascending.
    :param expires: UTC, RFC 3339 with ``Z``, whole seconds; ``None`` for never.
    """

    version: int
    keys: tuple[PublicKey, ...]
    roles: Mapping[RoleName, Role]
    revoked: tuple[str, ...] = ()
    expires: str | None = None

    def trusted(self, role: RoleName = "release") -> TrustedKeys:
        """Who is believed in a role."""
        named = self.roles[role]
        keys = tuple(key for key in self.keys if key.keyid in named.keyids)
        return TrustedKeys(keys, named.threshold, frozenset(self.revoked))


def render(root: Root) -> bytes:
    """The payload, canonical.

    :raises IntegrityFailure: when a rule from 1 to 6 is broken.
    """
    document = {
        "schema": SCHEMA,
        "version": root.version,
        "keys": [key_row(key) for key in root.keys],
        "roles": {
            name: {"keyids": list(role.keyids), "threshold": role.threshold}
            for name, role in root.roles.items()
        },
        "revoked": list(root.revoked),
    }
    data = strict_json.dumps(document | ({"expires": root.expires} if root.expires else {}))
    if parse(data) != root:
        raise AssertionError("a root reads back as it was written")
    return data


def parse(data: bytes) -> Root:
    """The root that a payload describes, whoever signed it.

    :raises IntegrityFailure: when a rule from 1 to 6 is broken.
    """
    found = shape.require(strict_json.loads(data, max_size=MAX_SIZE, what=_WHAT), dict, _WHAT)
    shape.require_schema(found.get("schema"), SCHEMA, _WHAT)
    shape.require_keys(found, _KEYS, _WHAT, optional=frozenset({"expires"}))
    version = _positive(found["version"], f"{_WHAT}: version")
    expires = (
        shape.require_moment(found["expires"], f"{_WHAT}: expires") if "expires" in found else None
    )
    keys = parse_keys(found["keys"], f"{_WHAT}: keys")
    keyids = _ascending([key.keyid for key in keys], f"{_WHAT}: keys")
    roles = _roles(found["roles"], frozenset(keyids))
    revoked = _keyids(found["revoked"], f"{_WHAT}: revoked")
    _require_reachable(roles, frozenset(revoked))
    return Root(version, keys, roles, revoked, expires)


def open_root(envelope: bytes) -> Root:
    """The root in an envelope that is trusted for where it lies: rules 7, 9 and 11.

    :raises IntegrityFailure: when one of them is broken.
    """
    opened = dsse.parse(envelope, dsse.ROOT_TYPE)
    root = parse(opened.payload)
    _require_signed(opened, root, "its own")
    return root


def next_root(envelope: bytes, trusted: Root) -> Root:
    """The root that takes the place of ``trusted``: rules 7 to 11.

    :raises IntegrityFailure: when one of them is broken.
    """
    opened = dsse.parse(envelope, dsse.ROOT_TYPE)
    _require_signed(opened, trusted, f"version {trusted.version}'s")
    root = parse(opened.payload)
    if root.version != trusted.version + 1:
        reason = f"version {trusted.version + 1} expected, {root.version} found"
        raise rejection(ErrorId.ROOT_VERSION, reason, _WHAT)
    _require_signed(opened, root, "its own")
    return root


def follow(first: bytes, successors: Iterable[bytes]) -> Root:
    """The last of a chain of roots, the first of which is trusted for where it lies.

    :raises IntegrityFailure: when a rule of this module is broken anywhere.
    """
    root = open_root(first)
    for envelope in successors:
        root = next_root(envelope, root)
    return root


def require_current(root: Root, now: int) -> None:
    """Refuse an expired root, as who looks for updates has to.

    :param now: seconds since 1970.
    :raises IntegrityFailure: from the second on that the root names.
    """
    if root.expires is not None and now >= datetime.fromisoformat(root.expires).timestamp():
        reason = f"version {root.version} expired at {root.expires}"
        raise rejection(ErrorId.EXPIRED, reason, _WHAT)


def _require_signed(opened: dsse.Envelope, by: Root, whose: str) -> None:
    trusted = by.trusted("root")
    signed = len(opened.counted(trusted))
    if signed < trusted.threshold:
        reason = f"{trusted.threshold} of {whose} root keys have to sign, {signed} did"
        raise rejection(ErrorId.ROOT_THRESHOLD, reason, _WHAT)


def _roles(value: Any, known: frozenset[str]) -> dict[RoleName, Role]:
    what = f"{_WHAT}: roles"
    found = shape.require_keys(value, frozenset(ROLES), what)
    return {name: _role(found[name], known, f"{what}: {name}") for name in ROLES}


def _role(value: Any, known: frozenset[str], what: str) -> Role:
    found = shape.require_keys(value, _ROLE_KEYS, what)
    keyids = _keyids(found["keyids"], f"{what}: keyids")
    if unknown := sorted(set(keyids) - known):
        raise rejection(ErrorId.SCHEMA, f"not among the keys: {', '.join(unknown)}", what)
    return Role(keyids, _positive(found["threshold"], f"{what}: threshold"))


def _require_reachable(roles: Mapping[RoleName, Role], revoked: frozenset[str]) -> None:
    for name, role in roles.items():
        left = len(set(role.keyids) - revoked)
        if left < role.threshold:
            reason = f"a threshold of {role.threshold} and {left} keys that are not revoked"
            raise rejection(ErrorId.SCHEMA, reason, f"{_WHAT}: roles: {name}")


def _keyids(value: Any, what: str) -> tuple[str, ...]:
    rows = shape.require(value, list, what)
    return _ascending([shape.require_digest(row, what) for row in rows], what)


def _ascending(keyids: list[str], what: str) -> tuple[str, ...]:
    if keyids != sorted(set(keyids)):
        raise rejection(ErrorId.SCHEMA, "key ids that ascend, none twice, expected", what)
    return tuple(keyids)


def _positive(value: Any, what: str) -> int:
    number = shape.require(value, int, what)
    if number < 1:
        raise rejection(ErrorId.SCHEMA, f"1 or more expected, {number} found", what)
    return number
