from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from manifest_examples import example_key

from runtime_packager.errors import BuildError, InputError
from runtime_packager.manifest import (
    ErrorId,
    IntegrityFailure,
    PrivateKey,
    PublicKey,
    TrustedKeys,
    generate_key,
    load_public,
    load_signer,
    parse_trusted,
    read_trusted,
    render_trusted,
    save_key,
)
from runtime_packager.manifest.keyfile import needs_passphrase, open_key, seal_key
from runtime_packager.manifest.keys import FIELD_PRIME, SMALL_ORDER

P = FIELD_PRIME
D = -121665 * pow(121666, -1, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493
SECRET = b"correct horse"

Point = tuple[int, int]


def add(one: Point, other: Point) -> Point:
    """Addition on edwards25519, RFC 8032 5.1.4 in affine form."""
    (x1, y1), (x2, y2) = one, other
    k = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + y1 * x2) * pow(1 + k, -1, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - k, -1, P)
    return x % P, y % P


def root(square: int) -> int | None:
    x = pow(square, (P + 3) // 8, P)
    for candidate in (x, x * pow(2, (P - 1) // 4, P) % P):
        if candidate * candidate % P == square % P:
            return candidate
    return None


def encode(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def test_the_small_order_list_is_the_whole_torsion_subgroup() -> None:
    found: set[bytes] = set()
    y = 2
    while len(found) < 8:  # any point times the prime order lies in the subgroup of order 8
        y += 1
        x = root((y * y - 1) * pow(D * y * y + 1, -1, P))
        if x is None:
            continue
        torsion, base, scalar = (0, 1), (x, y), ORDER
        while scalar:
            if scalar & 1:
                torsion = add(torsion, base)
            base, scalar = add(base, base), scalar >> 1
        multiple: Point = (0, 1)
        for _ in range(8):
            found.add(encode(multiple))
            multiple = add(multiple, torsion)
        assert multiple == (0, 1)
    assert found == SMALL_ORDER


@pytest.mark.parametrize("raw", sorted(SMALL_ORDER), ids=lambda raw: raw.hex()[:8])
def test_small_order_keys_are_refused(raw: bytes) -> None:
    with pytest.raises(IntegrityFailure, match="small order") as caught:
        PublicKey(raw, "release")
    assert caught.value.ids == {ErrorId.KEY_INVALID}


@pytest.mark.parametrize(
    "number",
    [
        P,
        P + 1,
        P + 18,
        2**255 - 1,
        P | 1 << 255,
        (P + 1) | 1 << 255,
        1 | 1 << 255,
        (P - 1) | 1 << 255,
    ],
)
def test_non_canonical_keys_are_refused(number: int) -> None:
    with pytest.raises(IntegrityFailure, match="canonical"):
        PublicKey(number.to_bytes(32, "little"), "release")


@pytest.mark.parametrize("raw", [b"", b"\x05" * 31, b"\x05" * 33])
def test_keys_of_another_length_are_refused(raw: bytes) -> None:
    with pytest.raises(IntegrityFailure, match="32 bytes expected"):
        PublicKey(raw, "release")


def test_a_signature_has_one_form_only(key: PrivateKey) -> None:
    signature = key.sign(b"message")
    assert key.public.verifies(signature, b"message")
    s = int.from_bytes(signature[32:], "little")
    for other in (s + ORDER, s + 2 * ORDER):
        assert not key.public.verifies(signature[:32] + other.to_bytes(32, "little"), b"message")
    for other_bytes in (signature[:-1], signature + b"\0", b"", b"\0" * 64):
        assert not key.public.verifies(other_bytes, b"message")
    assert not key.public.verifies(signature, b"massage")


def test_a_key_off_the_curve_verifies_nothing(key: PrivateKey) -> None:
    off = next(y for y in range(3, 99) if root((y * y - 1) * pow(D * y * y + 1, -1, P)) is None)
    assert not PublicKey(off.to_bytes(32, "little"), "release").verifies(key.sign(b"m"), b"m")


def test_rfc_8032_vector_2() -> None:
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    key = PrivateKey(seed, "release")
    assert key.public.text == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert key.sign(b"\x72").hex().startswith("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8f")


def test_the_key_id_is_domain_separated(key: PrivateKey) -> None:
    expected = hashlib.sha256(b"runtime-packager/key/v1\n" + key.public.raw).hexdigest()
    assert key.public.keyid == expected


def test_a_private_key_does_not_show_itself(key: PrivateKey) -> None:
    assert key.seed.hex() not in repr(key)
    assert "seed" not in repr(key)


# --- trusted keys


def trusted_json(**changes: Any) -> bytes:
    public = example_key().public
    row = {"keyid": public.keyid, "public": public.text, "purpose": "release"} | changes
    row = {name: value for name, value in row.items() if value is not None}
    return json.dumps({"schema": 1, "keys": [row]}).encode()


def test_trusted_keys_read_back_as_written(tmp_path: Path) -> None:
    release, development = example_key().public, example_key("development", 2).public
    keys = TrustedKeys((PublicKey(release.raw, "release", "the büro's"), development))
    file = tmp_path / "trusted.json"
    file.write_bytes(render_trusted(keys))
    found = read_trusted(file)
    assert found == keys
    assert found.keys[0].comment == "the büro's"
    assert found.only("release").keys == (release,)
    assert found.find(development.keyid) == development
    assert found.plus(release) == found


@pytest.mark.parametrize(
    ("data", "error_id"),
    [
        (b"[]", "schema"),
        (b'{"schema":1,"keys":[]}', "schema"),
        (b'{"schema":2,"keys":[]}', "schema-version"),
        (trusted_json(purpose="other"), "schema"),
        (trusted_json(purpose=None), "schema"),
        (trusted_json(extra=1), "schema"),
        (trusted_json(comment=1), "schema"),
        (trusted_json(comment="a\nb"), "schema"),
        (trusted_json(public="zz"), "schema"),
        (trusted_json(keyid="00" * 32), "key-invalid"),
        (trusted_json(public="00" * 32), "key-invalid"),
        (trusted_json().replace(b"}]", b"}," + trusted_json()[23:-2] + b"]"), "schema"),
    ],
)
def test_trusted_keys_that_are_refused(data: bytes, error_id: str) -> None:
    with pytest.raises(IntegrityFailure) as caught:
        parse_trusted(data)
    assert caught.value.ids == {error_id}


def test_a_trusted_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "trusted.json"
    with pytest.raises(InputError, match=r"trusted\.json cannot be read"):
        read_trusted(file)
    file.write_bytes(b"{}")
    with pytest.raises(InputError, match=r"trusted\.json: trusted keys"):
        read_trusted(file)


# --- private key files


def test_an_encrypted_key_opens_with_its_passphrase_only() -> None:
    key = generate_key("release")
    data = seal_key(key, SECRET)
    assert json.loads(data)["kdf"] | {"salt": ""} == {
        "name": "scrypt", "n": 131072, "r": 8, "p": 1, "salt": "",
    }  # fmt: skip
    assert key.seed.hex().encode() not in data
    assert open_key(data, SECRET) == key
    for wrong, words in ((b"other", "passphrase is wrong"), (None, "is encrypted")):
        with pytest.raises(InputError, match=words):
            open_key(data, wrong)


CHEAP = 2**10


def test_no_field_of_an_encrypted_key_can_be_changed() -> None:
    document = json.loads(seal_key(example_key(), SECRET, scrypt_n=CHEAP))
    other = example_key(seed=9).public
    for change in (
        {"purpose": "development"},
        {"keyid": other.keyid, "public": other.text},
        {"nonce": "00" * 12},
        {"kdf": document["kdf"] | {"n": 2 * CHEAP}},
        {"kdf": document["kdf"] | {"salt": "00" * 16}},
        {"ciphertext": "00" * 48},
    ):
        with pytest.raises(InputError, match="passphrase is wrong"):
            open_key(json.dumps(document | change).encode(), SECRET)


def test_key_files_of_another_shape_are_refused() -> None:
    document = json.loads(seal_key(example_key(), SECRET, scrypt_n=CHEAP))
    kdf = document["kdf"]
    for change in (
        {"format": "runtime-packager-key/2"},
        {"kdf": None},
        {"kdf": kdf | {"n": 3 * CHEAP}},
        {"kdf": kdf | {"n": 2**19}},
        {"kdf": kdf | {"n": 2**40}},
        {"kdf": kdf | {"r": 64}},
        {"kdf": kdf | {"p": 2**20}},
        {"kdf": kdf | {"name": "none"}},
        {"cipher": "none"},
        {"nonce": ""},
        {"ciphertext": ""},
        {"ciphertext": "AB" * 48},
        {"keyid": "00" * 32},
        {"more": 1},
    ):
        with pytest.raises(IntegrityFailure):
            open_key(json.dumps(document | change).encode(), SECRET)


def test_a_bare_key_must_be_the_one_it_names() -> None:
    document = json.loads(seal_key(example_key("development"), None))
    document["ciphertext"] = "07" * 32
    with pytest.raises(IntegrityFailure, match="not the public key beside it"):
        open_key(json.dumps(document).encode(), None)


def test_a_bare_release_key_does_not_open() -> None:
    bare = json.loads(seal_key(example_key("development"), None)) | {"purpose": "release"}
    with pytest.raises(IntegrityFailure, match="only a development key"):
        open_key(json.dumps(bare).encode(), None)


def test_only_development_keys_go_bare() -> None:
    key = example_key("development")
    data = seal_key(key, None)
    assert not needs_passphrase(data)
    assert open_key(data, None) == key
    with pytest.raises(InputError, match="release key needs a passphrase"):
        seal_key(example_key(), None)
    with pytest.raises(InputError, match="passphrase is empty"):
        seal_key(example_key(), b"")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "development.json"
    key = example_key("development")
    save_key(key, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_public(file) == key.public
    with pytest.raises(InputError, match="exists already"):
        save_key(key, file)
    file.chmod(0o640)
    with pytest.raises(InputError, match="others can read"):
        load_signer(str(file))


# --- signers


def test_a_signer_from_a_file_asks_once_and_only_if_needed(tmp_path: Path) -> None:
    bare, encrypted = tmp_path / "bare.json", tmp_path / "encrypted.json"
    save_key(example_key("development"), bare)
    encrypted.write_bytes(seal_key(example_key(), SECRET, scrypt_n=CHEAP))
    encrypted.chmod(0o600)
    asked: list[int] = []

    def passphrase() -> bytes:
        asked.append(1)
        return SECRET

    assert load_signer(str(bare), passphrase) == example_key("development")
    assert not asked
    assert load_signer(str(encrypted), passphrase) == example_key()
    assert asked == [1]


def test_a_signer_from_the_environment() -> None:
    container = seal_key(example_key(), SECRET, scrypt_n=CHEAP).decode()
    found = load_signer("env:KEY", lambda: SECRET, environ={"KEY": container})
    assert found == example_key()
    with pytest.raises(InputError, match="KEY is empty or not set"):
        load_signer("env:KEY", environ={})
    with pytest.raises(InputError, match="KEY is no private key of ours"):
        load_signer("env:KEY", environ={"KEY": "secret"})


def command_that(tmp_path: Path, body: str) -> str:
    program = tmp_path / "sign it.py"
    seed = example_key().seed
    program.write_text(
        "import sys, base64\n"
        "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey\n"
        f"key = Ed25519PrivateKey.from_private_bytes({seed!r})\n"
        "signature = key.sign(sys.stdin.buffer.read())\n"
        f"{body}\n"
    )
    return f"cmd:{example_key().public.text}:{sys.executable} '{program}'"


@pytest.mark.parametrize("form", ["signature", "base64.b64encode(signature) + b'\\n'"])
def test_a_command_signs(tmp_path: Path, form: str) -> None:
    signer = load_signer(command_that(tmp_path, f"sys.stdout.buffer.write({form})"))
    assert signer.public == example_key().public
    assert signer.sign(b"message") == example_key().sign(b"message")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit('no token found')", "no token found"),
        ("print('hello')", "no Ed25519 signature"),
        ("sys.stdout.buffer.write(bytes(64))", "does not verify"),
        ("print(base64.b64encode(signature[:60]).decode())", "no Ed25519 signature"),
    ],
)
def test_a_command_that_does_not_sign(tmp_path: Path, body: str, words: str) -> None:
    with pytest.raises(BuildError, match=words):
        load_signer(command_that(tmp_path, body)).sign(b"message")


def test_a_command_needs_its_public_key() -> None:
    with pytest.raises(InputError, match="needs the public key"):
        load_signer("cmd:sign-with-token")
    with pytest.raises(InputError, match="is empty"):
        load_signer("cmd:", public=example_key().public)
    with pytest.raises(InputError, match="small order"):
        load_signer(f"cmd:{'00' * 32}:sign")
    with pytest.raises(BuildError, match="could not be started"):
        load_signer("cmd:/no/such/program", public=example_key().public).sign(b"")
