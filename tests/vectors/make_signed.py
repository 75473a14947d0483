"""Vectors of envelopes: who signed what, and whether that counts."""

from __future__ import annotations

import base64
import json
from typing import Any

from make_documents import ORDER, Vector
from second_signature import other_signature
from vector_keys import KEYS, keyid, small_order_keys, trust
from vector_parts import spell

from runtime_packager.manifest import dsse

PAYLOAD = b'{"schema":1}'


def signature(seed: int, payload: bytes, kind: str, **changes: Any) -> dict[str, Any]:
    """A signature as it stands in an envelope; a change to ``None`` leaves a field out."""
    raw = KEYS[seed].sign(dsse.pae(kind, payload))
    row = {"keyid": keyid(seed), "sig": base64.b64encode(raw).decode()} | changes
    return {name: value for name, value in row.items() if value is not None}


def envelope(
    *signatures: dict[str, Any], signed: bytes = PAYLOAD, kind: str = dsse.PAYLOAD_TYPE, **more: Any
) -> bytes:
    """An envelope as somebody else's program may write it."""
    text = base64.b64encode(signed).decode()
    return json.dumps(
        {"payloadType": kind, "payload": text, "signatures": list(signatures)} | more
    ).encode()


def sig(seed: int, **changes: Any) -> dict[str, Any]:
    return signature(seed, PAYLOAD, dsse.PAYLOAD_TYPE, **changes)


