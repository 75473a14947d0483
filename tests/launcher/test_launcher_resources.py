"""What Windows shows of a launcher, read back by lief and pefile, and signed by a tool."""

from __future__ import annotations

import hashlib
import shutil
import struct
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import lief
import pytest
from fakes.icons import GOOD, bitmap, ico
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version
from windows_programs import parsed, program, resources, texts

from runtime_packager.errors import InputError
from runtime_packager.io.cache import Cache
from runtime_packager.io.store import seal
from runtime_packager.launcher import Identity, identified_launcher, read_icon, with_identity
from runtime_packager.launcher.build import build
from runtime_packager.launcher.resources import RT_ICON
from runtime_packager.launcher.version_resource import numeric_version, version_resource
from runtime_packager.platforms import find_target

PLAIN = Identity("demo", "1.0", "demo")
FULL = Identity("Größe 漢字", "1.2.3rc1", "An engine", "Example Ltd", "© 2026", read_icon(GOOD))

# pefile shows characters beyond U+FFFF as two; tests/foreign asks Windows' own reader for those.
TEXTS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs", "Cc"]), min_size=1)


@pytest.mark.parametrize("machine", ["x64", "arm64"])
def test_a_full_identity_reads_back(bare: SimpleNamespace, machine: str) -> None:
    made = with_identity(getattr(bare, machine), "engine", FULL)
    assert texts(made) == {
        "CompanyName": "Example Ltd",
        "FileDescription": "An engine",
        "FileVersion": "1.2.3rc1",
        "InternalName": "engine",
        "LegalCopyright": "© 2026",
        "OriginalFilename": "engine.exe",
        "ProductName": "Größe 漢字",
        "ProductVersion": "1.2.3rc1",
    }
    binary = parsed(made)
    (version,) = binary.resources_manager.version
    fixed = version.file_info
    assert (fixed.file_version_ms, fixed.file_version_ls) == (1 << 16 | 2, 3 << 16)
    assert (fixed.product_version_ms, fixed.product_version_ls) == (1 << 16 | 2, 3 << 16)
    assert fixed.file_flags == 2  # VS_FF_PRERELEASE
    icons = list(binary.resources_manager.icons)
    assert [(icon.width, icon.height) for icon in icons] == [(16, 16), (32, 32), (0, 0)]
    assert [bytes(icon.pixels) for icon in icons] == [image.data for image in FULL.icon.images]


def test_the_length_of_a_text_counts_its_units_and_the_end(bare: SimpleNamespace) -> None:
    made = with_identity(bare.x64, "engine", replace(PLAIN, company="a𝄞"))
    begin = made.index("CompanyName\0".encode("utf-16-le")) - 6
    assert struct.unpack_from("<HHH", made, begin) == (40, 4, 1)


def test_what_is_not_stated_is_not_there(bare: SimpleNamespace) -> None:
    made = with_identity(bare.x64, "engine", PLAIN)
    assert not {"CompanyName", "LegalCopyright"} & set(texts(made))
    assert sorted(resources(made)) == [(16, 1), (24, 1)]


def test_the_manifest_asks_for_no_more_than_the_user_has(bare: SimpleNamespace) -> None:
    root = ET.fromstring(resources(with_identity(bare.x64, "engine", PLAIN))[24, 1])
    found = {element.tag.partition("}")[2]: element for element in root.iter()}
    level = found["requestedExecutionLevel"].attrib
    assert level == {"level": "asInvoker", "uiAccess": "false"}
    assert found["supportedOS"].attrib["Id"] == "{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"
    assert found["longPathAware"].text == "true"
    assert found["dpiAwareness"].text.startswith("PerMonitorV2")


@pytest.mark.parametrize("machine", ["x64", "arm64"])
def test_the_headers_agree_with_the_file(bare: SimpleNamespace, machine: str) -> None:
    before = parsed(getattr(bare, machine))
    after = parsed(with_identity(getattr(bare, machine), "engine", FULL))
    header, old = after.optional_header, before.optional_header
    assert header.subsystem == lief.PE.OptionalHeader.SUBSYSTEM.WINDOWS_GUI
    assert header.checksum == after.compute_checksum()
    assert header.sizeof_image == after.virtual_size
    assert header.sizeof_headers == old.sizeof_headers
    assert header.addressof_entrypoint == old.addressof_entrypoint
    (*kept, added) = after.sections
    assert [bytes(s.content) for s in kept] == [bytes(s.content) for s in before.sections]
    assert header.sizeof_initialized_data == old.sizeof_initialized_data + added.size
    assert added.name == ".rsrc"
    last = kept[-1]
    assert added.virtual_address % header.section_alignment == 0
    assert added.virtual_address >= last.virtual_address + last.virtual_size
    assert added.offset == last.offset + last.size
    assert added.size % header.file_alignment == 0
    assert not list(after.overlay)
    assert after.resources.time_date_stamp == 0


def test_the_bytes_are_frozen() -> None:
    """One digest for one input; when it changes on purpose, so must FORMAT of inputs.py."""
    plain = replace(FULL, icon=read_icon(ico((16, bitmap(16)))))  # no compressor's bytes in it
    digest = "a5859f196611f80b31ab7fc45ec1e04542b35636f4684f692016f897a7eeb153"
    assert hashlib.sha256(with_identity(program(), "engine", plain)).hexdigest() == digest


