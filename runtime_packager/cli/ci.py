"""``runtime-packager ci``: workflows that assemble and try the runtimes."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from runtime_packager.cli.common import (
    Shared,
    chosen_targets,
    platform_option,
    profile_option,
    shared_options,
)
from runtime_packager.cli.output import console, emit_json, shown
from runtime_packager.errors import InputError


@click.group()
def command() -> None:
    """Write workflows that assemble and try the runtimes."""


@command.command()
@platform_option
@profile_option
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The workflow's file; - for standard output.  [default: .github/workflows/runtimes.yml, "
    "runtimes-PROFILE.yml for a profile]",
)
@click.option("--arguments", default="", help='For the app when it is tried: "--port 8123".')
@click.option(
    "--health-url", help="Answers once the app is up; without it the app has to end by itself."
)
@click.option(
    "--install",
    metavar="REQUIREMENT",
    help="What `pip install` gets to have this tool there.  [default: this very version]",
)
@shared_options
def github(
    shared: Shared,
    platforms: tuple[str, ...],
    profile: str | None,
    output: Path | None,
    arguments: str,
    health_url: str | None,
    install: str | None,
) -> None:
    """Write a GitHub Actions workflow for the project.

    The workflow lies in the repository's root, also for a project in one of its folders.

    One Linux runner assembles every platform; runners of each system then verify, import, start
    and verify again what was assembled. Secrets RUNTIME_PACKAGER_SIGNING_KEY (the key file's
    text) and RUNTIME_PACKAGER_PASSPHRASE sign it; without them a development key does.
    """
    from runtime_packager.ci import (
        RUNNERS,
        Choices,
        workflow,
        workflow_file,
        write_workflow,
    )

    config = shared.config(profile)
    targets = chosen_targets(config, platforms, config.platforms)
    defaults = Choices()
    choices = Choices(install or defaults.install, _words(arguments), health_url)
    if str(output) == "-":
        click.echo(workflow(config, targets, choices), nl=False)
        return
    file = output.absolute() if output else workflow_file(config)
    write_workflow(config, targets, choices, file)
    tried = [target.name for target in targets if target.name in RUNNERS]
    untried = [target.name for target in targets if target.name not in RUNNERS]
    if shared.as_json:
        emit_json({"file": str(file), "tried": tried, "untried": untried})
    elif not shared.quiet:
        console().print(f"[bold green]wrote[/] {shown(file)}", soft_wrap=True)
        console().print(f"  tried where they run: {', '.join(tried)}", soft_wrap=True)
        if untried:
            console().print(f"  no runner for: {', '.join(untried)}", soft_wrap=True)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError(f"--arguments {text!r} cannot be split into words: {error}") from error
