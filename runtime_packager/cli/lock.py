"""``runtime-packager lock``: resolve for every platform."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from runtime_packager.cli.common import Shared, chosen_targets, platform_option, shared_options
from runtime_packager.cli.output import console, emit_json
from runtime_packager.cli.reporting import reporter
from runtime_packager.errors import InputError

if TYPE_CHECKING:
    from runtime_packager.wheels import Lock


@click.command()
@platform_option
@click.option("--check", is_flag=True, help="Only say whether the locks fit the requirements.")
@shared_options
def command(shared: Shared, platforms: tuple[str, ...], check: bool) -> None:
    """Resolve the requirements for every platform and write the lock files.

    pip resolves as the target: with its environment markers and its wheel tags. The locks are
    PEP 751 files, manifests/locks/pylock.<platform>.toml; commit them.
    """
    from runtime_packager import locking

    config = shared.config()
    targets = chosen_targets(config, platforms, config.platforms)
    if check:
        _check(shared, locking.stale(config, targets))
        return
    rows = []
    for target in targets:
        began = time.perf_counter()
        with reporter(quiet=shared.silent) as progress:
            before = locking.read_or_none(config, target)
            lock = locking.make(config, target, progress)
        rows.append((target.name, lock, time.perf_counter() - began))
        if not shared.silent:
            _report(target.name, before, lock, rows[-1][2])
    if shared.as_json:
        emit_json(
            {
                "locks": [
                    {
                        "platform": name,
                        "file": str(config.locks / f"pylock.{name}.toml"),
                        "packages": {p.name: p.version for p in lock.packages},
                        "seconds": round(seconds, 3),
                    }
                    for name, lock, seconds in rows
                ]
            }
        )


def _report(name: str, before: Lock | None, lock: Lock, seconds: float) -> None:
    out = console()
    out.print(f"[bold green]locked[/] {name}: {len(lock.packages)} packages in {seconds:.1f} s")
    old = {p.name: p.version for p in before.packages} if before else {}
    new = {p.name: p.version for p in lock.packages}
    if before is None:
        return
    for package in sorted(old.keys() | new.keys()):
        was, now = old.get(package), new.get(package)
        if was != now:
            out.print(f"  {package} {was or 'added'} -> {now or 'removed'}", markup=False)


def _check(shared: Shared, stale: dict[str, str]) -> None:
    if stale:
        raise InputError(
            "the locks do not fit the requirements",
            "run `runtime-packager lock`",
            details=[f"{name}: {reason}" for name, reason in stale.items()],
        )
    if shared.as_json:
        emit_json({"locks": "up to date"})
    elif not shared.quiet:
        console().print("[bold green]up to date[/]")
