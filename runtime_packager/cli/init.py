"""``runtime-packager init``: a commented configuration to start from."""

from __future__ import annotations

from pathlib import Path

import click

from runtime_packager.cli.common import Shared, shared_options
from runtime_packager.cli.output import console, emit_json


@click.command()
@click.argument(
    "directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False
)
@shared_options
def command(shared: Shared, directory: Path | None) -> None:
    """Write a commented configuration into DIRECTORY's pyproject.toml (default: here).

    What can be seen (the app's folder, its script, its requirements) is filled in; nothing that
    is there is changed.
    """
    from runtime_packager.starter import write_configuration

    file, guesses, missing = write_configuration(directory or shared.project)
    if shared.as_json:
        emit_json({"file": str(file), "guesses": guesses, "missing": missing})
    elif not shared.quiet:
        console().print(f"[bold green]wrote[/] {file}", soft_wrap=True)
        for line in guesses:
            console().print(f"  {line}", markup=False, soft_wrap=True)
        for line in missing:
            console().print(f"[bold yellow]to do:[/] {line}", soft_wrap=True)
        console().print("next: look it over, then run `runtime-packager assemble`")