@given(st.lists(TEXTS, min_size=4, max_size=4))
def test_any_text_reads_back(chosen: list[str]) -> None:
    product, description, company, copyright = chosen
    made = with_identity(
        program(), "engine", Identity(product, "1", description, company, copyright)
    )
    found = texts(made)
    assert [found["ProductName"], found["FileDescription"]] == [product, description]
    assert [found["CompanyName"], found["LegalCopyright"]] == [company, copyright]


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=6), st.sampled_from(["", "a1", ".dev3"])
)
def test_any_version_reads_back(release: list[int], suffix: str) -> None:
    text = str(Version(".".join(map(str, release)) + suffix))
    made = with_identity(program(), "engine", Identity("demo", text, "demo"))
    assert texts(made)["FileVersion"] == texts(made)["ProductVersion"] == text
    binary = parsed(made)
    (version,) = binary.resources_manager.version
    fixed = version.file_info
    halves = (fixed.file_version_ms, fixed.file_version_ls)
    numbers = [half >> shift & 0xFFFF for half in halves for shift in (16, 0)]
    assert numbers == [min(number, 65535) for number in (release + [0] * 4)[:4]]
    assert fixed.file_flags == (2 if suffix else 0)


@pytest.mark.parametrize(
    "text, numbers",
    [
        ("1", (1, 0, 0, 0)),
        ("1.2.3rc1", (1, 2, 3, 0)),
        ("1.2.3.post4", (1, 2, 3, 0)),
        ("2!1.2.3.4.5+local", (1, 2, 3, 4)),
        ("20261231.1", (65535, 1, 0, 0)),
    ],
)
def test_versions_as_windows_counts(text: str, numbers: tuple[int, ...]) -> None:
    assert numeric_version(Version(text)) == numbers


def test_texts_that_windows_cannot_hold_are_refused() -> None:
    with pytest.raises(InputError, match="ProductName: expected a text without NUL"):
        version_resource(Version("1"), {"ProductName": "a\0b"})
    with pytest.raises(InputError, match="Windows reads 65535") as caught:
        version_resource(Version("1"), {"ProductName": "x" * 33_000})
    assert "shorten" in (caught.value.hint or "")
    with pytest.raises(InputError, match="Windows reads 65535"):
        version_resource(Version("1"), dict.fromkeys("ab", "x" * 20_000))


def test_a_trees_launcher_lies_in_the_cache_and_an_equal_one_is_found(tmp_path: Path) -> None:
    cache, target = Cache(tmp_path), find_target("win-x64")
    first = identified_launcher(target, "engine", FULL, cache)
    assert (first.path, first.executable) == ("engine.exe", True)
    assert hashlib.sha256(first.source.read_bytes()).hexdigest() == first.sha256
    written = first.source.stat().st_ino
    assert identified_launcher(target, "engine", FULL, cache) == first
    assert first.source.stat().st_ino == written
    for other in (PLAIN, Identity("demo", "1.0", "demo", icon=FULL.icon)):
        assert identified_launcher(target, "engine", other, cache).sha256 != first.sha256
    assert identified_launcher(target, "tool", FULL, cache).sha256 != first.sha256


def test_one_that_was_changed_in_the_cache_is_made_again(tmp_path: Path) -> None:
    cache, target = Cache(tmp_path), find_target("win-x64")
    entry = identified_launcher(target, "engine", FULL, cache)
    entry.source.write_bytes(bytes(entry.size))
    seal(entry.source, executable=True)
    identified_launcher(target, "engine", FULL, cache)
    assert hashlib.sha256(entry.source.read_bytes()).hexdigest() == entry.sha256


def test_other_systems_launchers_are_the_built_ones(tmp_path: Path) -> None:
    (linux,) = build(["linux-x64"])
    entry = identified_launcher(find_target("linux-x64"), "engine", FULL, Cache(tmp_path))
    assert entry.source == linux


def signed(program: Path, place: Path) -> tuple[Path, Path]:
    """The program signed with a certificate of our own, and that certificate."""
    key, certificate, done = (place / name for name in ("key.pem", "own.pem", "signed.exe"))
    subject = ["-subj", "/CN=Test", "-addext", "extendedKeyUsage=codeSigning"]
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject]
    subprocess.run([*new, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    sign = ["osslsigncode", "sign", "-h", "sha256", "-certs", certificate, "-key", key]
    subprocess.run([*sign, "-in", program, "-out", done], check=True, capture_output=True)
    return done, certificate


def test_it_can_be_signed_and_the_signature_covers_what_was_added(
    bare: SimpleNamespace, tmp_path: Path
) -> None:
    for tool in ("osslsigncode", "openssl"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    made = tmp_path / "engine.exe"
    made.write_bytes(with_identity(bare.x64, "engine", FULL))
    done, certificate = signed(made, tmp_path)
    verify = ["osslsigncode", "verify", "-CAfile", certificate, "-in", done]
    accepted = subprocess.run(verify, capture_output=True, text=True)
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    assert "MISMATCH" not in accepted.stdout
    data = bytearray(done.read_bytes())
    data[data.index(FULL.icon.images[0].data) + 50] ^= 1
    done.write_bytes(data)
    assert subprocess.run(verify, capture_output=True).returncode != 0


def test_icons_are_numbered_as_the_group_says(bare: SimpleNamespace) -> None:
    found = resources(with_identity(bare.x64, "engine", FULL))
    rows = list(struct.iter_unpack("<BBBBHHIH", found[14, 1][6:]))
    assert [found[RT_ICON, row[-1]] for row in rows] == [i.data for i in FULL.icon.images]
    assert [row[6] for row in rows] == [len(image.data) for image in FULL.icon.images]
