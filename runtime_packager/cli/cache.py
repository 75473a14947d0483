"""``runtime-packager cache``: what it holds, and how to empty it."""

from __future__ import annotations

import click

from runtime_packager.cli.common import Shared, shared_options
from runtime_packager.cli.output import console, emit_json, size_text
from runtime_packager.errors import InputError
from runtime_packager.io.cache import FOLDERS, Cache, Usage


@click.group()
def command() -> None:
    """Show what the cache holds, and empty it."""


@command.command()
@shared_options
def info(shared: Shared) -> None:
    """Say where the cache is and how much each part of it holds."""
    cache = _cache(shared)
    usage = cache.usage()
    if shared.as_json:
        emit_json({"directory": str(cache.root), "folders": _rows(usage)})
        return
    console().print(str(cache.root), soft_wrap=True)
    for row in usage:
        console().print(f"  {row.folder:<14} {size_text(row.size):>9}  {row.entries} entries")
    console().print(f"  {'total':<14} {size_text(sum(row.size for row in usage)):>9}")


@command.command()
@click.argument("folders", nargs=-1)
@shared_options
def clean(shared: Shared, folders: tuple[str, ...]) -> None:
    """Remove the named FOLDERS of the cache, or all but the keys.

    Everything in it can be fetched or made again. An assembly that is under way meanwhile may
    fail; its previous output stays as it was, and it can be run again.
    """
    cache = _cache(shared)
    if unknown := sorted(set(folders) - set(FOLDERS)):
        names = ", ".join(FOLDERS)
        raise InputError(f"the cache has no folder {', '.join(unknown)}; it has {names}")
    removed = cache.clean(list(folders))
    if shared.as_json:
        emit_json({"directory": str(cache.root), "removed": _rows(removed)})
    elif not shared.quiet:
        freed = size_text(sum(row.size for row in removed))
        console().print(f"[bold green]freed[/] {freed} in {cache.root}", soft_wrap=True)


def _cache(shared: Shared) -> Cache:
    try:
        return shared.cache(shared.config())
    except InputError:
        return shared.cache()


def _rows(usage: list[Usage]) -> list[dict[str, object]]:
    return [{"folder": row.folder, "entries": row.entries, "size": row.size} for row in usage]
