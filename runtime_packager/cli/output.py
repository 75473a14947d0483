"""What people and machines read: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runtime_packager.errors import InputError, PackagerError

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Where people read: stderr, coloured when it is a terminal and NO_COLOR is not set."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def emit_json(result: Mapping[str, Any]) -> None:
    """One JSON document on stdout: the whole answer to ``--json``."""
    click.echo(json.dumps({"ok": True, **result}, indent=2, ensure_ascii=False))


def report_error(error: PackagerError, as_json: bool) -> None:
    """Say what went wrong and what to do about it."""
    if as_json:
        shown = {
            "kind": error.kind,
            "message": error.message,
            "details": list(error.details),
            "hint": error.hint,
            "exit_code": error.exit_code,
        }
        click.echo(json.dumps({"ok": False, "error": shown}, indent=2, ensure_ascii=False))
        return
    click.echo(f"{styled('error:', 'red', bold=True)} {error.message}", err=True)
    for line in error.details:
        click.echo(f"  {line}", err=True)
    if error.hint:
        click.echo(f"{styled('hint:', 'cyan', bold=True)} {error.hint}", err=True)


def report_usage(error: click.ClickException, as_json: bool) -> None:
    """Wrong words on the command line; click says it best to people."""
    if as_json:
        report_error(InputError(error.format_message()), as_json)
    else:
        error.show()


def report_interrupt(as_json: bool) -> None:
    """Ctrl-C: say that nothing was lost; of several outputs some may already be the new ones."""
    message = "stopped; every output is whole, and what was complete will be reused"
    if as_json:
        shown = {"kind": "interrupted", "message": message, "exit_code": 130}
        click.echo(json.dumps({"ok": False, "error": shown}, indent=2))
    else:
        click.echo(f"\n{message}", err=True)


def report_bug(trace: str, as_json: bool) -> None:
    """An exception that is ours to answer for."""
    if as_json:
        shown = {"kind": "bug", "message": trace.strip().splitlines()[-1], "traceback": trace}
        click.echo(json.dumps({"ok": False, "error": shown}, indent=2))
        return
    click.echo(trace, err=True, nl=False)
    click.echo(
        "This is a bug in runtime-packager. Please report it with the lines above.", err=True
    )


def styled(text: str, colour: str, *, bold: bool = False) -> str:
    """``text`` in colour where stderr is a terminal and NO_COLOR is not set."""
    if os.environ.get("NO_COLOR") or not sys.stderr.isatty():
        return text
    return click.style(text, fg=colour, bold=bold)


def shown(path: Path) -> str:
    """A path for people: relative to where they are when it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def size_text(size: float) -> str:
    """Bytes for people: ``812 B``, ``31.4 MB`` (powers of ten, as disks and downloads count)."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"
