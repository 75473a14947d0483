"""``runtime-packager smoke``: can everything in this runtime be imported?"""

from __future__ import annotations

import time
from pathlib import Path

import click

from runtime_packager.cli.common import Shared, profile_option, shared_options
from runtime_packager.cli.output import console, emit_json
from runtime_packager.cli.reporting import reporter


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="What one module may take.  [default: 60]",
)
@profile_option
@shared_options
def command(shared: Shared, directory: Path, timeout: float | None, profile: str | None) -> None:
    """Import everything in a runtime of this machine's platform, with its own interpreter.

    Every module of the app, every module it imports anywhere, and those of every requirement;
    what checks.optional-imports names is left alone. Exit code 4, with every failure named, when
    one cannot be imported. Verifies nothing: see the command verify.
    """
    from packaging.version import Version

    from runtime_packager.manifest import stated_release
    from runtime_packager.platforms import find_target
    from runtime_packager.smoking import TIMEOUT, smoke

    config = shared.config_if_any(profile)
    release = stated_release(directory)
    began = time.perf_counter()
    with reporter(quiet=shared.silent) as progress:
        found = smoke(
            directory,
            find_target(release.platform),
            Version(str(release.interpreters[0]["python"])),
            progress,
            optional=config.checks.optional_imports if config else (),
            timeout=timeout or TIMEOUT,
        )
    seconds = time.perf_counter() - began
    if shared.as_json:
        emit_json(
            {
                "directory": str(directory),
                "product": release.product,
                "version": release.version,
                "platform": release.platform,
                "modules": found.modules,
                "optional": list(found.optional),
                "interpreters": found.interpreters,
                "seconds": round(seconds, 3),
            }
        )
    elif not shared.quiet:
        left = f", {len(found.optional)} optional left alone" if found.optional else ""
        console().print(
            f"[bold green]imported[/] {found.modules} modules of {release.product} "
            f"{release.version}{left} in {seconds:.2f} s",
            soft_wrap=True,
        )
