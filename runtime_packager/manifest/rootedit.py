"""What owners change in a root document. Pure: a root in, another one out.

What comes out may break the rules of :mod:`.root` until the last of several changes is made;
who writes it checks it (:meth:`.rootfile.RootFiles.save_draft`).
"""

from __future__ import annotations

from dataclasses import replace

from runtime_packager.errors import InputError
from runtime_packager.manifest.keys import PublicKey
from runtime_packager.manifest.root import ROLES, Role, RoleName, Root
from runtime_packager.manifest.shape import is_digest

SHORTEST_PREFIX = 8
"""Hex digits of a key id that name it, if no other id begins with them."""

EMPTY = Root(1, (), dict.fromkeys(ROLES, Role((), 1)))
"""What the first root of a project is made from."""


def add_key(root: Root, role: RoleName, key: PublicKey) -> Root:
    """``key`` may sign in ``role``, too.

    :raises InputError: for a development key, which lies in the clear, and for a revoked one.
    """
    if key.purpose != "release":
        raise InputError(
            f"{key.keyid} is a development key, and roots name none",
            "runtime-packager keys generate makes a release key",
        )
    if key.keyid in root.revoked:
        raise InputError(f"the key {key.keyid} is revoked", "make a new key in its place")
    others = tuple(one for one in root.keys if one.keyid != key.keyid)
    named = root.roles[role]
    keyids = tuple(sorted({*named.keyids, key.keyid}))
    keys = tuple(sorted((*others, key), key=lambda one: one.keyid))
    return _with_role(replace(root, keys=keys), role, replace(named, keyids=keyids))


def remove_key(root: Root, role: RoleName, keyid: str) -> Root:
    """The key no longer signs in ``role``; a key without a role goes.

    :raises InputError: when it has not this role.
    """
    named = root.roles[role]
    if keyid not in named.keyids:
        raise InputError(f"the key {keyid} has not the role {role}")
    left = tuple(one for one in named.keyids if one != keyid)
    return _pruned(_with_role(root, role, replace(named, keyids=left)))


def replace_key(root: Root, keyid: str, new: PublicKey) -> Root:
    """``new`` takes the place of a key in every role that it has.

    :raises InputError: when it has none, or as :func:`add_key`.
    """
    mine = [role for role in ROLES if keyid in root.roles[role].keyids]
    if not mine:
        raise InputError(f"the key {keyid} has no role in the root")
    for role in mine:
        root = add_key(remove_key(root, role, keyid), role, new)
    return root


def revoke_key(root: Root, keyid: str) -> Root:
    """The key counts nowhere from now on. It need not be one that the root names."""
    for role in ROLES:
        if keyid in root.roles[role].keyids:
            root = remove_key(root, role, keyid)
    return replace(root, revoked=tuple(sorted({*root.revoked, keyid})))


def set_threshold(root: Root, role: RoleName, threshold: int) -> Root:
    """So many keys of ``role`` have to sign."""
    return _with_role(root, role, replace(root.roles[role], threshold=threshold))


def named_key(root: Root, text: str) -> str:
    """The id of the root's key that ``text`` names: an id, or the first digits of one.

    A whole id is taken as it is, known or not.

    :raises InputError: when it names no key, or more than one.
    """
    if is_digest(text):
        return text
    found = [key.keyid for key in root.keys if key.keyid.startswith(text)]
    if len(text) < SHORTEST_PREFIX or len(found) != 1:
        raise InputError(
            f"{text} does not name one key of the root",
            f"give a key's id, or {SHORTEST_PREFIX} or more of its first digits",
            details=[key.keyid for key in root.keys],
        )
    return found[0]


def _with_role(root: Root, name: RoleName, role: Role) -> Root:
    return replace(root, roles={**root.roles, name: role})


def _pruned(root: Root) -> Root:
    used = {keyid for role in root.roles.values() for keyid in role.keyids}
    return replace(root, keys=tuple(key for key in root.keys if key.keyid in used))
