"""``runtime-packager verify``: is this runtime what was signed?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime_packager.cli.common import Shared, shared_options
from runtime_packager.cli.output import console, emit_json, size_text
from runtime_packager.cli.reporting import reporter
from runtime_packager.cli.signing import trusted
from runtime_packager.errors import InputError

if TYPE_CHECKING:
    from runtime_packager.config import Config


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--level",
    type=click.Choice(["full", "quick", "exe"]),
    default="full",
    show_default=True,
    help="full: every byte. quick: every path, size and mode; bytes of executables. "
    "exe: the signature and the executables.",
)
@click.option(
    "--trusted",
    "trusted_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The keys to believe, as JSON.  [default: the project's and its development key]",
)
@click.option("--platform", "platform", metavar="NAME", help="Fail unless it is for this target.")
@click.option("--min-epoch", type=click.IntRange(min=0), help="Fail for an older release epoch.")
@shared_options
def command(
    shared: Shared,
    directory: Path,
    level: str,
    trusted_file: Path | None,
    platform: str | None,
    min_epoch: int | None,
) -> None:
    """Check a runtime against its signed manifest.

    Exit code 5, with every difference named, when it is not exactly what was signed.
    """
    from runtime_packager.manifest import Level, verify_tree
    from runtime_packager.platforms import find_target

    config = _config(shared)
    keys = trusted(trusted_file, config, shared.cache(config))
    began = time.perf_counter()
    with reporter(quiet=shared.silent) as progress:
        found = verify_tree(
            directory,
            keys,
            Level(level),
            expected_platform=find_target(platform).name if platform else None,
            minimum_epoch=min_epoch,
            progress=progress,
        )
    seconds = time.perf_counter() - began
    release = found.release
    if shared.as_json:
        emit_json(
            {
                "directory": str(directory),
                "level": level,
                "product": release.product,
                "version": release.version,
                "epoch": release.epoch,
                "platform": release.platform,
                "tree_root": release.tree_root,
                "files_checked": found.files_checked,
                "bytes_hashed": found.bytes_hashed,
                "signed_by": {"keyid": found.keyid, "purpose": found.purpose},
                "seconds": round(seconds, 3),
            }
        )
    elif not shared.quiet:
        console().print(
            f"[bold green]verified[/] {release.product} {release.version} for {release.platform} "
            f"({level}): {found.files_checked} files, {size_text(found.bytes_hashed)} hashed "
            f"in {seconds:.2f} s; signed by {found.purpose} key {found.keyid[:16]}",
            soft_wrap=True,
        )


def _config(shared: Shared) -> Config | None:
    """The project's configuration, when we are in one: a runtime can be verified anywhere."""
    try:
        return shared.config()
    except InputError:
        return None
