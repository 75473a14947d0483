"""``runtime-packager lock``: resolve for every platform."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from runtime_packager.cli.common import (
    Shared,
    chosen_targets,
    platform_option,
    profile_option,
    shared_options,
)
from runtime_packager.cli.output import console, emit_json
from runtime_packager.cli.reporting import reporter

if TYPE_CHECKING:
    from runtime_packager.config import Config
    from runtime_packager.wheels import Lock


@click.command()
@platform_option
@profile_option
@click.option("--check", is_flag=True, help="Only say whether the locks fit the requirements.")
@shared_options
def command(shared: Shared, platforms: tuple[str, ...], profile: str | None, check: bool) -> None:
    """Resolve the requirements for every platform and write the lock files.

    pip resolves as the target: with its environment markers and its wheel tags. What has no wheel
    somewhere, or compiles, is reported for all platforms at once, and then nothing is written. The
    locks are PEP 751 files, manifests/locks/pylock.<platform>.toml; commit them. Another
    profile's lie in a folder of its name.
    """
    from runtime_packager import locking

    config = shared.config(profile)
    targets = locking.expand(config, chosen_targets(config, platforms, config.platforms))
    if check:
        _check(shared, config, locking.stale(config, targets))
        return
    began = time.perf_counter()
    before = {target.name: locking.read_or_none(config, target) for target in targets}
    with reporter(quiet=shared.silent) as progress:
        locks = locking.make_all(config, targets, shared.cache(config), progress)
    seconds = time.perf_counter() - began
    if shared.as_json:
        apart = locking.differences(locks)
        emit_json(
            {"locks": _rows(config, locks), "differences": apart, "seconds": round(seconds, 3)}
        )
    elif not shared.silent:
        for name, lock in locks.items():
            _report(name, before[name], lock)
        for package, versions in locking.differences(locks).items():
            shown = "; ".join(f"{v} on {', '.join(names)}" for v, names in versions.items())
            console().print(f"  {package} differs: {shown}", markup=False, soft_wrap=True)
        console().print(f"{len(locks)} platforms in {seconds:.1f} s")


def _rows(config: Config, locks: Mapping[str, Lock]) -> list[dict[str, Any]]:
    return [
        {
            "platform": name,
            "file": str(config.locks / f"pylock.{name}.toml"),
            "packages": {package.name: package.version for package in lock.packages},
        }
        for name, lock in locks.items()
    ]


def _report(name: str, before: Lock | None, lock: Lock) -> None:
    out = console()
    out.print(f"[bold green]locked[/] {name}: {len(lock.packages)} packages")
    old = {p.name: p.version for p in before.packages} if before else {}
    new = {p.name: p.version for p in lock.packages}
    if before is None:
        return
    for package in sorted(old.keys() | new.keys()):
        was, now = old.get(package), new.get(package)
        if was != now:
            out.print(f"  {package} {was or 'added'} -> {now or 'removed'}", markup=False)


def _check(shared: Shared, config: Config, stale: dict[str, str]) -> None:
    if stale:
        from runtime_packager.locking import misfits

        raise misfits(config, stale)
    if shared.as_json:
        emit_json({"locks": "up to date"})
    elif not shared.quiet:
        console().print("[bold green]up to date[/]")
