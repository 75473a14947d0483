"""What is secret in our environment is for us: other people's code runs in our children."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from manifest_examples import Sealed, example_key, trusting

from runtime_packager.manifest import verify_tree
from runtime_packager.manifest.keyfile import seal_key

PASSPHRASE = "four words of nonsense"
OTHER = example_key(seed=5)

SIGNER = """
import json, os, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
open(sys.argv[1], "w").write(json.dumps(dict(os.environ)))
key = Ed25519PrivateKey.from_private_bytes(bytes([5]) * 32)
sys.stdout.buffer.write(key.sign(sys.stdin.buffer.read()))
"""


def signed(root: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runtime_packager", "sign", str(root), *words]
    env = {**os.environ, "RUNTIME_PACKAGER_PASSPHRASE": PASSPHRASE, **env}
    return subprocess.run(command, capture_output=True, text=True, env=env)


def test_children_do_not_inherit_what_is_secret(sealed: Sealed, tmp_path: Path) -> None:
    """The signing command stands for all of them: they are started the same way."""
    (tmp_path / "signer.py").write_text(SIGNER)
    seen = tmp_path / "seen.json"
    command = f"{sys.executable} {tmp_path / 'signer.py'} {seen}"
    secret = {"RUNTIME_PACKAGER_KEY": "env:THE_KEY", "THE_KEY": "{}", "OTHERS": "stay"}
    done = signed(sealed.root, "--key", f"cmd:{OTHER.public.text}:{command}", **secret)
    assert done.returncode == 0, done.stderr
    inherited = json.loads(seen.read_text())
    assert "RUNTIME_PACKAGER_PASSPHRASE" not in inherited
    assert "THE_KEY" not in inherited
    assert inherited["OTHERS"] == "stay"
    verify_tree(sealed.root, trusting(OTHER))


def test_a_key_and_its_passphrase_still_come_from_variables(sealed: Sealed) -> None:
    key = seal_key(OTHER, PASSPHRASE.encode(), scrypt_n=2**10).decode()
    for words in (["--key", "env:THE_KEY"], ["--key=env:THE_KEY"]):
        done = signed(sealed.root, *words, THE_KEY=key)
        assert done.returncode == 0, done.stderr
    done = signed(sealed.root, RUNTIME_PACKAGER_KEY="env:THE_KEY", THE_KEY=key)
    assert done.returncode == 0, done.stderr
    verify_tree(sealed.root, trusting(OTHER))


def test_a_wrong_passphrase_is_not_repeated(sealed: Sealed) -> None:
    key = seal_key(OTHER, b"another", scrypt_n=2**10).decode()
    done = signed(sealed.root, "--key", "env:THE_KEY", THE_KEY=key)
    assert done.returncode == 2
    assert "the passphrase is wrong" in done.stderr
    assert PASSPHRASE not in done.stderr + done.stdout
    assert json.loads(key)["ciphertext"] not in done.stderr + done.stdout