def envelope_vectors() -> list[Vector]:
    one, raw = trust(1), base64.b64decode(sig(1)["sig"])
    malleable = raw[:32] + (int.from_bytes(raw[32:], "little") + ORDER).to_bytes(32, "little")
    forged = base64.b64encode(b"\x01" + bytes(63)).decode()
    weak = small_order_keys()[1]
    many = [
        sig(2, keyid=f"{index}", sig=base64.b64encode(bytes([index])).decode())
        for index in range(17)
    ]
    again = other_signature(KEYS[1], dsse.pae(dsse.PAYLOAD_TYPE, PAYLOAD))
    second = base64.b64encode(again).decode()
    url_safe = sig(1)["sig"].translate(str.maketrans("+/", "-_"))
    two = trust(1, 2, 3, threshold=2)
    rows: list[tuple[str, bytes, dict[str, Any], str]] = [
        ("one signature", envelope(sig(1)), one, "ok"),
        ("no key id", envelope(sig(1, keyid=None)), one, "ok"),
        ("an empty key id", envelope(sig(1, keyid="")), one, "ok"),
        ("a key id that lies", envelope(sig(1, keyid="deadbeef")), one, "ok"),
        ("another trusted key's id", envelope(sig(1, keyid=keyid(2))), trust(1, 2), "ok"),
        ("the URL-safe alphabet", envelope(sig(1, sig=url_safe)), one, "ok"),
        ("an unknown key's signature in front", envelope(sig(4), sig(1)), one, "ok"),
        ("an empty payload", envelope(signature(1, b"", dsse.PAYLOAD_TYPE), signed=b""), one, "ok"),
        ("two of three", envelope(sig(1), sig(3)), two, "ok"),
        ("two of three, swapped ids", envelope(sig(1, keyid=keyid(3)), sig(3, keyid=keyid(1))), two, "ok"),
        ("two of three and a stranger", envelope(sig(4), sig(1), sig(3)), two, "ok"),
        ("a revoked key beside one that counts", envelope(sig(1), sig(2)), trust(1, 2, revoked=(2,)), "ok"),
        ("one of two that it takes", envelope(sig(1)), two, "threshold"),
        ("one that it takes two of, twice", envelope(sig(1), sig(1, keyid=None, sig=url_safe)), two, "signature-duplicate"),
        ("one key's other signature", envelope(sig(1, sig=second)), one, "ok"),
        ("one that it takes two of, by two signatures", envelope(sig(1), sig(1, keyid=None, sig=second)), two, "threshold"),
        ("the same under another's id", envelope(sig(1), sig(1, keyid=keyid(2), sig=second)), two, "threshold"),
        ("one key and a stranger for two", envelope(sig(1), sig(4)), two, "threshold"),
        ("one key and a broken signature for two", envelope(sig(1), sig(2, sig=forged)), two, "threshold"),
        ("one key, one revoked for two", envelope(sig(1), sig(2)), trust(1, 2, 3, threshold=2, revoked=(2,)), "key-revoked"),
        ("a revoked key alone", envelope(sig(1)), trust(1, 2, revoked=(1,)), "key-revoked"),
        ("a revoked key that is not listed", envelope(sig(3)), trust(1, revoked=(3,)), "key-revoked"),
        ("a revoked key without its id", envelope(sig(1, keyid=None)), trust(1, 2, revoked=(1,)), "key-untrusted"),
        ("a revoked key under another's id", envelope(sig(1, keyid=keyid(2))), trust(1, 2, revoked=(1,)), "signature-invalid"),
        ("an unknown key", envelope(sig(4)), one, "key-untrusted"),
        ("an unknown key that claims to be ours", envelope(sig(4, keyid=keyid(1))), one, "signature-invalid"),
        ("no trusted key at all", envelope(sig(1)), trust(), "key-untrusted"),
        ("of another payload", envelope(signature(1, b"{}", dsse.PAYLOAD_TYPE)), one, "signature-invalid"),
        ("of another type", envelope(signature(1, PAYLOAD, "application/json")), one, "signature-invalid"),
        ("of the payload alone", envelope(sig(1, sig=base64.b64encode(KEYS[1].sign(PAYLOAD)).decode())), one, "signature-invalid"),
        ("malleable S", envelope(sig(1, sig=base64.b64encode(malleable).decode())), one, "signature-invalid"),
        ("an empty signature", envelope(sig(1, sig="")), one, "signature-invalid"),
        ("63 bytes", envelope(sig(1, sig=base64.b64encode(raw[:-1]).decode())), one, "signature-invalid"),
        ("forged with a small-order R", envelope(sig(1, sig=forged)), one, "signature-invalid"),
        ("forged, in a small-order key's name", envelope(sig(1, keyid=weak, sig=forged)), one, "key-untrusted"),
        ("no signature", envelope(), one, "signature-missing"),
        ("signatures that are no list", envelope(signatures={}), one, "schema"),
        ("signatures null", envelope(signatures=None), one, "schema"),
        ("16 signatures", envelope(sig(1), *many[:15]), one, "ok"),
        ("17 signatures", envelope(*many), one, "schema"),
        ("a signature twice", envelope(sig(1), sig(1)), one, "signature-duplicate"),
        ("a signature twice, one without its id", envelope(sig(1), sig(1, keyid=None)), one, "signature-duplicate"),
        ("a key id twice", envelope(sig(1), sig(4, keyid=keyid(1))), one, "signature-duplicate"),
        ("two without an id", envelope(sig(4, keyid=None), sig(1, keyid=None)), one, "ok"),
        ("another type", envelope(sig(1), kind="application/json"), one, "payload-type"),
        ("a root's type", envelope(signature(1, PAYLOAD, dsse.ROOT_TYPE), kind=dsse.ROOT_TYPE), one, "payload-type"),
        ("the type in capitals", envelope(sig(1), kind=dsse.PAYLOAD_TYPE.upper()), one, "payload-type"),
        ("the type with a space", envelope(sig(1), kind=dsse.PAYLOAD_TYPE + " "), one, "payload-type"),
        ("a type that is no text", envelope(sig(1), payloadType=1), one, "payload-type"),
        ("the type before the signatures", envelope(kind="application/json"), one, "payload-type"),
        ("a field more", envelope(sig(1), comment="x"), one, "schema"),
        ("a field more in a signature", envelope(sig(1, cert="x")), one, "schema"),
        ("a signature without sig", envelope(sig(1, sig=None)), one, "schema"),
        ("a signature that is no object", envelope(payloadType=dsse.PAYLOAD_TYPE, signatures=["x"]), one, "schema"),
        ("a key id that is no text", envelope(sig(1, keyid=1)), one, "schema"),
        ("a key id of 257 bytes", envelope(sig(1, keyid="x" * 257)), one, "schema"),
        ("a key id with a control character", envelope(sig(1, keyid="a\u0001")), one, "schema"),
        ("a list", b"[]", one, "schema"),
        ("no padding", envelope(sig(1, sig=sig(1)["sig"].rstrip("="))), one, "base64"),
        ("padding too much", envelope(sig(1, sig=sig(1)["sig"] + "=")), one, "base64"),
        ("stray bits", envelope(sig(1, sig="QR==")), one, "base64"),
        ("a line feed in base64", envelope(sig(1, sig="QUJD\nQUJD")), one, "base64"),
        ("a space in base64", envelope(sig(1, sig=" QUJD")), one, "base64"),
        ("both alphabets", envelope(sig(1, sig="-/-/")), one, "base64"),
        ("no base64", envelope(sig(1, sig="é")), one, "base64"),
        ("a payload that is no base64", envelope(sig(1), payload="*"), one, "base64"),
    ]  # fmt: skip
    made: list[Vector] = [
        {"name": name, "input": spell(data), "trusted": trusted, "expect": expect}
        for name, data, trusted, expect in rows
    ]
    made.append(
        {
            "name": "16 MiB and a byte",
            "input": [{"repeat": " ", "times": 16 * 1024 * 1024 + 1}],
            "trusted": one,
            "expect": "json-size",
        }
    )
    return made
