"""``runtime-packager init``: a commented configuration, and an Electron app's wiring."""

from __future__ import annotations

from pathlib import Path

import click

from runtime_packager.cli.common import Shared, shared_options
from runtime_packager.cli.output import console, emit_json


@click.command()
@click.argument(
    "directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False
)
@click.option(
    "--electron",
    is_flag=True,
    help="Instead, copy the desktop modules into the Electron project in DIRECTORY (verify, start, "
    "watch, update; electron-builder's hooks), and write electron-builder.yml if it has no such "
    "settings. Run again after an upgrade.",
)
@shared_options
def command(shared: Shared, directory: Path | None, electron: bool) -> None:
    """Write a commented configuration into DIRECTORY's pyproject.toml (default: here).

    What can be seen (the app's folder, its script, its requirements) is filled in; nothing that
    is there is changed.
    """
    if electron:
        _wire(shared, directory or Path())
    else:
        _configure(shared, directory or shared.project)


def _configure(shared: Shared, directory: Path) -> None:
    from runtime_packager.starter import write_configuration

    file, guesses, missing = write_configuration(directory)
    if shared.as_json:
        emit_json({"file": str(file), "guesses": guesses, "missing": missing})
    elif not shared.quiet:
        console().print(f"[bold green]wrote[/] {file}", soft_wrap=True)
        for line in guesses:
            console().print(f"  {line}", markup=False, soft_wrap=True)
        for line in missing:
            console().print(f"[bold yellow]to do:[/] {line}", soft_wrap=True)
        console().print("next: look it over, then run `runtime-packager assemble`")


def _wire(shared: Shared, directory: Path) -> None:
    from runtime_packager import __version__
    from runtime_packager.config import find_config, load_config
    from runtime_packager.wiring import write_wiring

    start = directory if shared.project == Path() else shared.project
    wired = write_wiring(directory, lambda: load_config(find_config(start)))
    if shared.as_json:
        emit_json(
            {
                "directory": str(wired.folder),
                "version": __version__,
                "before": wired.before,
                "written": wired.written,
                "removed": wired.removed,
                "builder": str(wired.builder),
                "builder_written": wired.builder_written,
                "add": wired.add,
                "todo": wired.todo,
            }
        )
        return
    if wired.add:
        click.echo(wired.add, nl=False)
    if shared.quiet:
        return
    say = console().print
    changed = len(wired.written) + len(wired.removed)
    since = f", {wired.before} before" if wired.before not in (None, __version__) else ""
    done = f"{changed} files changed" if changed else "as they were"
    say(f"[bold green]{wired.folder}[/]: version {__version__}{since}, {done}", soft_wrap=True)
    if wired.builder_written:
        say(f"[bold green]wrote[/] {wired.builder}", soft_wrap=True)
    elif wired.add:
        say(f"[bold yellow]to do:[/] add the lines above to {wired.builder}, which was not touched")
    say("next:")
    for line in wired.todo:
        say(f"  {line}", markup=False, soft_wrap=True)
