"""Which key signs, and which keys are trusted: given ones, else this project's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime_packager.errors import InputError

if TYPE_CHECKING:
    from runtime_packager.config import Config
    from runtime_packager.io.cache import Cache
    from runtime_packager.io.progress import Progress
    from runtime_packager.manifest import Signer, TrustedKeys

KEY_VARIABLE = "RUNTIME_PACKAGER_KEY"
PASSPHRASE_VARIABLE = "RUNTIME_PACKAGER_PASSPHRASE"  # noqa: S105 - a variable's name

key_option = click.option(
    "--key",
    metavar="KEY",
    help="The signing key: a file, env:NAME, or cmd:PUBLIC:COMMAND.  "
    f"[env var: {KEY_VARIABLE}; default: a development key]",
)


unofficial_option = click.option(
    "--allow-unofficial-interpreter",
    "allow_unofficial",
    is_flag=True,
    help="Let a release key sign a runtime whose interpreter is no official release.",
)


def development_key(cache: Cache) -> Path:
    """Where the development key lies: with the cache, never in the project."""
    return cache.root / "keys" / "development.json"


def signer(reference: str | None, cache: Cache, progress: Progress) -> Signer:
    """The signer for ``--key``, the environment, else a development key, made when missing."""
    from runtime_packager.manifest import generate_key, load_signer, save_key

    chosen = reference or os.environ.get(KEY_VARIABLE)
    if chosen:
        return load_signer(chosen, passphrase)
    path = development_key(cache)
    with cache.locked("development-key", progress):
        if not path.exists():
            save_key(generate_key("development"), path)
            progress.note(f"made a development key: {path}")
    return load_signer(str(path), None)


def passphrase() -> bytes:
    """The key's passphrase: from the environment, else asked for on the terminal."""
    known = os.environ.get(PASSPHRASE_VARIABLE)
    if known is not None:
        return known.encode()
    if not sys.stdin.isatty():
        raise InputError(
            "the key needs a passphrase and there is no terminal to ask on",
            f"set {PASSPHRASE_VARIABLE}",
        )
    return str(click.prompt("passphrase", hide_input=True, err=True)).encode()


def trusted(file: Path | None, config: Config | None, cache: Cache) -> TrustedKeys:
    """The keys to believe: of ``file``; else the project's, and its development key.

    :raises InputError: when there is none at all.
    """
    from runtime_packager.manifest import TrustedKeys, load_public, read_trusted

    if file:
        return read_trusted(file)
    keys = TrustedKeys(())
    if config and config.trusted_keys.is_file():
        keys = read_trusted(config.trusted_keys)
    if development_key(cache).is_file():
        keys = keys.plus(load_public(development_key(cache)))
    if not keys.keys:
        raise InputError(
            "there is no trusted key to verify with",
            "name a file with --trusted, or run it in the project",
        )
    return keys
