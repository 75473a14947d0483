"""``runtime-packager doctor``: what would go wrong, said beforehand."""

from __future__ import annotations

from dataclasses import asdict

import click

from runtime_packager.cli.common import Shared, profile_option, shared_options
from runtime_packager.cli.output import console, emit_json
from runtime_packager.errors import BuildError

MARKS = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "problem": "[red]problem[/]"}


@click.command()
@profile_option
@shared_options
def command(shared: Shared, profile: str | None) -> None:
    """Say what this machine and project lack, before a build finds out.

    Exit code 4 when something is missing that a build needs; warnings alone give 0.
    """
    from runtime_packager.doctor import examine

    config = shared.config_if_any(profile)
    findings = []
    for found in examine(config, shared.cache(config)):
        findings.append(found)
        if not shared.silent:
            out = console()
            out.print(f"{MARKS[found.verdict]} {found.subject}: ", end="", soft_wrap=True)
            out.print(found.message, soft_wrap=True, markup=False)
            if found.hint and found.verdict != "ok":
                out.print(f"  [cyan]hint:[/] {found.hint}", soft_wrap=True)
    problems = [found for found in findings if found.verdict == "problem"]
    if shared.as_json:
        emit_json({"ok": not problems, "findings": [asdict(found) for found in findings]})
    elif problems:
        raise BuildError(
            f"{len(problems)} thing{'s' * (len(problems) > 1)} a build needs "
            f"{'are' if len(problems) > 1 else 'is'} missing: "
            + ", ".join(found.subject for found in problems)
        )
    if problems:
        raise click.exceptions.Exit(BuildError.exit_code)
