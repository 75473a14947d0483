"""``runtime-packager sign``: sign an assembled runtime anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime_packager.cli.common import Shared, require, shared_options
from runtime_packager.cli.output import console, emit_json
from runtime_packager.cli.reporting import reporter
from runtime_packager.cli.secrets import KEY_VARIABLE
from runtime_packager.cli.signing import (
    Trust,
    key_option,
    root_option,
    signer,
    trusted_option,
    unofficial_option,
)

if TYPE_CHECKING:
    from runtime_packager.manifest import Release, SignedAfter, Signer


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@key_option
@click.option(
    "--add",
    is_flag=True,
    help="Keep the signatures of other keys, for a release that several have to sign.",
)
@click.option(
    "--after-code-signing",
    "after_code_signing",
    is_flag=True,
    help="Seal programs with the Authenticode or Apple code signatures they got since: on the word "
    "of trusted keys, and if nothing else differs.",
)
@trusted_option
@root_option
@unofficial_option
@shared_options
def command(
    shared: Shared,
    directory: Path,
    key: str | None,
    add: bool,
    after_code_signing: bool,
    trusted_file: Path | None,
    roots: tuple[Path, ...],
    allow_unofficial: bool,
) -> None:
    """Sign an assembled runtime with another key.

    Every byte is first checked against the manifest that is there; the release it states stays
    the same, and the new signature replaces those that are there, or with --add joins them.

    With --after-code-signing the manifest is made anew where programs were code-signed, and left
    as it is where none was; a development key signs if none is named.
    """
    if after_code_signing:
        if add:
            raise click.UsageError("a new manifest has no other signatures: leave --add out")
        trust = Trust(trusted_file, roots)
        _after_code_signing(shared, directory, key, trust, allow_unofficial)
        return
    if trusted_file or roots:
        raise click.UsageError("--trusted and --root belong to --after-code-signing")
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
        _tell("signed", release, signing)


def _after_code_signing(
    shared: Shared, directory: Path, key: str | None, trust: Trust, allow_unofficial: bool
) -> None:
    from runtime_packager.manifest import reseal

    config = shared.config_if_any()
    cache = shared.cache(config)
    with reporter(quiet=shared.silent) as progress:
        trusted = trust.keys(directory, config, cache)
        signing = signer(key, cache, progress)
        done = reseal(
            directory, signing, trusted, allow_unofficial=allow_unofficial, progress=progress
        )
    if shared.as_json:
        emit_json(_facts(directory, done.programs, signing))
    elif shared.quiet:
        return
    elif done.programs:
        _tell(
            f"sealed again, {len(done.programs)} programs were code-signed:", done.release, signing
        )
    else:
        console().print("no program was code-signed: the manifest is as it was")


def _facts(
    directory: Path, programs: tuple[SignedAfter, ...], signing: Signer
) -> dict[str, object]:
    return {
        "directory": str(directory),
        "keyid": signing.public.keyid if programs else None,
        "programs": [program.path for program in programs],
    }


def _tell(what: str, release: Release, signing: Signer) -> None:
    console().print(
        f"[bold green]{what}[/] {release.product} {release.version} for {release.platform} "
        f"with {signing.public.purpose} key {signing.public.keyid[:16]}",
        soft_wrap=True,
    )
