"""``runtime-packager assemble``: the main job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runtime_packager.cli.common import (
    Shared,
    chosen_targets,
    platform_option,
    profile_option,
    shared_options,
)
from runtime_packager.cli.output import console, emit_json, shown, size_text
from runtime_packager.cli.reporting import reporter
from runtime_packager.cli.signing import key_option, signer, unofficial_option

if TYPE_CHECKING:
    from runtime_packager.assemble import Assembled
    from runtime_packager.config import Profile
    from runtime_packager.tree import LinkMode

SHOWN_UNCOMPILED = 3
"""Sources without bytecode that the summary names; --json lists them all."""


@click.command()
@platform_option
@profile_option
@key_option
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the platforms' directories go.  [default: the config's]",
)
@click.option(
    "--link-mode",
    type=click.Choice(["auto", "reflink", "hardlink", "copy"]),
    help="How files come from the cache.  [default: the config's, else auto]",
)
@click.option("--locked", is_flag=True, help="Fail when the lock does not fit the requirements.")
@click.option("--offline", is_flag=True, help="Use what the cache holds, and no network.")
@click.option("--force", is_flag=True, help="Assemble even when nothing changed.")
@click.option("--no-smoke", is_flag=True, help="Do not import everything in the finished runtime.")
@click.option(
    "--keep-untraced",
    is_flag=True,
    help="Leave nothing out by the rule untraced, so that the runtime can be traced.",
)
@click.option(
    "--path-budget",
    type=click.IntRange(60, 259),
    help="Characters a path inside a tree for Windows may have.  [default: the config's, else 200]",
)
@unofficial_option
@shared_options
def command(
    shared: Shared,
    platforms: tuple[str, ...],
    profile: str | None,
    key: str | None,
    output: Path | None,
    link_mode: LinkMode | None,
    locked: bool,
    offline: bool,
    force: bool,
    no_smoke: bool,
    keep_untraced: bool,
    path_budget: int | None,
    allow_unofficial: bool,
) -> None:
    """Make the runtime: one relocatable, sealed, signed directory per platform.

    Without --platform it is this machine's. What is already made from the same app, lock,
    interpreter and configuration is left as it is.
    """
    from runtime_packager.assemble import Options, assemble
    from runtime_packager.platforms import host_target

    config = shared.config(profile)
    config = replace(
        config,
        link_mode=link_mode or config.link_mode,
        trim=config.trim - {"untraced"} if keep_untraced else config.trim,
        checks=replace(
            config.checks,
            path_budget=path_budget or config.checks.path_budget,
            smoke=config.checks.smoke and not no_smoke,
        ),
    )
    cache = shared.cache(config)
    targets = chosen_targets(config, platforms, [host_target()])
    place = output.absolute() if output else None
    options = Options(locked, offline, force, allow_unofficial, place)
    with reporter(quiet=shared.silent) as progress:
        if not config.profile.is_base:
            progress.note(f"profile {config.profile.name}")
        signing = signer(key, cache, progress)
        results = assemble(config, targets, signing, cache, progress, options)
    for made in results:
        if not shared.silent:
            if len(results) > 1 and not made.up_to_date:
                console().print(f"[bold]{made.target.name}[/]")
            _summary(made, config.profile, signing.public.purpose)
        elif not shared.as_json:
            click.echo(str(made.output))
    if shared.as_json:
        emit_json(
            {"runtimes": [_as_json(made, config.profile, signing.public) for made in results]}
        )


def _summary(made: Assembled, profile: Profile, purpose: str) -> None:
    from rich.table import Table

    from runtime_packager.app import DIRECTORY, STUB
    from runtime_packager.launcher import find_launcher
    from runtime_packager.platforms import host_target

    out = console()
    if made.up_to_date:
        out.print(f"[bold green]up to date[/] {_place(made, profile)}", soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for step in made.steps:
        cached = {True: "from cache", False: "", None: ""}[step.cached]
        table.add_row(f"  {step.name}", f"{step.seconds:.2f} s", step.note, cached)
    table.columns[1].justify = "right"
    out.print(table)
    if made.trimmed:
        rows = ", ".join(f"{row.rule} {size_text(row.size)}" for row in made.trimmed)
        out.print(f"  trimmed: {rows}", soft_wrap=True)
    if made.uncompiled:
        some = ", ".join(line.partition(":")[0] for line in made.uncompiled[:SHOWN_UNCOMPILED])
        more = len(made.uncompiled) - SHOWN_UNCOMPILED
        out.print(
            f"  without bytecode: {some}{f' and {more} more' if more > 0 else ''}", soft_wrap=True
        )
    if made.imported:
        out.print(f"  imported in it: {', '.join(made.imported)}", soft_wrap=True, markup=False)
    for notice in made.notices:
        out.print(f"  {notice}", soft_wrap=True, markup=False)
    for interpreter in made.release.interpreters:
        out.print(
            f"  interpreter: CPython {interpreter['python']} from {interpreter['source']}: "
            f"{interpreter['origin']}, sha256 {interpreter['sha256']}",
            soft_wrap=True,
            markup=False,
        )
    if purpose != "release" or not _is_official(made):
        _warn_not_for_release(made, purpose)
    total = sum(step.seconds for step in made.steps)
    out.print(f"[bold green]assembled[/] {_place(made, profile)} in {total:.1f} s", soft_wrap=True)
    launcher = find_launcher(made.output, f"{DIRECTORY}/{STUB}.py", made.target.executable_suffix)
    where = "next" if made.target.name == host_target().name else f"next, on {made.target.name}"
    out.print(f"{where}: {shown(launcher or made.output)}", soft_wrap=True, markup=False)


def _place(made: Assembled, profile: Profile) -> str:
    from rich.markup import escape

    edition = "" if profile.is_base else f"profile {profile.name}, "
    return (
        f"{escape(shown(made.output))}: {edition}{size_text(made.size)}, "
        f"{made.release.file_count} files, tree {made.release.tree_root[:16]}"
    )


def _is_official(made: Assembled) -> bool:
    return all(interpreter["official"] for interpreter in made.release.interpreters)


def _warn_not_for_release(made: Assembled, purpose: str) -> None:
    reasons = []
    if purpose != "release":
        reasons.append("it is signed with a development key")
    if not _is_official(made):
        reasons.append("its interpreter is no official python-build-standalone release")
    console().print(f"[bold yellow]NOT FOR RELEASE:[/] {' and '.join(reasons)}", soft_wrap=True)


def _as_json(made: Assembled, profile: Profile, key: Any) -> dict[str, Any]:
    release = made.release
    return {
        "profile": profile.name,
        "platform": made.target.name,
        "output": str(made.output),
        "up_to_date": made.up_to_date,
        "size": made.size,
        "files": release.file_count,
        "tree_root": release.tree_root,
        "interpreters": [dict(interpreter) for interpreter in release.interpreters],
        "signed_by": {"keyid": key.keyid, "purpose": key.purpose},
        "steps": [
            {"name": s.name, "seconds": round(s.seconds, 3), "note": s.note, "cached": s.cached}
            for s in made.steps
        ],
        "trimmed": [{"rule": t.rule, "files": t.files, "size": t.size} for t in made.trimmed],
        "uncompiled": list(made.uncompiled),
        "notices": list(made.notices),
        "imported": list(made.imported),
    }
