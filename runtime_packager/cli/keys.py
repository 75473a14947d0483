"""``runtime-packager keys``: make and show signing keys, and say which of them count."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import click

from runtime_packager.cli import roots
from runtime_packager.cli.common import Shared, require, shared_options
from runtime_packager.cli.output import console, emit_json
from runtime_packager.cli.secrets import PASSPHRASE_VARIABLE, secret_variables

LONGEST_COMMENT = 1024
"""Bytes, as lists of keys take them."""


@click.group()
def command() -> None:
    """Make and show signing keys, and say which of them count."""


command.add_command(roots.group)
command.add_command(roots.rotate)
command.add_command(roots.revoke)


@command.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--purpose",
    type=click.Choice(["release", "development"]),
    default="release",
    show_default=True,
    help="Development keys are not encrypted, and what they sign is not for release.",
)
@shared_options
def generate(shared: Shared, file: Path, purpose: str) -> None:
    """Make an Ed25519 key and write it to FILE, encrypted with a passphrase.

    The passphrase is asked for, or taken from RUNTIME_PACKAGER_PASSPHRASE. The line to add to
    the trusted keys is printed.
    """
    from runtime_packager.manifest import TrustedKeys, generate_key, render_trusted, save_key

    require(
        not file.exists(), f"{file} exists already", "choose another name; keys are not replaced"
    )
    key = generate_key(purpose)  # type: ignore[arg-type]
    save_key(key, file, _new_passphrase() if purpose == "release" else None)
    if shared.as_json:
        emit_json({"file": str(file), "keyid": key.public.keyid, "public": key.public.text})
        return
    if not shared.quiet:
        console().print(
            f"[bold green]made[/] {purpose} key {key.public.keyid} in {file}", soft_wrap=True
        )
        console().print("keep it out of version control; add its public half to the trusted keys:")
    click.echo(render_trusted(TrustedKeys((key.public,))).decode().rstrip())


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--comment", default="", help="Whose key it is, for who reads lists of keys.")
@shared_options
def show(shared: Shared, file: Path, comment: str) -> None:
    """Show the public half of the key in FILE; no passphrase is needed."""
    from runtime_packager.manifest import TrustedKeys, load_public, render_trusted

    require(
        comment.isprintable() and len(comment.encode()) <= LONGEST_COMMENT,
        f"--comment: a line of at most {LONGEST_COMMENT} bytes expected",
    )
    public = dataclasses.replace(load_public(file), comment=comment)
    if shared.as_json:
        emit_json({"keyid": public.keyid, "purpose": public.purpose, "public": public.text})
        return
    click.echo(render_trusted(TrustedKeys((public,))).decode().rstrip())


@command.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write it into this directory, as root.dsse.json or trusted-keys.json; the other goes.",
)
@shared_options
def trusted(shared: Shared, directory: Path, output: Path | None) -> None:
    """Show whom an app that carries the runtime in DIRECTORY should believe.

    It is the project's root document, else its trusted keys, as far as they vouch for this runtime;
    else this machine's development key alone. The desktop app carries it in its own code.
    """
    from runtime_packager.cli.signing import KEYS_NAME, ROOT_NAME, exported
    from runtime_packager.io.files import write_atomic

    config = shared.config_if_any()
    found = exported(directory, config, shared.cache(config))
    if output:
        output.mkdir(parents=True, exist_ok=True)
        write_atomic(output / found.name, found.data, 0o644)
        for name in {ROOT_NAME, KEYS_NAME} - {found.name}:
            (output / name).unlink(missing_ok=True)
    if shared.as_json:
        file = str(output / found.name) if output else None
        emit_json({"name": found.name, "purpose": found.purpose, "file": file})
    elif not output:
        click.echo(found.data.decode().rstrip())
    elif not shared.quiet:
        where = f"[bold green]wrote[/] {output / found.name}: believes a {found.purpose} key"
        console().print(where, soft_wrap=True)


def _new_passphrase() -> bytes:
    known = secret_variables().get(PASSPHRASE_VARIABLE)
    if known is not None:
        require(known, f"{PASSPHRASE_VARIABLE} is empty; a release key needs a passphrase")
        return known.encode()
    require(
        sys.stdin.isatty(),
        "a release key needs a passphrase and there is no terminal to ask on",
        f"set {PASSPHRASE_VARIABLE}",
    )
    prompt = click.prompt("passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return str(prompt).encode()
