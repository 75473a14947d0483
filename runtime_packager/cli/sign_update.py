"""``runtime-packager sign-update``: vouch for the files of an app's update."""

from __future__ import annotations

from pathlib import Path

import click

from runtime_packager.cli.common import Shared, shared_options
from runtime_packager.cli.output import console, emit_json
from runtime_packager.cli.signing import key_option, signer


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--app-version", required=True, metavar="VERSION", help="The app's new version.")
@click.option("-p", "--platform", required=True, metavar="NAME", help="Such as linux-x64.")
@key_option
@click.option("--add", is_flag=True, help="Keep the signatures of other keys.")
@shared_options
def command(
    shared: Shared,
    files: tuple[Path, ...],
    app_version: str,
    platform: str,
    key: str | None,
    add: bool,
) -> None:
    """Sign what an app's update consists of.

    FILES are all that the update's latest*.yml names: the AppImage, the installer, the zip. The
    statement is written beside the first one, as update-VERSION-PLATFORM.dsse.json, and is
    published with them.
    """
    from runtime_packager.cli.reporting import reporter
    from runtime_packager.manifest.update import render_update, sign_update, statement_name
    from runtime_packager.platforms import find_target

    config = shared.config()
    name = find_target(platform).name
    with reporter(quiet=shared.silent) as progress:
        signing = signer(key, shared.cache(config), progress)
        payload = render_update(config.name, app_version, name, files)
        place = files[0].parent / statement_name(app_version, name)
        sign_update(payload, signing, place, add=add)
    if shared.as_json:
        emit_json({"statement": str(place), "keyid": signing.public.keyid})
    elif not shared.quiet:
        console().print(
            f"[bold green]signed[/] {config.name} {app_version} for {name} with "
            f"{signing.public.purpose} key {signing.public.keyid[:16]}: {place}",
            soft_wrap=True,
        )
