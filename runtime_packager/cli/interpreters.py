"""``runtime-packager interpreters``: what is pinned, what could be."""

from __future__ import annotations

import click

from runtime_packager.cli.common import Shared, shared_options
from runtime_packager.cli.output import console, emit_json


@click.group()
def command() -> None:
    """Show and update the pinned interpreters."""


@command.command("list")
@click.option("--available", is_flag=True, help="The versions that could be pinned instead.")
@shared_options
def show(shared: Shared, available: bool) -> None:
    """List the pinned interpreters of the project, or every version that could be."""
    from runtime_packager.interpreters import available_versions
    from runtime_packager.locking import catalogue

    if available:
        versions = [str(version) for version in available_versions()]
        if shared.as_json:
            emit_json({"versions": versions})
        else:
            click.echo("\n".join(versions))
        return
    pins = catalogue(shared.config()).pins
    if shared.as_json:
        emit_json(
            {
                "pins": [
                    {
                        "python": str(pin.python),
                        "platform": pin.target,
                        "release": pin.release,
                        "asset": pin.asset,
                        "sha256": pin.sha256,
                    }
                    for pin in pins
                ]
            }
        )
        return
    for pin in pins:
        click.echo(f"{pin.python!s:<9} {pin.target:<12} {pin.release}  {pin.sha256}  {pin.asset}")


@command.command()
@shared_options
def update(shared: Shared) -> None:
    """Pin the config's Python for every platform, from the installed pbs-installer's index.

    `pip install -U pbs-installer` brings a newer index. It has no musl builds: a project that
    lists linux-x64-musl gets their digest from the release's SHA256SUMS.
    """
    from runtime_packager.cli.reporting import reporter
    from runtime_packager.locking import update_catalogue

    config = shared.config()
    with reporter(quiet=shared.silent) as progress:
        result = update_catalogue(config, progress)
    pins = result.catalogue.pins
    missing = [name for _, name in result.missing]
    if shared.as_json:
        emit_json({"file": str(config.pins), "pins": len(pins), "missing": missing})
    elif not shared.quiet:
        names = ", ".join(pin.target for pin in pins)
        console().print(
            f"[bold green]pinned[/] CPython {config.python} for {names} in {config.pins}",
            soft_wrap=True,
        )
        if missing:
            console().print(f"  there is none for {', '.join(missing)}")
