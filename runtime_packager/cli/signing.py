"""Which key signs, and which keys are trusted: given ones, else this project's own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime_packager.cli.secrets import KEY_VARIABLE, PASSPHRASE_VARIABLE, secret_variables
from runtime_packager.errors import InputError

if TYPE_CHECKING:
    from runtime_packager.config import Config
    from runtime_packager.io.cache import Cache
    from runtime_packager.io.progress import Progress
    from runtime_packager.manifest import Purpose, Signer, TrustedKeys

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

trusted_option = click.option(
    "--trusted",
    "trusted_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The keys to believe, as JSON.  [default: the project's and its development key]",
)

root_option = click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The root document to believe; repeat it for those that came after.  "
    "[default: the project's]",
)


def development_key(cache: Cache) -> Path:
    """Where the development key lies: with the cache, never in the project."""
    return cache.root / "keys" / "development.json"


def signer(reference: str | None, cache: Cache, progress: Progress) -> Signer:
    """The signer for ``--key``, the environment, else a development key, made when missing."""
    from runtime_packager.manifest import generate_key, load_signer, save_key

    chosen = reference or os.environ.get(KEY_VARIABLE)
    if chosen:
        environ = {**os.environ, **secret_variables()}
        return load_signer(chosen, passphrase, environ=environ)
    path = development_key(cache)
    with cache.locked("development-key", progress):
        if not path.exists():
            save_key(generate_key("development"), path)
            progress.note(f"made a development key: {path}")
    return load_signer(str(path), None)


def passphrase() -> bytes:
    """The key's passphrase: from the environment, else asked for on the terminal."""
    known = secret_variables().get(PASSPHRASE_VARIABLE)
    if known is not None:
        return known.encode()
    if not sys.stdin.isatty():
        raise InputError(
            "the key needs a passphrase and there is no terminal to ask on",
            f"set {PASSPHRASE_VARIABLE}",
        )
    return str(click.prompt("passphrase", hide_input=True, err=True)).encode()


@dataclass(frozen=True, slots=True)
class Trust:
    """Who is to be believed, as the command line says it.

    :param file: a list of keys.
    :param roots: root documents, the first of which is trusted and followed to the last.
    :param current: refuse a root that has expired.
    """

    file: Path | None = None
    roots: tuple[Path, ...] = ()
    current: bool = False

    def keys(self, directory: Path, config: Config | None, cache: Cache) -> TrustedKeys:
        """The keys to believe of the runtime in ``directory``.

        Those that were named; else what the project's root says, and its development key of
        what it signed alone; else the project's trusted keys and its development key.

        :raises InputError: when there is none at all.
        :raises IntegrityFailure: when a root is not what it should be.
        """
        from runtime_packager.manifest import TrustedKeys, read_trusted, signed_by

        if self.roots:
            return self._rooted(self.roots)
        if self.file:
            return read_trusted(self.file)
        own = _own(cache)
        if config and config.root_document.exists():
            keys = self._rooted([config.root_document])
            alone = own.keys and not signed_by(directory, keys) and signed_by(directory, own)
            return own if alone else keys
        if self.current:
            raise InputError("only a root document expires, and there is none", "name it: --root")
        keys = TrustedKeys(())
        if config and config.trusted_keys.is_file():
            keys = read_trusted(config.trusted_keys)
        keys = keys.plus(own.keys[0]) if own.keys else keys
        if not keys.keys:
            raise InputError(
                "there is no trusted key to verify with",
                "name a file with --trusted or --root, or run it in the project",
            )
        return keys

    def _rooted(self, files: Sequence[Path]) -> TrustedKeys:
        from runtime_packager.manifest import read_chain, require_current

        root = read_chain(files)
        if self.current:
            require_current(root, int(time.time()))
        return root.trusted()


def _own(cache: Cache) -> TrustedKeys:
    from runtime_packager.manifest import TrustedKeys, load_public

    path = development_key(cache)
    return TrustedKeys((load_public(path),) if path.is_file() else ())


@dataclass(frozen=True, slots=True)
class Exported:
    """Whom an app believes of the runtime it carries, as the file it carries beside its code.

    :param name: :data:`ROOT_NAME` or :data:`KEYS_NAME`.
    :param purpose: ``development`` when only this machine's development key vouches for it.
    """

    name: str
    data: bytes
    purpose: Purpose


ROOT_NAME, KEYS_NAME = "root.dsse.json", "trusted-keys.json"
"""What the desktop app looks for in its ``trust/``."""


def exported(directory: Path, config: Config | None, cache: Cache) -> Exported:
    """The narrowest trust of this project that vouches for the runtime in ``directory``.

    Its root document; else its trusted release keys; else all its trusted keys; else the
    development key, which never stands beside others here: an app that is shipped must not
    believe a developer's machine.

    :raises InputError: when none vouches for it.
    :raises IntegrityFailure: when the root or the runtime's envelope cannot be read.
    """
    from runtime_packager.manifest import read_chain, read_trusted, render_trusted, signed_by

    if config and config.root_document.exists():
        root = config.root_document
        if signed_by(directory, read_chain([root]).trusted()):
            return Exported(ROOT_NAME, root.read_bytes(), "release")
    elif config and config.trusted_keys.is_file():
        keys = read_trusted(config.trusted_keys)
        if signed_by(directory, release := keys.only("release")):
            return Exported(KEYS_NAME, render_trusted(release), "release")
        if signed_by(directory, keys):
            return Exported(KEYS_NAME, render_trusted(keys), "development")
    own = _own(cache)
    if own.keys and signed_by(directory, own):
        return Exported(KEYS_NAME, render_trusted(own), "development")
    raise InputError(
        f"nobody this project trusts signed {directory}",
        "sign it with a key of the project's root or trusted keys: runtime-packager sign",
    )
