"""The private key container: JSON, encrypted with a passphrase.

Rules:

1. Strict JSON with exactly the keys of :func:`seal_key`; binary values are lower-case hex.
2. ``cipher`` is ChaCha20-Poly1305 (RFC 8439) under a key that scrypt (RFC 7914) makes of the
   passphrase; all other fields are its associated data, so none can be changed.
3. Only a ``development`` key may be stored in the clear: ``kdf`` null, ``cipher`` ``"none"``.
4. The key that comes out must be the public key that is named, under its own id.
5. The cost of scrypt is bounded on reading, so that a file cannot eat the machine.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from runtime_packager.errors import InputError
from runtime_packager.io.files import write_atomic
from runtime_packager.manifest import shape, strict_json
from runtime_packager.manifest.keys import PrivateKey, PublicKey, parse_public, parse_purpose
from runtime_packager.manifest.problems import ErrorId, IntegrityFailure, rejection

FORMAT = "runtime-packager-key/1"
CIPHER = "chacha20-poly1305"
MAX_SIZE = 16 * 1024

SCRYPT_N = 2**17
"""OWASP's password storage advice for scrypt: N = 2^17, r = 8, p = 1 (128 MiB, 0.3 s)."""
SCRYPT_R = 8
SCRYPT_P = 1
SCRYPT_N_BOUNDS = (2**10, 2**18)
"""What is accepted on reading: up to 256 MiB of memory."""

_KEYS = frozenset({"format", "purpose", "keyid", "public", "kdf", "cipher", "nonce", "ciphertext"})
_KDF_KEYS = frozenset({"name", "n", "r", "p", "salt"})


def seal_key(key: PrivateKey, passphrase: bytes | None, *, scrypt_n: int = SCRYPT_N) -> bytes:
    """The container of ``key``.

    :param passphrase: ``None`` stores a development key in the clear.
    :raises InputError: for a release key without a passphrase, or an empty passphrase.
    """
    if passphrase is None:
        if key.purpose != "development":
            raise InputError(
                "a release key needs a passphrase", "only development keys may go bare"
            )
        return _render(_header(key, None, "none", ""), key.seed)
    if not passphrase:
        raise InputError("the passphrase is empty", "choose one of several words")
    kdf = {"name": "scrypt", "n": scrypt_n, "r": SCRYPT_R, "p": SCRYPT_P}
    header = _header(key, kdf | {"salt": os.urandom(16).hex()}, CIPHER, os.urandom(12).hex())
    return _render(header, _cipher(header, passphrase).encrypt(*_inputs(header, key.seed)))


def needs_passphrase(data: bytes) -> bool:
    """Whether :func:`open_key` will want one."""
    return _parse(data)["kdf"] is not None


def public_of(data: bytes) -> PublicKey:
    """The public half of the key in a container."""
    found = _parse(data)
    return parse_public(found["public"], found["keyid"], found["purpose"])


def open_key(data: bytes, passphrase: bytes | None) -> PrivateKey:
    """The key in a container.

    :raises InputError: when the passphrase is missing or wrong.
    :raises IntegrityFailure: when a rule of this module is broken.
    """
    header = _parse(data)
    secret = bytes.fromhex(header.pop("ciphertext"))
    if header["kdf"] is not None:
        if passphrase is None:
            raise InputError("the private key is encrypted", "give its passphrase")
        secret = _decrypt(header, passphrase, secret)
    key = PrivateKey(secret, parse_purpose(header["purpose"], "private key"))
    if len(secret) != 32 or key.public.text != header["public"]:
        raise rejection(
            ErrorId.KEY_INVALID, "the key is not the public key beside it", "private key"
        )
    return key


def load_public(path: Path) -> PublicKey:
    """The public half of the key in a file; no passphrase is needed.

    :raises InputError: when it is no private key file, or others may read it.
    """
    try:
        return public_of(read_key(path))
    except IntegrityFailure as error:
        raise InputError(f"{path} is no private key of ours: {error.message}") from error


