"""Where a signer comes from: a key file, an environment variable or an external command.

The only part of this package that starts a process or reads the environment. Passphrases are
asked for by a function and never stand in a command line.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime_packager.errors import BuildError, InputError
from runtime_packager.manifest.keyfile import needs_passphrase, open_key, read_key
from runtime_packager.manifest.keys import PrivateKey, PublicKey, Signer
from runtime_packager.manifest.problems import IntegrityFailure

SIGN_SECONDS = 300.0
"""How long an external signer may take: a person may have to touch a token."""

SIGNATURE_SIZE = 64

_PUBLIC = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class CommandSigner:
    """A program that signs: the message on its stdin, the signature on its stdout.

    The signature is 64 raw bytes or their base64. It is checked against ``public`` before it is
    used for anything, so a program that signs with another key is found at once.
    """

    command: tuple[str, ...]
    public: PublicKey

    def sign(self, message: bytes) -> bytes:
        """See :class:`Signer`.

        :raises BuildError: when the command fails or its signature is not ``public``'s.
        """
        signature = _signature_of(self._run(message), self.command[0])
        if not self.public.verifies(signature, message):
            raise BuildError(
                f"what {self.command[0]} signed does not verify against key {self.public.keyid}",
                "give the public key that belongs to the command's private key",
            )
        return signature

    def _run(self, message: bytes) -> bytes:
        name = self.command[0]
        try:
            done = subprocess.run(
                self.command, input=message, capture_output=True, timeout=SIGN_SECONDS, check=False
            )
        except OSError as error:
            raise BuildError(f"{name} could not be started: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise BuildError(f"{name} did not sign within {SIGN_SECONDS:.0f} s") from error
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines()[-20:]
            raise BuildError(f"{name} ended with exit code {done.returncode}", details=lines)
        return done.stdout


def load_signer(
    reference: str,
    passphrase: Callable[[], bytes] | None = None,
    *,
    public: PublicKey | None = None,
    environ: Mapping[str, str] | None = None,
) -> Signer:
    """The signer that ``reference`` names.

    :param reference: a key file's path; ``env:NAME``, a variable that holds a container; or
        ``cmd:PUBLIC:PROGRAM ARGUMENT...``, split like a POSIX shell splits (none is started),
        where PUBLIC is the 64 hex digits of the public key, left out when ``public`` is given.
    :param passphrase: called at most once, and only for an encrypted key.
    :param public: the key a command signs with; the others know theirs.
    :param environ: instead of our own environment.
    :raises InputError: when there is no such thing, or it cannot be opened.
    """
    if reference.startswith("cmd:"):
        return _command_signer(reference.removeprefix("cmd:"), public)
    if reference.startswith("env:"):
        name = reference.removeprefix("env:")
        value = (os.environ if environ is None else environ).get(name, "")
        if not value:
            raise InputError(
                f"the environment variable {name} is empty or not set",
                "it must hold the JSON of a private key file",
            )
        return _opened(value.encode(), passphrase, f"the environment variable {name}")
    return _opened(read_key(Path(reference)), passphrase, reference)


def _command_signer(command: str, public: PublicKey | None) -> CommandSigner:
    named, colon, rest = command.partition(":")
    if colon and _PUBLIC.fullmatch(named):
        public, command = _release_key(named), rest
    try:
        words = tuple(shlex.split(command, posix=os.name != "nt"))
    except ValueError as error:
        raise InputError(f"the signing command cannot be read: {error}") from error
    if not words:
        raise InputError("the signing command is empty", "cmd:PUBLIC:PROGRAM ARGUMENT...")
    if public is None:
        raise InputError(
            "a signing command needs the public key it signs with",
            "cmd:PUBLIC:PROGRAM ARGUMENT... with the 64 hex digits that keys show prints",
        )
    return CommandSigner(words, public)


def _release_key(text: str) -> PublicKey:
    # What needs a signer of its own is for release, so the stricter rules hold.
    try:
        return PublicKey(bytes.fromhex(text), "release")
    except IntegrityFailure as error:
        raise InputError(error.message) from error


def _opened(data: bytes, passphrase: Callable[[], bytes] | None, what: str) -> PrivateKey:
    try:
        secret = passphrase() if passphrase is not None and needs_passphrase(data) else None
        return open_key(data, secret)
    except IntegrityFailure as error:
        raise InputError(f"{what} is no private key of ours: {error.message}") from error
    except InputError as error:
        raise InputError(f"{what}: {error.message}", error.hint) from error


def _signature_of(output: bytes, name: str) -> bytes:
    if len(output) == SIGNATURE_SIZE:
        return output
    try:
        signature = base64.b64decode(output.strip(), validate=True)
    except binascii.Error:
        signature = b""
    if len(signature) != SIGNATURE_SIZE:
        raise BuildError(
            f"{name} printed {len(output)} bytes that are no Ed25519 signature",
            f"it must print {SIGNATURE_SIZE} raw bytes or their base64, and nothing else",
        )
    return signature
