"""The command line: parse, call, render. The only place with click, colour and exit codes."""

from __future__ import annotations

import importlib
import itertools
import os
import sys
import traceback
from collections.abc import Sequence

import click

from runtime_packager import __version__
from runtime_packager.cli.output import report_bug, report_error, report_interrupt, report_usage
from runtime_packager.cli.secrets import taken
from runtime_packager.errors import PackagerError, machine_faults

COMMANDS = {
    "assemble": "Make the runtime: one relocatable, sealed, signed directory per platform.",
    "lock": "Resolve the requirements for every platform and write the lock files.",
    "verify": "Check a runtime against its signed manifest.",
    "smoke": "Import everything in a runtime, with its own interpreter.",
    "trace": "Note what a runtime imports, so that the next one is made without all else.",
    "sign": "Sign an assembled runtime with another key.",
    "sign-update": "Sign the files of an app's update.",
    "keys": "Make, show, rotate and revoke signing keys.",
    "interpreters": "Show and update the pinned interpreters.",
    "cache": "Show what the cache holds, and empty it.",
    "ci": "Write workflows that assemble and try the runtimes.",
    "doctor": "Say what this machine lacks, before a build finds out.",
    "init": "Write a commented configuration for a project.",
}
"""Every command and its line of help, so that --help imports none of them."""

EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells count."""


class _Lazy(click.Group):
    """Imports a command's module when the command is used."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"runtime_packager.cli.{name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="runtime-packager")
def group() -> None:
    """Ship a Python backend inside an Electron app without freezing it.

    runtime-packager puts a real interpreter, the requirements and the app into one directory
    per platform, seals and signs it. Start with `runtime-packager init`, then
    `runtime-packager assemble`.

    Exit codes: 0 done, 1 a bug of ours, 2 usage or input, 3 network, 4 build, 5 integrity.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_run(words))


def _run(words: list[str]) -> int:
    # What stands behind -- is another program's.
    as_json = "--json" in itertools.takewhile(lambda word: word != "--", words)
    try:
        # Without standalone mode click hands an exit code back instead of exiting with it.
        with machine_faults(), taken(words) as secrets:
            name = "runtime-packager"
            return group.main(words, prog_name=name, standalone_mode=False, obj=secrets) or 0
    except click.ClickException as error:
        report_usage(error, as_json)
        return 2
    except (KeyboardInterrupt, click.Abort):
        report_interrupt(as_json)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away; Python would complain again while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except PackagerError as error:
        report_error(error, as_json)
        return error.exit_code
    except Exception as error:
        if _interrupted(error):
            report_interrupt(as_json)
            return EXIT_INTERRUPTED
        report_bug(traceback.format_exc(), as_json)
    return 1


def _interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind it: inside the standard library's locks it surfaces as another."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False
