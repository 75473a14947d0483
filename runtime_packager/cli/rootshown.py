"""How root documents are shown."""

from __future__ import annotations

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
    """A root, for people."""
    named = {key.keyid: key.comment for key in root.keys}
    shown = [f"version {root.version}, expires {root.expires or 'never'}"]
    for name, role in root.roles.items():
        shown.append(f"  {name}: {role.threshold} of")
        shown += [f"    {keyid} {named[keyid]}".rstrip() for keyid in role.keyids]
    if root.revoked:
        shown += ["  revoked:", *(f"    {keyid}" for keyid in root.revoked)]
    return shown


def wanted_lines(draft: Draft) -> list[str]:
    """Who has yet to sign, for people."""
    return [
        f"  {one.count} more of these have to sign: {', '.join(keyid[:16] for keyid in one.keyids)}"
        for one in draft.wanted
    ]
