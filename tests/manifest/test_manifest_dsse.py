from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifest_examples import example_key, trusting

from runtime_packager.manifest import ErrorId, IntegrityFailure, PrivateKey, TrustedKeys, dsse
from runtime_packager.manifest.dsse import PAYLOAD_TYPE, pae

OTHER = example_key("development", 2)


def envelope(payload: bytes, /, *keys: PrivateKey, **changes: Any) -> bytes:
    document = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [signature(payload, key) for key in keys],
    }
    document |= changes
    return json.dumps({k: v for k, v in document.items() if v is not None}).encode()


def signature(payload: bytes, key: PrivateKey, keyid: str | None = None) -> dict[str, str]:
    sig = base64.b64encode(key.sign(pae(PAYLOAD_TYPE, payload))).decode()
    return {"keyid": key.public.keyid if keyid is None else keyid, "sig": sig}


def ids_of(data: bytes, trusted: TrustedKeys | None = None) -> set[str]:
    with pytest.raises(IntegrityFailure) as caught:
        dsse.verify(data, trusted or trusting(example_key()))
    return {str(error_id) for error_id in caught.value.ids}


def test_the_specifications_own_vector() -> None:
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == expected


@given(st.binary(max_size=60))
def test_what_is_signed_comes_back(payload: bytes) -> None:
    found = dsse.verify(dsse.sign(payload, OTHER), trusting(example_key(), OTHER))
    assert (found.payload, found.key) == (payload, OTHER.public)
    assert found.key.purpose == "development"


def test_the_trusted_list_decides_the_purpose(key: PrivateKey) -> None:
    as_development = trusting(PrivateKey(key.seed, "development"))
    assert dsse.verify(dsse.sign(b"x", key), as_development).key.purpose == "development"


@pytest.mark.parametrize("hint", ["", "nonsense", OTHER.public.keyid])
def test_a_key_id_is_only_a_hint(key: PrivateKey, hint: str) -> None:
    data = envelope(b"x", signatures=[signature(b"x", key, hint)])
    assert dsse.verify(data, trusting(OTHER, key)).key == key.public


def test_a_missing_hint_is_an_empty_one(key: PrivateKey) -> None:
    sig = signature(b"x", key)["sig"]
    assert dsse.verify(envelope(b"x", signatures=[{"sig": sig}]), trusting(key)).key == key.public


def test_one_trusted_signature_of_several_is_enough(key: PrivateKey) -> None:
    data = envelope(b"x", OTHER, example_key(seed=3), key)
    assert dsse.verify(data, trusting(key)).key == key.public


def test_a_key_nobody_trusts(key: PrivateKey) -> None:
    assert ids_of(envelope(b"x", OTHER)) == {"key-untrusted"}
    assert ids_of(envelope(b"x", key), TrustedKeys(())) == {"key-untrusted"}


def test_a_trusted_id_does_not_help_a_foreign_signature(key: PrivateKey) -> None:
    data = envelope(b"x", signatures=[signature(b"x", OTHER, key.public.keyid)])
    assert ids_of(data) == {"signature-invalid"}


def test_a_changed_payload_or_signature(key: PrivateKey) -> None:
    data = envelope(b"x", key, payload=base64.b64encode(b"y").decode())
    assert ids_of(data) == {"signature-invalid"}
    row = signature(b"x", key)
    raw = bytearray(base64.b64decode(row["sig"]))
    raw[0] ^= 1
    data = envelope(b"x", signatures=[row | {"sig": base64.b64encode(raw).decode()}])
    assert ids_of(data) == {"signature-invalid"}


def test_a_signature_over_the_bare_payload_does_not_count(key: PrivateKey) -> None:
    sig = base64.b64encode(key.sign(b"x")).decode()
    rows = [{"keyid": key.public.keyid, "sig": sig}]
    assert ids_of(envelope(b"x", signatures=rows)) == {"signature-invalid"}


def test_a_signature_for_another_payload_type_does_not_count(key: PrivateKey) -> None:
    sig = base64.b64encode(key.sign(pae("application/json", b"x"))).decode()
    rows = [{"keyid": key.public.keyid, "sig": sig}]
    assert ids_of(envelope(b"x", signatures=rows)) == {"signature-invalid"}
    assert ids_of(envelope(b"x", payloadType="application/json", signatures=rows)) == {
        "payload-type"
    }


def test_no_signature_and_repeated_ones(key: PrivateKey) -> None:
    assert ids_of(envelope(b"x")) == {"signature-missing"}
    row = signature(b"x", key)
    again = row | {"keyid": "other"}
    same_id = signature(b"x", OTHER, key.public.keyid)
    assert ids_of(envelope(b"x", signatures=[row, row])) == {"signature-duplicate"}
    assert ids_of(envelope(b"x", signatures=[row, again])) == {"signature-duplicate"}
    assert ids_of(envelope(b"x", signatures=[row, same_id])) == {"signature-duplicate"}


@pytest.mark.parametrize(
    "changes",
    [
        {"payload": None},
        {"payload": 1},
        {"payloadType": None},
        {"signatures": None},
        {"signatures": {}},
        {"signatures": [{}]},
        {"signatures": ["x"]},
        {"signatures": [{"sig": 1}]},
        {"signatures": [{"sig": "", "keyid": 1}]},
        {"signatures": [{"sig": "", "keyid": "a\nb"}]},
        {"signatures": [{"sig": "", "cert": ""}]},
        {"signatures": [{"sig": "AA=="}] * 17},
        {"extra": 1},
    ],
)
def test_envelopes_of_another_shape(changes: dict[str, Any]) -> None:
    assert ids_of(envelope(b"x", example_key(), **changes)) == {"schema"}


@pytest.mark.parametrize(
    "text",
    ["eA", "eA=", "eA= =", "eA==\n", " eA==", "eB==", "eA===", "e", "+/-_", "é", "e\u0410=="],
)
def test_base64_has_one_spelling(text: str) -> None:
    assert ids_of(envelope(b"x", example_key(), payload=text)) == {"base64"}


def test_both_alphabets_are_taken(key: PrivateKey) -> None:
    payload = b"\xfb\xff\xfe"
    data = envelope(payload, key, payload=base64.urlsafe_b64encode(payload).decode())
    assert dsse.verify(data, trusting(key)).payload == payload


def test_an_envelope_that_is_too_large_is_not_read() -> None:
    assert ids_of(b" " * (dsse.MAX_SIZE + 1)) == {ErrorId.JSON_SIZE}


@given(st.data())
def test_no_damaged_envelope_passes_with_another_payload(data: st.DataObject) -> None:
    sound = dsse.sign(b"the payload", example_key())
    damaged = bytearray(sound)
    damaged[data.draw(st.integers(0, len(sound) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = dsse.verify(bytes(damaged), trusting(example_key()))
    except IntegrityFailure:
        return
    assert found.payload == b"the payload"
