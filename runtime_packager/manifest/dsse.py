"""The signed envelope: DSSE 1.0 (Dead Simple Signing Envelope) with Ed25519.

Rules, in this order:

1. Strict JSON of at most 16 MiB: exactly ``payload``, ``payloadType`` and ``signatures``; a
   signature is ``sig`` and, if known, ``keyid``. (``schema``; DSSE lets others ignore more.)
2. ``payload-type``: the one that is wanted, exactly. It is also part of what is signed, so a
   root document is never taken for a release.
3. ``signature-missing``: 1 to 16 signatures.
4. ``base64``: standard or URL-safe alphabet (DSSE wants both taken), padded, one spelling each.
5. ``signature-duplicate``: no signature and no key id twice.
6. As many trusted keys must have signed as the threshold says. A key counts once, however many
   signatures it made, and a revoked one never. A key id is a hint, as DSSE has it: the key it
   names is tried first, then all others, so a wrong hint costs time and changes nothing.
   Otherwise, the first that fits: ``key-revoked`` when a signature names a revoked key,
   ``threshold`` when a trusted key has signed, ``signature-invalid`` when a signature names a
   trusted key, ``key-untrusted``.

Only then is the payload handed out, and nobody parses it before.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from runtime_packager.errors import InputError
from runtime_packager.manifest import shape, strict_json
from runtime_packager.manifest.keys import PublicKey, Signer
from runtime_packager.manifest.problems import ErrorId, IntegrityFailure, rejection
from runtime_packager.manifest.trusted import TrustedKeys

PAYLOAD_TYPE = "application/vnd.runtime-packager.release+json"
ROOT_TYPE = "application/vnd.runtime-packager.root+json"
MAX_SIZE = 16 * 1024 * 1024
"""Bytes of an envelope; the executables of a tree with torch take 0.3 MB."""
MAX_SIGNATURES = 16

_WHAT = "the envelope"
_KEYS = frozenset({"payload", "payloadType", "signatures"})


@dataclass(frozen=True, slots=True)
class VerifiedPayload:
    """Signed bytes, and the trusted keys that vouch for them.

    :param keys: at least as many as the threshold, in the order of their signatures.
    """

    payload: bytes
    keys: tuple[PublicKey, ...]

    @property
    def key(self) -> PublicKey:
        """The first of the keys."""
        return self.keys[0]


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope whose form is sound (rules 1 to 5). Nobody vouches for the payload yet.

    :param signatures: (key id or empty, signature) of each.
    """

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    def counted(self, trusted: TrustedKeys) -> tuple[PublicKey, ...]:
        """The trusted keys that signed it, each once, whatever the threshold."""
        message = pae(self.payload_type, self.payload)
        found = (_signer(hint, signature, message, trusted) for hint, signature in self.signatures)
        return tuple(dict.fromkeys(key for key in found if key))

    def with_signature(self, signer: Signer) -> Envelope:
        """This, signed by ``signer`` too; a signature of the same key is replaced.

        :raises InputError: when there is no room for another signature.
        """
        public = signer.public
        message = pae(self.payload_type, self.payload)
        others = [
            (hint, signature)
            for hint, signature in self.signatures
            if hint != public.keyid and not public.verifies(signature, message)
        ]
        if len(others) >= MAX_SIGNATURES:
            raise InputError(f"it has {MAX_SIGNATURES} signatures already, which is the most")
        made = (public.keyid, signer.sign(message))
        return replace(self, signatures=(*others, made))

    def render(self) -> bytes:
        """Its bytes, canonical."""
        return strict_json.dumps(
            {
                "payload": base64.b64encode(self.payload).decode(),
                "payloadType": self.payload_type,
                "signatures": [
                    ({"keyid": hint} if hint else {}) | {"sig": base64.b64encode(sig).decode()}
                    for hint, sig in self.signatures
                ],
            }
        )


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed in the payload's place."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, signer: Signer, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """The envelope of ``payload`` with one signature."""
    return Envelope(payload_type, payload, ()).with_signature(signer).render()


def add_signature(envelope: bytes, signer: Signer, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """The envelope with one more signature; those of other keys stay.

    :raises IntegrityFailure: when the envelope's form is broken.
    :raises InputError: when there is no room for another signature.
    """
    return parse(envelope, payload_type).with_signature(signer).render()


def verify(
    envelope: bytes, trusted: TrustedKeys, payload_type: str = PAYLOAD_TYPE
) -> VerifiedPayload:
    """The payload, once as many trusted keys as it takes are found to have signed it.

    :raises IntegrityFailure: when a rule of this module is broken.
    """
    parsed = parse(envelope, payload_type)
    keys = parsed.counted(trusted)
    if len(keys) < trusted.threshold:
        raise _rejection(parsed, keys, trusted)
    return VerifiedPayload(parsed.payload, keys)


def open_unverified(envelope: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """The payload, whoever signed it. For who signs it anew, or believes nothing of it."""
    return parse(envelope, payload_type).payload


def parse(envelope: bytes, payload_type: str, *, unsigned: bool = False) -> Envelope:
    """The envelope that these bytes are, whoever signed it.

    :param unsigned: take one that nobody has signed yet, too.
    :raises IntegrityFailure: when a rule from 1 to 5 is broken.
    """
    document = strict_json.loads(envelope, max_size=MAX_SIZE, what=_WHAT)
    found = shape.require_keys(document, _KEYS, _WHAT)
    if found["payloadType"] != payload_type:
        raise rejection(ErrorId.PAYLOAD_TYPE, f"payloadType {payload_type} expected", _WHAT)
    rows = shape.require(found["signatures"], list, f"{_WHAT}: signatures")
    if not rows and not unsigned:
        raise rejection(ErrorId.SIGNATURE_MISSING, "no signature", _WHAT)
    if len(rows) > MAX_SIGNATURES:
        raise rejection(ErrorId.SCHEMA, f"at most {MAX_SIGNATURES} signatures expected", _WHAT)
    signatures = tuple(map(_parse_signature, rows))
    _require_distinct(signatures)
    return Envelope(payload_type, _decode(found["payload"], f"{_WHAT}: payload"), signatures)


def _signer(hint: str, signature: bytes, message: bytes, trusted: TrustedKeys) -> PublicKey | None:
    keys = _candidates(hint, trusted)
    return next((key for key in keys if key.verifies(signature, message)), None)


def _candidates(hint: str, trusted: TrustedKeys) -> Iterator[PublicKey]:
    named = trusted.find(hint)
    if named is not None:
        yield named
    yield from (key for key in trusted if key is not named)


def _rejection(
    parsed: Envelope, keys: tuple[PublicKey, ...], trusted: TrustedKeys
) -> IntegrityFailure:
    hints = [hint or "no key id" for hint, _ in parsed.signatures]
    if revoked := sorted(trusted.revoked.intersection(hints)):
        reason = f"signed by a revoked key ({', '.join(revoked)})"
        return rejection(ErrorId.KEY_REVOKED, reason, _WHAT)
    if keys:
        reason = f"{trusted.threshold} trusted keys have to sign, {len(keys)} did"
        return rejection(ErrorId.THRESHOLD, reason, _WHAT)
    if any(trusted.find(hint) for hint in hints):
        return rejection(ErrorId.SIGNATURE_INVALID, "no signature fits what is signed", _WHAT)
    return rejection(
        ErrorId.KEY_UNTRUSTED, f"not signed by a trusted key ({', '.join(hints)})", _WHAT
    )


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
