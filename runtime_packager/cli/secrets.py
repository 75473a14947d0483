"""Keys and passphrases that come in the environment: for us, and for no program that we start.

Children inherit the environment, and some are other people's code: the build of a source archive,
the modules of the app. So what is secret is taken out of it before a command begins. (A program of
the same user can still read what we were started with, where the system shows that. A signature
that matters is made in a step of its own, by `sign`, which starts nobody else's code.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import click

KEY_VARIABLE = "RUNTIME_PACKAGER_KEY"
PASSPHRASE_VARIABLE = "RUNTIME_PACKAGER_PASSPHRASE"  # noqa: S105 - a variable's name
FROM_VARIABLE = "env:"
"""What a key's reference begins with that names a variable."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The variables that were taken out of the environment, by name."""

    variables: Mapping[str, str]


@contextmanager
def taken(words: list[str]) -> Iterator[Secrets]:
    """What is secret, which is not in the environment for the length of the block.

    :param words: the command line, whose ``--key`` may name a variable.
    """
    references = [os.environ.get(KEY_VARIABLE, "")]
    references += [word.removeprefix("--key=") for word in words if word.startswith("--key=")]
    references += [after for word, after in pairwise(words) if word == "--key"]
    named = [r.removeprefix(FROM_VARIABLE) for r in references if r.startswith(FROM_VARIABLE)]
    names = {PASSPHRASE_VARIABLE, *named} & os.environ.keys()
    variables = {name: os.environ.pop(name) for name in names}
    try:
        yield Secrets(variables)
    finally:
        os.environ.update(variables)


def secret_variables() -> Mapping[str, str]:
    """The variables that the running command may take secrets from."""
    found: object = click.get_current_context().find_root().obj
    return found.variables if isinstance(found, Secrets) else {}
