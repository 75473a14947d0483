"""``runtime-packager trace``: what does a runtime import when it is used?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime_packager.cli.common import Shared, profile_option, shared_options
from runtime_packager.cli.output import console, emit_json, shown
from runtime_packager.cli.reporting import reporter

if TYPE_CHECKING:
    from runtime_packager.tree import Trace


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGS...]")
@click.option(
    "--run-for",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End the app after this long.  [default: when it ends, or at Ctrl-C]",
)
@click.option("--script", metavar="NAME", help="Run this console script instead of the app.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The trace.  [default: <platform>.txt in the config's directory `traced`]",
)
@profile_option
@click.option("--fresh", is_flag=True, help="Forget what earlier runs have seen.")
@shared_options
def command(
    shared: Shared,
    directory: Path,
    arguments: tuple[str, ...],
    seconds: float | None,
    script: str | None,
    output: Path | None,
    profile: str | None,
    fresh: bool,
) -> None:
    """Run a runtime's app with ARGS, and note every module that it and its children import.

    Use all of it that has to work while it runs, once or in several runs: with `untraced = true`
    under [tool.runtime-packager.trim] the next assembly leaves out what none of them imported.
    """
    from runtime_packager.io.files import write_atomic
    from runtime_packager.manifest import stated_release
    from runtime_packager.tracing import record
    from runtime_packager.tree import load_trace, merge_traces, render_trace

    release = stated_release(directory)
    file = (output or shared.config(profile).trace_file(release.platform)).absolute()
    old = {} if fresh else load_trace(file) or {}
    began = time.perf_counter()
    with reporter(quiet=shared.silent) as progress:
        run = record(directory, release, arguments, progress, seconds=seconds, script=script)
    trace = merge_traces(old, run.trace)
    write_atomic(file, render_trace(trace, release.platform).encode())
    took = time.perf_counter() - began
    total, new = _count(trace), len(_names(trace) - _names(old))
    if shared.as_json:
        emit_json(
            {
                "directory": str(directory),
                "platform": release.platform,
                "output": str(file),
                "modules": total,
                "new": new,
                "processes": run.processes,
                "seconds": round(took, 3),
            }
        )
    elif not shared.quiet:
        console().print(
            f"[bold green]traced[/] {total} modules, {new} of them new, in {run.processes} "
            f"process{'es' * (run.processes != 1)} and {took:.1f} s",
            soft_wrap=True,
        )
        console().print(f"  {shown(file)}", soft_wrap=True, markup=False)


def _count(trace: Trace) -> int:
    return len(_names(trace))


def _names(trace: Trace) -> set[tuple[str, str]]:
    return {(name, module) for name, seen in trace.items() for module in seen.modules}