def save_key(key: PrivateKey, path: Path, passphrase: bytes | None = None) -> None:
    """Write a key to a file that only its owner can read; never over another one.

    :raises InputError: as :func:`seal_key`, or when ``path`` exists.
    """
    data = seal_key(key, passphrase)
    if os.path.lexists(path):
        raise InputError(f"{path} exists already", "move it away; it may be the only copy of a key")
    write_atomic(path, data, 0o600)


def read_key(path: Path) -> bytes:
    """The bytes of a container.

    :raises InputError: when it is missing, or others on the machine may read it.
    """
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if os.name != "nt" and mode & 0o077:
                raise InputError(
                    f"{path} is a private key others can read (mode {mode:04o}, 0600 expected)",
                    f"chmod 600 {path}, and make a new key if others used this machine",
                )
            return stream.read(MAX_SIZE + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _header(key: PrivateKey, kdf: dict[str, Any] | None, cipher: str, nonce: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "purpose": key.purpose,
        "keyid": key.public.keyid,
        "public": key.public.text,
        "kdf": kdf,
        "cipher": cipher,
        "nonce": nonce,
    }


def _render(header: dict[str, Any], secret: bytes) -> bytes:
    return strict_json.dumps(header | {"ciphertext": secret.hex()}) + b"\n"


def _inputs(header: dict[str, Any], text: bytes) -> tuple[bytes, bytes, bytes]:
    return bytes.fromhex(header["nonce"]), text, strict_json.dumps(header)


def _cipher(header: dict[str, Any], passphrase: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    kdf = header["kdf"]
    scrypt = Scrypt(bytes.fromhex(kdf["salt"]), 32, n=kdf["n"], r=kdf["r"], p=kdf["p"])
    return ChaCha20Poly1305(scrypt.derive(passphrase))


def _decrypt(header: dict[str, Any], passphrase: bytes, ciphertext: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        secret: bytes = _cipher(header, passphrase).decrypt(*_inputs(header, ciphertext))
    except InvalidTag as error:
        raise InputError("the passphrase is wrong, or the key file was changed") from error
    return secret


def _parse(data: bytes) -> dict[str, Any]:
    what = "private key"
    document = shape.require(strict_json.loads(data, max_size=MAX_SIZE, what=what), dict, what)
    if document.get("format") != FORMAT:
        raise rejection(ErrorId.SCHEMA_VERSION, f"format {FORMAT} expected", what)
    found = shape.require_keys(document, _KEYS, what)
    purpose = parse_purpose(found["purpose"], what)
    parse_public(found["public"], found["keyid"], purpose)
    if found["kdf"] is not None:
        _require_kdf(found)
    elif purpose != "development" or (found["cipher"], found["nonce"]) != ("none", ""):
        raise rejection(ErrorId.SCHEMA, "only a development key may be stored in the clear", what)
    _require_hex(found["ciphertext"], 32 if found["kdf"] is None else 48, f"{what}: ciphertext")
    return found


def _require_kdf(found: dict[str, Any]) -> None:
    what = "private key: kdf"
    kdf = shape.require_keys(found["kdf"], _KDF_KEYS, what)
    n, (least, most) = shape.require_count(kdf["n"], what), SCRYPT_N_BOUNDS
    if not least <= n <= most or n & (n - 1):
        raise rejection(ErrorId.SCHEMA, f"n must be a power of two from {least} to {most}", what)
    if (kdf["name"], kdf["r"], kdf["p"]) != ("scrypt", SCRYPT_R, SCRYPT_P):
        raise rejection(ErrorId.SCHEMA, f"scrypt with r {SCRYPT_R} and p {SCRYPT_P} expected", what)
    _require_hex(kdf["salt"], 16, f"{what}: salt")
    _require_hex(found["nonce"], 12, "private key: nonce")
    if found["cipher"] != CIPHER:
        raise rejection(ErrorId.SCHEMA, f"{CIPHER} expected", "private key: cipher")


def _require_hex(value: object, size: int, what: str) -> None:
    text = shape.require(value, str, what)
    if len(text) != 2 * size or text.encode().translate(None, b"0123456789abcdef"):
        raise rejection(ErrorId.SCHEMA, f"{size} bytes in lower-case hex expected", what)
