"""Which public keys a verifier believes, and how many of them it takes.

Rules for a list of trusted keys, where one is enough: strict JSON, ``{"schema": 1, "keys":
[...]}``; a key is exactly ``keyid``, ``public`` (hex), ``purpose`` and, if wanted, ``comment``;
the id is the key's own; no key twice; from 1 to 64 of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runtime_packager.errors import InputError
from runtime_packager.manifest import shape, strict_json
from runtime_packager.manifest.keys import PublicKey, Purpose, parse_public, parse_purpose
from runtime_packager.manifest.problems import ErrorId, IntegrityFailure, rejection

MAX_SIZE = 256 * 1024
SCHEMA = 1
MAX_KEYS = 64
"""In a list: each of an envelope's signatures may be tried with each key, 0.2 ms a time."""

_WHAT = "trusted keys"
_KEYS = frozenset({"keyid", "public", "purpose"})


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """The keys a verifier believes.

    :param threshold: how many of them have to sign, at least 1.
    :param revoked: ids of keys that do not count, wherever else they stand.
    """

    keys: tuple[PublicKey, ...]
    threshold: int = 1
    revoked: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Nothing may be trusted without a signature."""
        if self.threshold < 1:
            raise ValueError(f"a threshold of at least 1 expected, not {self.threshold}")

    @classmethod
    def of(cls, *keys: PublicKey) -> TrustedKeys:
        """These keys."""
        return cls(keys)

    def __iter__(self) -> Iterator[PublicKey]:
        """The keys that count, in the order of the file."""
        return (key for key in self.keys if key.keyid not in self.revoked)

    def plus(self, key: PublicKey) -> TrustedKeys:
        """These and ``key``."""
        return self if self.find(key.keyid) else replace(self, keys=(*self.keys, key))

    def only(self, purpose: Purpose) -> TrustedKeys:
        """Those of one purpose, for who must not accept development builds."""
        return replace(self, keys=tuple(key for key in self.keys if key.purpose == purpose))

    def find(self, keyid: str) -> PublicKey | None:
        """The key with this id, if it counts."""
        return next((key for key in self if key.keyid == keyid), None)


def parse_trusted(data: bytes) -> TrustedKeys:
    """The trusted keys that the JSON text ``data`` lists.

    :raises IntegrityFailure: when a rule of this module or of :mod:`.keys` is broken.
    """
    document = shape.require(strict_json.loads(data, max_size=MAX_SIZE, what=_WHAT), dict, _WHAT)
    shape.require_schema(document.get("schema"), SCHEMA, _WHAT)
    shape.require_keys(document, frozenset({"schema", "keys"}), _WHAT)
    keys = parse_keys(document["keys"], f"{_WHAT}: keys")
    if not keys:
        raise rejection(ErrorId.SCHEMA, "at least one key expected", _WHAT)
    return TrustedKeys(keys)


def parse_keys(value: Any, what: str) -> tuple[PublicKey, ...]:
    """The rows of a list of public keys, none of them twice; they are counted before all else.

    :raises IntegrityFailure: when a rule of this module or of :mod:`.keys` is broken.
    """
    rows = shape.require(value, list, what)
    if len(rows) > MAX_KEYS:
        reason = f"at most {MAX_KEYS} keys expected, {len(rows)} found"
        raise rejection(ErrorId.SCHEMA, reason, what)
    keys = tuple(map(_parse, rows))
    if len({key.raw for key in keys}) != len(keys):
        raise rejection(ErrorId.SCHEMA, "a key stands twice", what)
    return keys


def key_row(key: PublicKey) -> dict[str, str]:
    """What stands in a list for ``key``."""
    row = {"keyid": key.keyid, "public": key.text, "purpose": key.purpose}
    return row | ({"comment": key.comment} if key.comment else {})


def render_trusted(keys: Iterable[PublicKey]) -> bytes:
    """The keys as JSON that people read and edit too: a line a key."""
    rows = ",\n".join(f"    {strict_json.dumps(key_row(key)).decode()}" for key in keys)
    return f'{{\n  "keys": [\n{rows}\n  ],\n  "schema": {SCHEMA}\n}}\n'.encode()


def read_trusted(path: Path) -> TrustedKeys:
    """The trusted keys in a file.

    :raises InputError: when it cannot be read or breaks a rule.
    """
    hint = "runtime-packager keys show prints what stands in such a file"
    try:
        return parse_trusted(read_bounded(path, MAX_SIZE))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", hint) from error
    except IntegrityFailure as error:
        raise InputError(f"{path}: {error.message}", hint) from error


def read_bounded(path: Path, limit: int) -> bytes:
    """A file's bytes; of one that is larger than ``limit`` one byte more than that.

    :raises OSError: when it cannot be read.
    """
    with path.open("rb") as stream:
        return stream.read(limit + 1)


def _parse(row: Any) -> PublicKey:
    what = "a trusted key"
    found = shape.require_keys(row, _KEYS, what, optional=frozenset({"comment"}))
    purpose = parse_purpose(found["purpose"], what)
    comment = shape.require_text(found["comment"], f"{what}: comment") if "comment" in found else ""
    return parse_public(found["public"], found["keyid"], purpose, comment)
