"""``runtime-packager smoke``: can everything in this runtime be imported?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime_packager.cli.common import Shared, shared_options
from runtime_packager.cli.output import console, emit_json
from runtime_packager.cli.reporting import reporter
from runtime_packager.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="What one module may take.  [default: 60]",
)
@shared_options
def command(shared: Shared, directory: Path, timeout: float | None) -> None:
    """Import everything in a runtime of this machine's platform, with its own interpreter.

    Every module of the app, every module it imports anywhere, and those of every requirement;
    what checks.optional-imports names is left alone. Exit code 4, with every failure named, when
    one cannot be imported. Verifies nothing: see the command verify.
    """
    from packaging.version import Version

    from runtime_packager.manifest import stated_release
    from runtime_packager.platforms import find_target
    from runtime_packager.smoking import TIMEOUT, smoke

    release = stated_release(directory)
    began = time.perf_counter()
    with reporter(quiet=shared.silent) as progress:
        found = smoke(
            directory,
            find_target(release.platform),
            Version(str(release.interpreters[0]["python"])),
            progress,
            optional=_optional(shared),
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


def _optional(shared: Shared) -> Sequence[str]:
    """The project's exceptions, when we are in one: a runtime can be tried anywhere."""
    from runtime_packager.config import find_config, load_config

    try:
        file = find_config(shared.project)
    except InputError:
        return ()
    return load_config(file).checks.optional_imports
