"""The signed envelope: DSSE 1.0 (Dead Simple Signing Envelope) with Ed25519.

Rules, in this order:

1. Strict JSON of at most 16 MiB: exactly ``payload``, ``payloadType`` and ``signatures``; a
   signature is ``sig`` and, if known, ``keyid``. (``schema``; DSSE lets others ignore more.)
2. ``payload-type``: ours, exactly. It is also part of what is signed.
3. ``signature-missing``: 1 to 16 signatures.
4. ``base64``: standard or URL-safe alphabet (DSSE wants both taken), padded, one spelling each.
5. ``signature-duplicate``: no signature and no key id twice.
6. One signature must verify against one trusted key. A key id is a hint, as DSSE has it: the
   key it names is tried first, then all others, so a wrong hint costs time and changes nothing.
   Otherwise: ``key-untrusted`` when no signature names a trusted key, else ``signature-invalid``.

Only then is the payload handed out, and nobody parses it before.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runtime_packager.manifest import shape, strict_json
from runtime_packager.manifest.keys import PublicKey, Signer
from runtime_packager.manifest.problems import ErrorId, IntegrityFailure, rejection
from runtime_packager.manifest.trusted import TrustedKeys

PAYLOAD_TYPE = "application/vnd.runtime-packager.release+json"
MAX_SIZE = 16 * 1024 * 1024
"""Bytes of an envelope; the executables of a tree with torch take 0.3 MB."""
MAX_SIGNATURES = 16

_WHAT = "the envelope"
_KEYS = frozenset({"payload", "payloadType", "signatures"})


@dataclass(frozen=True, slots=True)
class VerifiedPayload:
    """Signed bytes, and the trusted key that vouches for them."""

    payload: bytes
    key: PublicKey


@dataclass(frozen=True, slots=True)
class _Envelope:
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed in the payload's place."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, signer: Signer) -> bytes:
    """The envelope of ``payload`` with one signature."""
    signature = {
        "keyid": signer.public.keyid,
        "sig": base64.b64encode(signer.sign(pae(PAYLOAD_TYPE, payload))).decode(),
    }
    return strict_json.dumps(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [signature],
        }
    )


def verify(envelope: bytes, trusted: TrustedKeys) -> VerifiedPayload:
    """The payload, once a trusted key is found to have signed it.

    :raises IntegrityFailure: when a rule of this module is broken.
    """
    parsed = _parse(envelope)
    message = pae(PAYLOAD_TYPE, parsed.payload)
    for hint, signature in parsed.signatures:
        for key in _candidates(hint, trusted):
            if key.verifies(signature, message):
                return VerifiedPayload(parsed.payload, key)
    raise _rejection(parsed, trusted)


def open_unverified(envelope: bytes) -> bytes:
    """The payload, whoever signed it. For who signs it anew, or believes nothing of it."""
    return _parse(envelope).payload


def _candidates(hint: str, trusted: TrustedKeys) -> Iterator[PublicKey]:
    named = trusted.find(hint)
    if named is not None:
        yield named
    yield from (key for key in trusted if key is not named)


def _rejection(parsed: _Envelope, trusted: TrustedKeys) -> IntegrityFailure:
    hints = [hint or "no key id" for hint, _ in parsed.signatures]
    if any(trusted.find(hint) for hint in hints):
        return rejection(ErrorId.SIGNATURE_INVALID, "no signature fits what is signed", _WHAT)
    return rejection(
        ErrorId.KEY_UNTRUSTED, f"not signed by a trusted key ({', '.join(hints)})", _WHAT
    )


def _parse(envelope: bytes) -> _Envelope:
    document = strict_json.loads(envelope, max_size=MAX_SIZE, what=_WHAT)
    found = shape.require_keys(document, _KEYS, _WHAT)
    if found["payloadType"] != PAYLOAD_TYPE:
        raise rejection(ErrorId.PAYLOAD_TYPE, f"payloadType {PAYLOAD_TYPE} expected", _WHAT)
    rows = shape.require(found["signatures"], list, f"{_WHAT}: signatures")
    if not rows:
        raise rejection(ErrorId.SIGNATURE_MISSING, "no signature", _WHAT)
    if len(rows) > MAX_SIGNATURES:
        raise rejection(ErrorId.SCHEMA, f"at most {MAX_SIGNATURES} signatures expected", _WHAT)
    signatures = tuple(map(_parse_signature, rows))
    _require_distinct(signatures)
    return _Envelope(_decode(found["payload"], f"{_WHAT}: payload"), signatures)


def _parse_signature(row: Any) -> tuple[str, bytes]:
    what = f"{_WHAT}: a signature"
    found = shape.require_keys(row, frozenset({"sig"}), what, optional=frozenset({"keyid"}))
    hint = shape.require(found.get("keyid", ""), str, f"{what}: keyid")
    if hint:
        shape.require_text(hint, f"{what}: keyid", longest=256)
    return hint, _decode(found["sig"], what)


def _require_distinct(signatures: tuple[tuple[str, bytes], ...]) -> None:
    hints = [hint for hint, _ in signatures if hint]
    if len(set(hints)) != len(hints) or len({sig for _, sig in signatures}) != len(signatures):
        raise rejection(ErrorId.SIGNATURE_DUPLICATE, "a signature or key id stands twice", _WHAT)


def _decode(value: Any, what: str) -> bytes:
    text = shape.require(value, str, what)
    for encode, alphabet in ((base64.b64encode, None), (base64.urlsafe_b64encode, b"-_")):
        try:
            data = base64.b64decode(text, altchars=alphabet, validate=True)
        except (binascii.Error, ValueError):
            continue
        # Encoding it again finds stray bits and padding that decoders overlook.
        if encode(data) == text.encode():
            return data
    raise rejection(ErrorId.BASE64, "not base64 with padding", what)
