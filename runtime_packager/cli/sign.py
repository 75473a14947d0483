"""``runtime-packager sign``: sign an assembled runtime anew."""

from __future__ import annotations

from pathlib import Path

import click

from runtime_packager.cli.common import Shared, require, shared_options
from runtime_packager.cli.output import console, emit_json
from runtime_packager.cli.secrets import KEY_VARIABLE
from runtime_packager.cli.signing import key_option, signer, unofficial_option


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@key_option
@click.option(
    "--add",
    is_flag=True,
    help="Keep the signatures of other keys, for a release that several have to sign.",
)
@unofficial_option
@shared_options
def command(
    shared: Shared, directory: Path, key: str | None, add: bool, allow_unofficial: bool
) -> None:
    """Sign an assembled runtime with another key.

    Every byte is first checked against the manifest that is there; the release it states stays
    the same, and the new signature replaces those that are there, or with --add joins them.
    """
    import os

    from runtime_packager.cli.reporting import reporter
    from runtime_packager.manifest import resign

    require(
        key or os.environ.get(KEY_VARIABLE),
        "no key to sign with",
        f"name one with --key or {KEY_VARIABLE}; `runtime-packager keys generate` makes one",
    )
    with reporter(quiet=shared.silent) as progress:
        signing = signer(key, shared.cache(), progress)
        release = resign(
            directory, signing, add=add, allow_unofficial=allow_unofficial, progress=progress
        )
    if shared.as_json:
        emit_json({"directory": str(directory), "keyid": signing.public.keyid})
    elif not shared.quiet:
        console().print(
            f"[bold green]signed[/] {release.product} {release.version} for {release.platform} "
            f"with {signing.public.purpose} key {signing.public.keyid[:16]}",
            soft_wrap=True,
        )
