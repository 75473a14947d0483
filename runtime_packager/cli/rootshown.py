"""How root documents are shown."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from runtime_packager.cli.common import Shared
from runtime_packager.cli.output import console, emit_json

if TYPE_CHECKING:
    from runtime_packager.manifest import Draft, Root, RootFiles


def report(shared: Shared, files: RootFiles, draft: Draft) -> None:
    """Say where the version lies that was written or signed, and who has yet to sign it."""
    holds = not draft.wanted
    file = files.current if holds else files.next
    if shared.as_json:
        emit_json({"file": str(file), "holds": holds} | facts(draft.root) | lacks(draft))
    elif not shared.quiet:
        state = "[bold green]holds[/]" if holds else "[bold]has to be signed[/]"
        console().print(f"version {draft.root.version} {state}: {file}", soft_wrap=True)
        for line in wanted_lines(draft):
            console().print(line, markup=False, soft_wrap=True)


def facts(root: Root) -> dict[str, Any]:
    """A root, for machines."""
    return {
        "version": root.version,
        "expires": root.expires,
        "keys": [{"keyid": key.keyid, "comment": key.comment} for key in root.keys],
        "roles": {
            name: {"keyids": role.keyids, "threshold": role.threshold}
            for name, role in root.roles.items()
        },
        "revoked": root.revoked,
    }


def lacks(draft: Draft) -> dict[str, Any]:
    """Who has yet to sign, for machines."""
    return {"wanted": [{"count": one.count, "keyids": one.keyids} for one in draft.wanted]}


def lines(root: Root) -> list[str]:
    """A root, for people: every line says for itself what it means."""
    from runtime_packager.manifest import printable

    named = {key.keyid: printable(key.comment) for key in root.keys}
    shown = [f"version {root.version}, expires {root.expires or 'never'}"]
    for name, role in root.roles.items():
        shown.append(f"{role.threshold} of {len(role.keyids)} keys have to sign as {name}")
        shown += [f"  {name:8}{keyid} {named[keyid]}".rstrip() for keyid in role.keyids]
    return [*shown, *(f"  revoked {keyid}" for keyid in root.revoked)]


def changed_lines(held: Root, following: Root) -> list[str]:
    """The next root, for people who are asked to sign it: what comes has a +, what goes a -."""
    marked = difflib.ndiff(lines(held), lines(following))
    return [line.rstrip() for line in marked if not line.startswith("?")]


def wanted_lines(draft: Draft) -> list[str]:
    """Who has yet to sign, for people."""
    return [
        f"  {one.count} more of these have to sign: {', '.join(keyid[:16] for keyid in one.keyids)}"
        for one in draft.wanted
    ]
