"""Vectors of chains of roots."""

from __future__ import annotations

import base64
from typing import Any

from make_documents import Vector
from make_signed import envelope, signature
from second_signature import other_signature
from vector_keys import KEYS, MANY, key_row, keyid, small_order_keys
from vector_parts import spell

from runtime_packager.manifest import dsse, strict_json


def root_document(**changes: Any) -> dict[str, Any]:
    """Keys 1 and 2 make roots, both of them; 3 or 4 signs releases."""
    found = {
        "schema": 1,
        "version": 1,
        "keys": sorted(
            (key_row(KEYS[seed]) for seed in (1, 2, 3, 4)), key=lambda row: row["keyid"]
        ),
        "roles": {"root": role(1, 2, threshold=2), "release": role(3, 4)},
        "revoked": [],
    } | changes
    return {name: value for name, value in found.items() if value is not ...}


def role(*seeds: int, threshold: int = 1) -> dict[str, Any]:
    return {"keyids": sorted(map(keyid, seeds)), "threshold": threshold}


def root(*seeds: int, payload: bytes | None = None, **changes: Any) -> bytes:
    """A root signed by these keys."""
    data = strict_json.dumps(root_document(**changes)) if payload is None else payload
    rows = [signature(seed, data, dsse.ROOT_TYPE) for seed in seeds]
    return envelope(*rows, signed=data, kind=dsse.ROOT_TYPE)


