"""Whom an app believes, and that nobody else gets there."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from manifest_examples import example_key, sealed_tree
from root_examples import (
    ANNA,
    BEN,
    CARL,
    DORA,
    EVE,
    a_root,
    document,
    ids,
    role,
    roles,
    rows,
    signed,
)
from second_signature import other_signature

from runtime_packager.manifest import (
    IntegrityFailure,
    PrivateKey,
    PublicKey,
    TrustedKeys,
    dsse,
    resign,
    strict_json,
    verify_tree,
)
from runtime_packager.manifest import root as roots
from runtime_packager.manifest.keys import SMALL_ORDER
from runtime_packager.manifest.root import Root

OWNERS = (ANNA, BEN)


def refused(data: bytes, after: Root | None = None) -> set[str]:
    with pytest.raises(IntegrityFailure) as caught:
        roots.next_root(data, after) if after else roots.open_root(data)
    return {str(error_id) for error_id in caught.value.ids}


def unsound(**changes: Any) -> set[str]:
    """The ids of a document with these changes, which its owners signed."""
    return refused(signed(json.dumps(document(**changes)).encode(), *OWNERS))


def untrusted(envelope: bytes, trusted: TrustedKeys) -> set[str]:
    with pytest.raises(IntegrityFailure) as caught:
        dsse.verify(envelope, trusted)
    return {str(error_id) for error_id in caught.value.ids}


# --- the document


def test_a_root_reads_back_and_says_who_is_believed() -> None:
    root = a_root(expires="2030-01-01T00:00:00Z", revoked=ids(EVE))
    found = roots.open_root(signed(root, *OWNERS))
    assert found == root
    assert {key.keyid for key in found.trusted()} == set(ids(CARL, DORA))
    assert found.trusted("root").threshold == 2


def test_a_comment_on_a_key_is_kept() -> None:
    named = tuple(replace(key, comment="the büro's") for key in a_root().keys)
    found = roots.open_root(signed(a_root(keys=named), *OWNERS))
    assert {key.comment for key in found.keys} == {"the büro's"}


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0},
        {"version": -1},
        {"version": True},
        {"version": "1"},
        {"version": ...},
        {"extra": 1},
        {"revoked": ...},
        {"revoked": [ids(EVE)[0].upper()]},
        {"revoked": list(ids(EVE)) * 2},
        {"revoked": [*reversed(ids(EVE, example_key()))]},
        {"expires": None},
        {"expires": "2030-01-01"},
        {"expires": "2030-02-30T00:00:00Z"},
        {"expires": "2030-01-01T00:00:00+00:00"},
        {"keys": []},
        {"keys": {}},
        {"keys": [*reversed(rows(ANNA, BEN, CARL, DORA))]},
        {"keys": [row for row in rows(ANNA, BEN, CARL, DORA) for _ in range(2)]},
        {"roles": {}},
        {"roles": roles(ids(ANNA), ids(CARL)) | {"updates": {"keyids": [], "threshold": 1}}},
        {"roles": roles(ids(ANNA), ids(EVE))},
        {"roles": roles(ids(ANNA), [])},
        {"roles": roles(ids(ANNA) * 2, ids(CARL), 2, 1)},
        {"roles": roles([*reversed(ids(ANNA, BEN))], ids(CARL), 2, 1)},
        {"roles": roles(ids(ANNA, BEN), ids(CARL), 0, 1)},
        {"roles": roles(ids(ANNA, BEN), ids(CARL), 3, 1)},
        {"roles": roles(ids(ANNA, BEN), ids(CARL), 1, 0)},
        {"roles": roles(ids(ANNA, BEN), ids(CARL), 1, 2)},
        {"roles": roles(ids(ANNA, BEN), ids(CARL), True, 1)},
        {"roles": {name: row | {"more": 1} for name, row in document()["roles"].items()}},
        {"revoked": list(ids(ANNA))},
        {"revoked": list(ids(CARL, DORA))},
    ],
)
def test_documents_of_another_shape(changes: dict[str, Any]) -> None:
    assert unsound(**changes) == {"schema"}


def test_another_schema_is_said_to_be_another_version() -> None:
    assert unsound(schema=2) == {"schema-version"}
    assert unsound(schema=...) == {"schema"}


@pytest.mark.parametrize("raw", sorted(SMALL_ORDER), ids=lambda raw: raw.hex()[:8])
def test_no_root_holds_a_key_of_small_order(raw: bytes) -> None:
    keyid = hashlib.sha256(b"runtime-packager/key/v1\n" + raw).hexdigest()
    row = {"keyid": keyid, "public": raw.hex(), "purpose": "release"}
    keys = sorted([*rows(ANNA, BEN, CARL, DORA), row], key=lambda row: row["keyid"])
    assert unsound(keys=keys) == {"key-invalid"}


def test_a_key_under_an_id_that_is_not_its_own_is_refused() -> None:
    first, *others = rows(ANNA, BEN, CARL, DORA)
    assert unsound(keys=[first | {"keyid": "00" * 32}, *others]) == {"key-invalid"}
    spelt_twice = first | {"public": first["public"].upper()}
    assert unsound(keys=[spelt_twice, *others]) == {"schema"}


def test_what_is_no_strict_json_is_refused() -> None:
    sound = roots.render(a_root())
    twice = sound[:-1] + b',"version":2}'
    assert refused(signed(twice, *OWNERS)) == {"json-duplicate-key"}
    assert refused(signed(sound + b" " * roots.MAX_SIZE, *OWNERS)) == {"json-size"}
    assert refused(signed(b"\xef\xbb\xbf" + sound, *OWNERS)) == {"json-encoding"}


def test_an_unsound_root_is_never_written() -> None:
    with pytest.raises(IntegrityFailure, match="2 keys"):
        roots.render(a_root(roles={"root": role(ANNA, BEN, threshold=3), "release": role(CARL)}))


# --- who has to sign it


def test_a_root_is_signed_by_its_own_threshold() -> None:
    assert roots.open_root(signed(a_root(), ANNA, BEN, EVE)) == a_root()
    assert refused(signed(a_root(), ANNA)) == {"root-threshold"}
    assert refused(signed(a_root(), EVE, example_key())) == {"root-threshold"}


def test_a_key_of_another_role_makes_no_root() -> None:
    assert refused(signed(a_root(), ANNA, CARL, DORA)) == {"root-threshold"}


def test_an_unsigned_root_and_one_signed_twice_are_refused() -> None:
    bare = dsse.Envelope(dsse.ROOT_TYPE, roots.render(a_root()), ())
    assert refused(bare.render()) == {"signature-missing"}
    assert refused(bare.with_signature(ANNA).render()) == {"root-threshold"}
    (signature,) = bare.with_signature(ANNA).signatures
    again = replace(bare, signatures=(signature, ("another id", signature[1])))
    assert refused(again.render()) == {"signature-duplicate"}
    assert refused(replace(bare, signatures=(("", b""),)).render()) == {"root-threshold"}


def test_the_next_root_needs_both_thresholds() -> None:
    new = a_root(2, roles={"root": role(CARL, DORA, threshold=2), "release": role(CARL, DORA)})
    assert roots.next_root(signed(new, ANNA, BEN, CARL, DORA), a_root()) == new
    assert refused(signed(new, CARL, DORA), a_root()) == {"root-threshold"}
    assert refused(signed(new, ANNA, BEN), a_root()) == {"root-threshold"}
    assert refused(signed(new, ANNA, CARL, DORA), a_root()) == {"root-threshold"}
    assert refused(signed(new, ANNA, BEN, CARL), a_root()) == {"root-threshold"}


@pytest.mark.parametrize("version", [1, 2, 3, 5, 2**53 - 1])
def test_versions_go_up_by_one(version: int) -> None:
    assert refused(signed(a_root(version), *OWNERS), a_root(3)) == {"root-version"}
    assert roots.next_root(signed(a_root(4), *OWNERS), a_root(3)).version == 4


def test_nothing_is_parsed_before_the_version_before_vouches_for_it() -> None:
    assert refused(signed(b"no JSON", EVE), a_root()) == {"root-threshold"}
    assert refused(signed(b"no JSON", *OWNERS), a_root()) == {"json-syntax"}


def test_a_chain_is_followed_link_by_link() -> None:
    one = a_root(1)
    two = a_root(2, roles={"root": role(ANNA, BEN, DORA, threshold=2), "release": role(CARL)})
    three = a_root(3, roles={"root": role(BEN, DORA, threshold=2), "release": role(CARL)})
    first, second, third = signed(one, *OWNERS), signed(two, *OWNERS), signed(three, BEN, DORA)
    assert roots.follow(first, [second, third]) == three
    for chain in ([third], [third, second], [second, second], [second, third, second]):
        with pytest.raises(IntegrityFailure) as caught:
            roots.follow(first, chain)
        assert caught.value.ids <= {"root-version", "root-threshold"}


def test_a_wrong_key_id_is_a_hint_that_changes_nothing() -> None:
    payload = roots.render(a_root())
    message = dsse.pae(dsse.ROOT_TYPE, payload)
    crossed = dsse.Envelope(
        dsse.ROOT_TYPE,
        payload,
        ((BEN.public.keyid, ANNA.sign(message)), (ANNA.public.keyid, BEN.sign(message))),
    )
    assert roots.open_root(crossed.render()) == a_root()
    posing = replace(crossed, signatures=((ANNA.public.keyid, EVE.sign(message)),))
    assert refused(posing.render()) == {"root-threshold"}


def test_a_root_is_no_release_and_a_release_no_root(tmp_path: Path) -> None:
    sealed = sealed_tree(tmp_path / "tree")
    release = (sealed.root / "manifest/release.dsse.json").read_bytes()
    assert refused(release) == {"payload-type"}
    assert untrusted(signed(a_root(), CARL), a_root().trusted()) == {"payload-type"}
    # What was signed as a root does not become a release by what is written on it.
    relabelled = signed(a_root(), CARL).replace(b"root+json", b"release+json")
    assert untrusted(relabelled, a_root().trusted()) == {"signature-invalid"}
    assert refused(signed(a_root(), *OWNERS, kind=dsse.PAYLOAD_TYPE)) == {"payload-type"}


@given(st.data())
def test_no_damaged_root_says_anything_else(data: st.DataObject) -> None:
    sound = signed(a_root(), *OWNERS)
    damaged = bytearray(sound)
    damaged[data.draw(st.integers(0, len(sound) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = roots.open_root(bytes(damaged))
    except IntegrityFailure:
        return
    assert found == a_root()


EVERYONE = (ANNA, BEN, CARL, DORA)


@st.composite
def some_root(draw: st.DrawFn) -> Root:
    some = st.lists(st.sampled_from(EVERYONE), min_size=1, unique_by=lambda key: key.seed)
    owners, revoked = draw(some), draw(st.lists(st.sampled_from(EVERYONE), max_size=2))
    threshold = draw(st.integers(1, len(owners)))
    assume(len([key for key in owners if key not in revoked]) >= threshold)
    assume(set(revoked) < set(EVERYONE))
    made = {"root": role(*owners, threshold=threshold), "release": role(*EVERYONE)}
    return a_root(roles=made, revoked=tuple(sorted(set(ids(*revoked)))))


@given(
    some_root(),
    some_root(),
    st.sampled_from((3, 3, 3, 3, 1, 2, 4)),
    st.sets(st.sampled_from((*EVERYONE, EVE)), min_size=2),
)
def test_a_root_follows_exactly_when_both_thresholds_are_reached(
    old: Root, new: Root, version: int, signers: set[PrivateKey]
) -> None:
    old, new = replace(old, version=2), replace(new, version=version)

    def reached(root: Root) -> bool:
        counting = set(ids(*signers)) & set(root.roles["root"].keyids) - set(root.revoked)
        return len(counting) >= root.roles["root"].threshold

    allowed = reached(old) and reached(new) and version == 3
    envelope = signed(new, *signers)
    if allowed:
        assert roots.next_root(envelope, old) == new
    else:
        assert refused(envelope, old) <= {"root-threshold", "root-version"}


# --- revoked and expired


def test_a_revoked_key_signs_no_release() -> None:
    trusted = a_root(revoked=ids(CARL)).trusted()
    assert untrusted(dsse.sign(b"x", CARL), trusted) == {"key-revoked"}
    assert dsse.verify(dsse.sign(b"x", DORA), trusted).key == DORA.public
    both = dsse.add_signature(dsse.sign(b"x", CARL), DORA)
    assert dsse.verify(both, trusted).keys == (DORA.public,)
    lying = dsse.Envelope(
        dsse.PAYLOAD_TYPE,
        b"x",
        ((DORA.public.keyid, CARL.sign(dsse.pae(dsse.PAYLOAD_TYPE, b"x"))),),
    )
    assert untrusted(lying.render(), trusted) == {"signature-invalid"}


def test_a_revoked_key_makes_no_root() -> None:
    owners = role(ANNA, BEN, DORA, threshold=2)
    root = a_root(roles={"root": owners, "release": role(CARL)}, revoked=ids(ANNA))
    assert refused(signed(root, ANNA, BEN)) == {"root-threshold"}
    assert roots.open_root(signed(root, BEN, DORA)) == root
    after = replace(root, version=2)
    assert refused(signed(after, ANNA, BEN), root) == {"root-threshold"}


def test_the_last_thing_a_revoked_key_may_do_is_to_sign_its_revocation() -> None:
    old = a_root(roles={"root": role(ANNA), "release": role(CARL)})
    new = a_root(2, roles={"root": role(BEN), "release": role(CARL)}, revoked=ids(ANNA))
    assert roots.next_root(signed(new, ANNA, BEN), old) == new
    assert refused(signed(replace(new, version=3), ANNA, BEN), old) == {"root-version"}
    assert refused(signed(replace(new, version=3), ANNA), new) == {"root-threshold"}


def test_an_expired_root_goes_on_verifying_but_is_not_current(tmp_path: Path) -> None:
    moment = 1_893_456_000
    root = a_root(expires="2030-01-01T00:00:00Z", roles={"root": role(ANNA), "release": role(CARL)})
    assert roots.open_root(signed(root, ANNA)) == root
    roots.require_current(root, moment - 1)
    roots.require_current(a_root(), 2**40)
    for late in (moment, moment + 1, 2**40):
        with pytest.raises(IntegrityFailure, match="2030-01-01") as caught:
            roots.require_current(root, late)
        assert caught.value.ids == {"expired"}
    assert dsse.verify(dsse.sign(b"x", CARL), root.trusted()).key == CARL.public


# --- releases that several have to sign

BOTH = TrustedKeys((CARL.public, DORA.public), threshold=2)


def test_a_release_needs_as_many_signatures_as_the_threshold_says() -> None:
    one = dsse.sign(b"x", CARL)
    assert untrusted(one, BOTH) == {"threshold"}
    assert untrusted(dsse.add_signature(one, EVE), BOTH) == {"threshold"}
    assert dsse.verify(dsse.add_signature(one, DORA), BOTH).keys == (CARL.public, DORA.public)
    assert untrusted(dsse.sign(b"x", EVE), BOTH) == {"key-untrusted"}


def test_two_signatures_of_one_key_count_once() -> None:
    message = dsse.pae(dsse.PAYLOAD_TYPE, b"x")
    again = other_signature(CARL, message)
    assert CARL.public.verifies(again, message)
    for hint in ("", "another name", DORA.public.keyid):
        rows = ((CARL.public.keyid, CARL.sign(message)), (hint, again))
        twice = dsse.Envelope(dsse.PAYLOAD_TYPE, b"x", rows)
        assert untrusted(twice.render(), BOTH) == {"threshold"}


def test_a_signature_with_a_second_form_of_s_counts_for_nothing() -> None:
    message = dsse.pae(dsse.PAYLOAD_TYPE, b"x")
    sound = DORA.sign(message)
    order = 2**252 + 27742317777372353535851937790883648493
    moved = int.from_bytes(sound[32:], "little") + order
    malleable = sound[:32] + moved.to_bytes(32, "little")
    envelope = dsse.Envelope(
        dsse.PAYLOAD_TYPE,
        b"x",
        ((CARL.public.keyid, CARL.sign(message)), (DORA.public.keyid, malleable)),
    )
    assert untrusted(envelope.render(), BOTH) == {"threshold"}


def test_nothing_is_trusted_without_a_signature() -> None:
    for threshold in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            TrustedKeys((CARL.public,), threshold)
    assert untrusted(dsse.sign(b"x", CARL), TrustedKeys((CARL.public,), 2)) == {"threshold"}


def test_a_list_without_revoked_keys_shows_none_of_them() -> None:
    trusted = TrustedKeys((CARL.public, DORA.public), revoked=frozenset(ids(CARL)))
    assert list(trusted) == [DORA.public]
    assert trusted.find(CARL.public.keyid) is None
    assert untrusted(dsse.sign(b"x", CARL), trusted.plus(CARL.public)) == {"key-revoked"}
    assert untrusted(dsse.sign(b"x", CARL), trusted.only("release")) == {"key-revoked"}


def test_signing_again_replaces_ones_own_signature_and_no_other() -> None:
    one = dsse.sign(b"x", CARL)
    both = dsse.add_signature(one, DORA)
    signatures = strict_json.loads(both, max_size=10_000)["signatures"]
    assert signatures[0] == strict_json.loads(one, max_size=10_000)["signatures"][0]
    again = strict_json.loads(dsse.add_signature(both, CARL), max_size=10_000)["signatures"]
    assert sorted(row["keyid"] for row in again) == sorted(ids(CARL, DORA))
    # A signature that only claims to be hers makes room for hers.
    posing = dsse.Envelope(dsse.PAYLOAD_TYPE, b"x", ((CARL.public.keyid, bytes(64)),))
    assert dsse.add_signature(posing.render(), CARL) == one
    unnamed = base64.b64encode(dsse.parse(one, dsse.PAYLOAD_TYPE).signatures[0][1])
    hidden = one.replace(b'"keyid":"' + CARL.public.keyid.encode() + b'",', b"")
    assert unnamed in hidden
    assert (
        len(strict_json.loads(dsse.add_signature(hidden, CARL), max_size=9999)["signatures"]) == 1
    )


def test_the_purpose_is_release_when_enough_release_keys_have_signed(tmp_path: Path) -> None:
    sealed, development = sealed_tree(tmp_path / "tree"), example_key("development", 2)
    resign(sealed.root, development)
    resign(sealed.root, sealed.key, add=True)
    keys = (sealed.key.public, development.public)
    assert verify_tree(sealed.root, TrustedKeys(keys)).purpose == "release"
    assert verify_tree(sealed.root, TrustedKeys(keys, 2)).purpose == "development"
    assert verify_tree(sealed.root, TrustedKeys(keys[1:])).purpose == "development"


def test_a_tree_is_verified_by_what_a_root_says(tmp_path: Path) -> None:
    sealed = sealed_tree(tmp_path / "tree")
    keys = sorted((ANNA.public, sealed.key.public), key=lambda key: key.keyid)
    root = Root(1, tuple(keys), {"root": role(ANNA), "release": role(sealed.key)})
    trusted = roots.open_root(signed(root, ANNA)).trusted()
    assert verify_tree(sealed.root, trusted).keyid == sealed.key.public.keyid
    by_root_key = replace(root, roles={"root": role(sealed.key), "release": role(ANNA)})
    with pytest.raises(IntegrityFailure) as caught:
        verify_tree(sealed.root, by_root_key.trusted())
    assert caught.value.ids == {"key-untrusted"}
    assert isinstance(trusted.keys[0], PublicKey)
