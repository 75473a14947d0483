"""``runtime-packager verify``: is this runtime what was signed, and does it stay that?"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runtime_packager.cli.common import Shared, shared_options
from runtime_packager.cli.output import console, emit_json, size_text
from runtime_packager.cli.reporting import reporter
from runtime_packager.cli.signing import Trust, root_option, trusted_option

if TYPE_CHECKING:
    from runtime_packager.afterrun import Proof
    from runtime_packager.manifest import SignedAfter, Verified

RUN_FOR = 10.0
"""Seconds the app may run when nothing else is said."""

NAMED = 5
"""How many programs that were signed afterwards are named; ``--json`` names all."""


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGS...]")
@click.option(
    "--level",
    type=click.Choice(["full", "quick", "exe"]),
    default="full",
    show_default=True,
    help="full: every byte. quick: every path, size and mode; bytes of executables. "
    "exe: the signature and the executables.",
)
@trusted_option
@root_option
@click.option(
    "--unexpired",
    is_flag=True,
    help="Fail when the root has expired: for who takes an update, not for what is installed.",
)
@click.option("--platform", "platform", metavar="NAME", help="Fail unless it is for this target.")
@click.option("--min-epoch", type=click.IntRange(min=0), help="Fail for an older release epoch.")
@click.option(
    "--allow-code-signing",
    is_flag=True,
    help="Accept programs that differ in their Authenticode or Apple code signature alone, and "
    "name them. Whether such a signature is valid, the system knows.",
)
@click.option(
    "--after-run",
    is_flag=True,
    help="Then run the app with ARGS, and its interpreter as the app's children would be, and "
    "fail if anything was written into the runtime.",
)
@click.option(
    "--run-for",
    "seconds",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help=f"With --after-run: end the app after this long.  [default: {RUN_FOR:g}]",
)
@shared_options
def command(
    shared: Shared,
    directory: Path,
    arguments: tuple[str, ...],
    level: str,
    trusted_file: Path | None,
    roots: tuple[Path, ...],
    unexpired: bool,
    platform: str | None,
    min_epoch: int | None,
    allow_code_signing: bool,
    after_run: bool,
    seconds: float | None,
) -> None:
    """Check a runtime against its signed manifest.

    Exit code 5, with every difference named, when it is not exactly what was signed.
    """
    from runtime_packager.manifest import Level, verify_tree
    from runtime_packager.platforms import find_target

    if not after_run and (arguments or seconds is not None):
        raise click.UsageError("ARGS and --run-for say how to run the app: add --after-run")
    if trusted_file and (roots or unexpired):
        raise click.UsageError("--trusted names keys itself: leave --root and --unexpired out")
    config = shared.config_if_any()
    trust = Trust(trusted_file, roots, unexpired)
    verify = functools.partial(
        verify_tree,
        directory,
        trust.keys(directory, config, shared.cache(config)),
        expected_platform=find_target(platform).name if platform else None,
        minimum_epoch=min_epoch,
        allow_code_signing=allow_code_signing,
    )
    began = time.perf_counter()
    with reporter(quiet=shared.silent) as progress:
        found = verify(level=Level(level), progress=progress)
    took = time.perf_counter() - began
    proof = None
    if after_run:
        from runtime_packager.afterrun import prove

        with reporter(quiet=shared.silent) as progress:
            proof = prove(
                directory,
                found.release,
                arguments,
                seconds=RUN_FOR if seconds is None else seconds,
                verify=verify,
                progress=progress,
            )
    if shared.as_json:
        emit_json(_facts(directory, found, took) | ({"after_run": _proof(proof)} if proof else {}))
    elif not shared.quiet:
        _show(found, took, proof)


def _facts(directory: Path, found: Verified, seconds: float) -> dict[str, Any]:
    release = found.release
    return {
        "directory": str(directory),
        "level": found.level.value,
        "product": release.product,
        "version": release.version,
        "epoch": release.epoch,
        "platform": release.platform,
        "tree_root": release.tree_root,
        "files_checked": found.files_checked,
        "bytes_hashed": found.bytes_hashed,
        "signed_by": {
            "keyid": found.keyid,
            "keyids": [key.keyid for key in found.keys],
            "purpose": found.purpose,
        },
        "signed_after": [dataclasses.asdict(program) for program in found.signed_after],
        "seconds": round(seconds, 3),
    }


def _proof(proof: Proof) -> dict[str, Any]:
    return {
        "names_compared": proof.names,
        "runs": [dataclasses.asdict(trial) for trial in proof.trials],
        "skipped": list(proof.skipped),
    }


def _show(found: Verified, seconds: float, proof: Proof | None) -> None:
    release = found.release
    console().print(
        f"[bold green]verified[/] {release.product} {release.version} for {release.platform} "
        f"({found.level}): {found.files_checked} files, {size_text(found.bytes_hashed)} hashed "
        f"in {seconds:.2f} s; signed by {found.purpose} key "
        f"{' and '.join(key.keyid[:16] for key in found.keys)}",
        soft_wrap=True,
    )
    _show_signed(found.signed_after)
    for trial in proof.trials if proof else ():
        end = "ended by itself"
        if trial.app.asked:
            end = "had to be killed" if trial.app.code is None else "was ended"
        console().print(
            f"  as {trial.identity}: the app ran {trial.app.seconds:.1f} s and {end}; children by "
            f"{', '.join(trial.children)} imported {trial.modules} modules",
            markup=False,
            soft_wrap=True,
        )
    if proof:
        console().print(
            f"[bold green]unchanged[/] after the run: {proof.names} names, and every byte",
            soft_wrap=True,
        )


def _show_signed(found: Sequence[SignedAfter]) -> None:
    """Name the programs that were signed, or lost a signature, after they were sealed."""
    from runtime_packager.manifest import printable

    for signed, words in ((True, "another code signature"), (False, "no code signature now")):
        paths = [printable(program.path) for program in found if program.signed is signed]
        if paths:
            shown = ", ".join(paths[:NAMED]) + (", ..." if len(paths) > NAMED else "")
            console().print(
                f"  {words}, otherwise as sealed: {len(paths)} ({shown})",
                markup=False,
                soft_wrap=True,
            )
