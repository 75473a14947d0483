"""``runtime-packager keys root``, ``keys rotate`` and ``keys revoke``: who may sign."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from runtime_packager.cli.common import Shared, require, shared_options
from runtime_packager.cli.output import emit_json
from runtime_packager.cli.reporting import reporter
from runtime_packager.cli.rootshown import changed_lines, facts, lacks, lines, report, wanted_lines
from runtime_packager.cli.secrets import KEY_VARIABLE
from runtime_packager.cli.signing import key_option, signer
from runtime_packager.errors import InputError

if TYPE_CHECKING:
    from runtime_packager.manifest import Draft, RoleName, Root, RootFiles

P = ParamSpec("P")
R = TypeVar("R")

_ROLE = click.Choice(["root", "release"])
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

root_option = click.option(
    "--root",
    "root_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The root document that holds; others lie beside it.  [default: the project's]",
)


@click.group(name="root")
def group() -> None:
    """The root document: who may sign releases, and who may say so.

    `init` or `change` writes the next version, its owners `sign` it one after the other, and with
    the last signature that it takes it holds.
    """


def _change_options(function: Callable[P, R]) -> Callable[P, R]:
    for option in (
        click.option("--expires", metavar="DAY", help="YYYY-MM-DD, or never."),
        click.option(
            "--threshold",
            "thresholds",
            type=(_ROLE, click.IntRange(min=1)),
            multiple=True,
            metavar="ROLE N",
            help="So many keys of ROLE have to sign.  [at first: 1]",
        ),
        click.option(
            "--add",
            "added",
            type=(_ROLE, str),
            multiple=True,
            metavar="ROLE KEY",
            help="KEY may sign in ROLE (root or release): its 64 hex digits, its file, or a file "
            "of what `keys show` printed.",
        ),
    ):
        function = option(function)
    return function


@group.command()
@_change_options
@root_option
@shared_options
def init(
    shared: Shared,
    root_file: Path | None,
    added: tuple[tuple[RoleName, str], ...],
    thresholds: tuple[tuple[RoleName, int], ...],
    expires: str | None,
) -> None:
    """Write the first root document, for its owners to sign.

    Each role needs a key: `--add root KEY --add release KEY`, repeated for more.
    """
    from runtime_packager.manifest import rootedit

    files = _files(shared, root_file)
    for there in (files.current, files.next):
        require(
            not there.exists(),
            f"{there} exists already",
            "`runtime-packager keys root change` makes the next version",
        )
    report(shared, files, files.save_draft(_changed(rootedit.EMPTY, added, thresholds, expires)))


@group.command()
@_change_options
@click.option(
    "--remove",
    "removed",
    type=(_ROLE, str),
    multiple=True,
    metavar="ROLE KEYID",
    help="The key no longer signs in ROLE. What it signed is refused, too.",
)
@root_option
@shared_options
def change(
    shared: Shared,
    root_file: Path | None,
    added: tuple[tuple[RoleName, str], ...],
    thresholds: tuple[tuple[RoleName, int], ...],
    expires: str | None,
    removed: tuple[tuple[RoleName, str], ...],
) -> None:
    """Write the next version, for its owners to sign.

    Changes to a version that is still being signed come together, and its signatures go.
    """
    from runtime_packager.manifest import rootedit

    def changed(root: Root) -> Root:
        root = _changed(root, added, thresholds, expires)
        for role, text in removed:
            root = rootedit.remove_key(root, role, rootedit.named_key(root, text))
        return root

    _edit(shared, root_file, changed)


@click.command()
@click.argument("old", metavar="KEYID")
@click.argument("new", metavar="KEY")
@root_option
@shared_options
def rotate(shared: Shared, root_file: Path | None, old: str, new: str) -> None:
    """Put KEY in the place of the key KEYID, in every role it has.

    KEYID may be the first 8 digits or more. What the old key signed is refused from then on.
    """
    from runtime_packager.manifest import read_public, rootedit

    _edit(
        shared,
        root_file,
        lambda root: rootedit.replace_key(root, rootedit.named_key(root, old), read_public(new)),
    )


@click.command()
@click.argument("old", metavar="KEYID")
@click.option("--new", metavar="KEY", help="The key that takes its place.")
@root_option
@shared_options
def revoke(shared: Shared, root_file: Path | None, old: str, new: str | None) -> None:
    """Revoke the key KEYID: it counts nowhere from then on, whatever else is signed.

    Roles that could no longer reach their threshold need --new.
    """
    from runtime_packager.manifest import read_public, rootedit

    def revoked(root: Root) -> Root:
        keyid = rootedit.named_key(root, old)
        if new:
            root = rootedit.replace_key(root, keyid, read_public(new))
        return rootedit.revoke_key(root, keyid)

    _edit(shared, root_file, revoked)


@group.command()
@key_option
@root_option
@shared_options
def sign(shared: Shared, root_file: Path | None, key: str | None) -> None:
    """Sign the next version. With the last signature that it takes, it holds.

    Look at it first: `keys root show` says what is signed.
    """
    require(key or os.environ.get(KEY_VARIABLE), "no key to sign with", f"--key, or {KEY_VARIABLE}")
    files = _files(shared, root_file)
    with reporter(quiet=shared.silent) as progress:
        draft = files.sign_draft(signer(key, shared.cache(), progress))
    report(shared, files, draft)


@group.command()
@click.argument(
    "chain", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[FILE]..."
)
@root_option
@shared_options
def show(shared: Shared, root_file: Path | None, chain: tuple[Path, ...]) -> None:
    """Verify and show the project's root and the next one, with who has yet to sign it.

    What the next one adds is marked with +, what it takes away with -. Comments are only claims:
    compare the key ids.

    With FILEs: verify that each is the successor of the one before, and show the last.
    """
    from runtime_packager.manifest import read_chain

    held: Root | None
    draft: Draft | None
    if chain:
        held, draft = read_chain(chain), None
    else:
        files = _files(shared, root_file)
        held, draft = files.read(), files.draft()
        if held is None and draft is None:
            raise InputError(f"{files.current} does not exist", "`keys root init` makes one")
    if shared.as_json:
        emit_json(
            {"root": held and facts(held), "next": draft and facts(draft.root) | lacks(draft)}
        )
        return
    if held:
        click.echo("\n".join(lines(held)))
    if draft:
        shown = changed_lines(held, draft.root) if held else lines(draft.root)
        click.echo("\n".join([*shown, *wanted_lines(draft)]))


def _files(shared: Shared, root_file: Path | None) -> RootFiles:
    from runtime_packager.manifest import RootFiles

    return RootFiles(root_file or shared.config().root_document)


def _edit(shared: Shared, root_file: Path | None, change: Callable[[Root], Root]) -> None:
    files = _files(shared, root_file)
    draft = files.draft()
    root = draft.root if draft else files.read()
    if root is None:
        raise InputError(
            f"{files.current} does not exist", "`runtime-packager keys root init` makes the first"
        )
    report(shared, files, files.save_draft(change(root)))


def _changed(
    root: Root,
    added: Iterable[tuple[RoleName, str]],
    thresholds: Iterable[tuple[RoleName, int]],
    expires: str | None,
) -> Root:
    from runtime_packager.manifest import read_public, rootedit

    for role, reference in added:
        root = rootedit.add_key(root, role, read_public(reference))
    for role, number in thresholds:
        root = rootedit.set_threshold(root, role, number)
    if expires is None:
        return root
    require(
        expires == "never" or _DAY.fullmatch(expires), f"--expires {expires}: YYYY-MM-DD expected"
    )
    return replace(root, expires=None if expires == "never" else f"{expires}T00:00:00Z")
