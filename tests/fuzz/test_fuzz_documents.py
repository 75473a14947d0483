"""Whatever a document says: one of our errors, or a value that says the same when written again."""

from __future__ import annotations

import json
from pathlib import Path

from fuzzing import campaign

from runtime_packager.errors import IntegrityError
from runtime_packager.manifest import dsse, files, parse_trusted, release, root, strict_json
from runtime_packager.wheels import lock

TESTS = Path(__file__).parent.parent
GOLDEN = TESTS / "golden" / "manifest"
TOKENS = [
    b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u0000", b"\\ud800", b"\\udc00", b"null", b"NaN", b"-0",
    b"Infinity", b"1e999", b"9007199254740992", b"9" * 400, b'{"a":1,"a":2}', b"\xef\xbb\xbf",
    b"[" * 100, b"\xed\xa0\x80", b"\x00", b"/*", b"../", b'"type":"link"', b'"unsigned"', b"con",
]  # fmt: skip
TOML = [
    b"[" * 2000, b"{a=" * 2000, b"'''", b'"""', b"\\ud800", b"\\U00110000", b"inf", b"nan",
    b"9" * 5000,
    b"[[packages]]", b"[packages.wheels.hashes]", b"[tool.runtime-packager]", b"a.b.c.d = 1\n",
    b"2026-99-99", b"0x", b"sha256", b'version = "1.0.post"', b"\xff", b"marker = \"python\"\n",
    b"requires-python = \"~=\"\n", b"../x.whl", b"size = -1\n", b"extras = [1]\n",
    b"file:///etc/passwd",
]  # fmt: skip


def test_strict_json(tmp_path: Path) -> None:
    def check(data: bytes) -> None:
        value = strict_json.loads(data, max_size=100_000)
        assert value == json.loads(data)
        assert strict_json.loads(strict_json.dumps(value), max_size=10**7) == value

    campaign("json", check, TOKENS, tmp_path, [(GOLDEN / "root.json").read_bytes()])


def test_envelopes(tmp_path: Path) -> None:
    """No bytes but the signed ones ever come out, whatever is done to the envelope."""
    trusted = parse_trusted((GOLDEN / "trusted-keys.json").read_bytes())
    payload = (GOLDEN / "release.json").read_bytes()

    def check(data: bytes) -> None:
        assert dsse.verify(data, trusted).payload == payload

    signed = [(GOLDEN / name).read_bytes() for name in ("release.dsse.json", "root.dsse.json")]
    campaign("dsse", check, TOKENS, tmp_path, signed)


def test_releases_and_roots(tmp_path: Path) -> None:
    def check(data: bytes) -> None:
        try:
            found = release.parse(data)
        except IntegrityError:
            assert root.parse(root.render(root.parse(data))) == root.parse(data)
        else:
            assert release.parse(release.render(found)) == found

    golden = [(GOLDEN / name).read_bytes() for name in ("release.json", "root.json")]
    campaign("release", check, TOKENS, tmp_path, golden)


def test_lists_of_files(tmp_path: Path) -> None:
    def check(data: bytes) -> None:
        for platform in ("linux-x64", "win-x64"):
            found = files.parse(data, platform=platform)
            assert files.parse(files.render(found), platform=platform) == found

    golden = [(GOLDEN / name).read_bytes() for name in ("files.json", "signable.json")]
    campaign("files", check, TOKENS, tmp_path, golden)


def test_locks(tmp_path: Path) -> None:
    def check(data: bytes) -> None:
        found = lock.parse(data, "pylock.linux-x64.toml")
        assert lock.parse(lock.render(found), "again") == found

    campaign("lock", check, TOML, tmp_path)