def root_vectors() -> list[Vector]:
    first, second = root(1, 2), root(1, 2, version=2)
    handed = {"roles": {"root": role(3, 4, threshold=2), "release": role(3, 4)}, "version": 2}
    keys = root_document()["keys"]
    soon = {"expires": "2030-01-01T00:00:00Z"}
    lying = [signature(1, strict_json.dumps(root_document()), dsse.ROOT_TYPE, keyid=keyid(2))]
    again = other_signature(KEYS[1], dsse.pae(dsse.ROOT_TYPE, strict_json.dumps(root_document())))
    alone = [
        signature(1, strict_json.dumps(root_document()), dsse.ROOT_TYPE),
        {"keyid": keyid(2), "sig": base64.b64encode(again).decode()},
    ]
    roles = root_document()["roles"]
    payload = strict_json.dumps(root_document())
    many = sorted(map(key_row, MANY), key=lambda row: row["keyid"])
    fewer = [row for row in many if row["keyid"] != MANY[-1].public.keyid]
    everyone = {"keyids": [row["keyid"] for row in fewer], "threshold": 64}
    rows: list[tuple[str, list[bytes], str]] = [
        ("the first", [first], "ok"),
        ("two", [first, second], "ok"),
        ("three", [first, second, root(1, 2, version=3)], "ok"),
        ("the first may have any version", [root(1, 2, version=9)], "ok"),
        ("new owners, signed by old and new", [first, root(1, 2, 3, 4, **handed)], "ok"),
        ("another key revoked", [root(1, 2, revoked=[keyid(5)])], "ok"),
        ("a release key revoked", [root(1, 2, revoked=[keyid(3)])], "ok"),
        ("a stranger's signature besides", [root(5, 1, 2)], "ok"),
        ("not signed by enough of its own", [root(1)], "root-threshold"),
        ("signed by the release's keys", [root(3, 4)], "root-threshold"),
        ("signed by strangers", [root(5, 6)], "root-threshold"),
        ("a signature under another's id", [envelope(*lying, signed=payload, kind=dsse.ROOT_TYPE)], "root-threshold"),
        ("two signatures of one key", [envelope(*alone, signed=payload, kind=dsse.ROOT_TYPE)], "root-threshold"),
        ("not signed at all", [root()], "signature-missing"),
        ("replayed", [first, second, second], "root-version"),
        ("the first again", [first, first], "root-version"),
        ("an older one", [second, first], "root-version"),
        ("one left out", [first, root(1, 2, version=3)], "root-version"),
        ("the next, signed by one", [first, root(1, version=2)], "root-threshold"),
        ("new owners, signed by the old alone", [first, root(1, 2, **handed)], "root-threshold"),
        ("new owners, signed by the new alone", [first, root(3, 4, **handed)], "root-threshold"),
        ("strangers before the version", [first, root(5, 6, version=7)], "root-threshold"),
        ("strangers before the form", [first, root(5, 6, payload=b"x")], "root-threshold"),
        ("a broken next", [first, root(1, 2, payload=b"x")], "json-syntax"),
        ("a release as root", [envelope(signature(1, payload, dsse.PAYLOAD_TYPE), signed=payload)], "payload-type"),
        ("one of the owners revoked in between",
         [root(1, 2, 3, roles=roles | {"root": role(1, 2, 3, threshold=2)}, revoked=[keyid(2)]),
          root(2, 3, version=2, roles=roles | {"root": role(1, 2, 3, threshold=2)}, revoked=[keyid(2)])],
         "root-threshold"),
        ("revoked beyond the threshold", [root(1, 2, revoked=[keyid(1)])], "schema"),
        ("all release keys revoked", [root(1, 2, revoked=sorted([keyid(3), keyid(4)]))], "schema"),
        ("version 0", [root(1, 2, version=0)], "schema"),
        ("no version", [root(1, 2, version=...)], "schema"),
        ("schema 2", [root(1, 2, schema=2)], "schema-version"),
        ("a field more", [root(1, 2, more=1)], "schema"),
        ("threshold 0", [root(1, 2, roles=roles | {"release": role(3, threshold=0)})], "schema"),
        ("threshold 3 of 2", [root(1, 2, roles=roles | {"release": role(3, 4, threshold=3)})], "schema"),
        ("a threshold that is true", [root(1, 2, roles=roles | {"release": role(3) | {"threshold": True}})], "schema"),
        ("a role without keys", [root(1, 2, roles=roles | {"release": role()})], "schema"),
        ("a role for an unlisted key", [root(1, 2, roles=roles | {"release": role(5)})], "schema"),
        ("a role of a third kind", [root(1, 2, roles=roles | {"mirror": role(3)})], "schema"),
        ("a role less", [root(1, 2, roles={"root": roles["root"]})], "schema"),
        ("a key twice in a role", [root(1, 2, roles=roles | {"release": {"keyids": [keyid(3)] * 2, "threshold": 2}})], "schema"),
        ("key ids that descend", [root(1, 2, roles=roles | {"root": {"keyids": role(1, 2)["keyids"][::-1], "threshold": 2}})], "schema"),
        ("keys that descend", [root(1, 2, keys=keys[::-1])], "schema"),
        ("64 keys", [root(1, 2, keys=fewer, roles=roles | {"release": everyone})], "ok"),
        ("65 keys", [root(1, 2, keys=many)], "schema"),
        ("65 rows, none of them a key", [root(1, 2, keys=[{}] * 65)], "schema"),
        ("65 keys in the next, signed by enough", [first, root(1, 2, keys=many, version=2)], "schema"),
        ("65 keys in the next, signed by strangers", [first, root(5, 6, keys=many, version=2)], "root-threshold"),
        ("65 weak keys", [root(1, 2, keys=[*keys, *[keys[0] | {"public": small_order_keys()[0]}] * 61])], "schema"),
        ("a key twice", [root(1, 2, keys=[keys[0], *keys])], "schema"),
        ("a weak key", [root(1, 2, keys=[*keys, keys[0] | {"public": small_order_keys()[0]}])], "key-invalid"),
        ("a key with another's id", [root(1, 2, keys=[keys[0] | {"keyid": keys[1]["keyid"]}, *keys[1:]])], "key-invalid"),
        ("revoked that is no list", [root(1, 2, revoked={})], "schema"),
        ("revoked twice", [root(1, 2, revoked=[keyid(5)] * 2)], "schema"),
        ("revoked that is no key id", [root(1, 2, revoked=["x"])], "schema"),
        ("a moment that is none", [root(1, 2, expires="2030-02-30T00:00:00Z")], "schema"),
        ("expires null", [root(1, 2, expires=None)], "schema"),
        ("expired, nobody asks", [root(1, 2, **soon)], "ok"),
    ]  # fmt: skip
    made: list[Vector] = [
        {"name": name, "inputs": [spell(data) for data in chain], "expect": expect}
        for name, chain, expect in rows
    ]
    moment = 1_893_456_000  # 2030-01-01T00:00:00Z
    for name, now, expect in (
        ("a second before it expires", moment - 1, "ok"),
        ("the second it expires", moment, "expired"),
        ("ten years after", moment + 315_360_000, "expired"),
    ):
        made.append(
            {"name": name, "inputs": [spell(root(1, 2, **soon))], "now": now, "expect": expect}
        )
    forever = {"name": "never expires", "inputs": [spell(first)], "now": 2**40, "expect": "ok"}
    later = [spell(root(1, 2, **soon)), spell(second)]
    return [
        *made,
        forever,
        {"name": "expired, but renewed", "inputs": later, "now": moment, "expect": "ok"},
    ]
