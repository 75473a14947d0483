"""The section that resources lie in: found as a loader finds it, refused where it cannot be."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from windows_programs import damaged, parsed, program, resources

from runtime_packager.errors import BuildError
from runtime_packager.launcher import Identity, with_identity
from runtime_packager.launcher.pe import Resource, add_resources, checksum

PLAIN = Identity("demo", "1.0", "demo")


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(1, 300), st.binary(max_size=50)), min_size=1)
)
def test_any_resources_are_found_again(found: list[tuple[int, int, bytes]]) -> None:
    wanted = {(kind, name): data or b"x" for kind, name, data in found}
    made = add_resources(program(), [Resource(*key, data) for key, data in wanted.items()])
    assert resources(made) == wanted
    assert parsed(made).optional_header.checksum == parsed(made).compute_checksum()


@pytest.mark.parametrize(
    "image, said",
    [
        (b"", "no 64-bit Windows program"),
        (b"#!/bin/sh\n" * 100, "no 64-bit Windows program"),
        (program()[:0x90], "no 64-bit Windows program"),
        (damaged(0x98, "<H", 0x10B), "no 64-bit Windows program"),
        (damaged(0xB8, "<II", 0, 0), "no 64-bit Windows program"),
        (damaged(0x98 + 8, "<I", 0xFFFFFFFF), "no 64-bit Windows program"),
        (damaged(0xB8, "<I", 0xFFFFFFFF), "no 64-bit Windows program"),
        (damaged(0x86, "<H", 0), "no 64-bit Windows program"),
        (damaged(0x98 + 112 + 16, "<II", 0x1000, 16), "it has resources already"),
        (damaged(0x98 + 112 + 32, "<II", 0x600, 16), "it is signed"),
        (damaged(0x98 + 108, "<I", 2), "too few data directories"),
        (program() + b"more", "its last section ends at byte 1536, the file at 1540"),
        (program()[:-1], "its last section ends at byte 1536, the file at 1535"),
        (damaged(0x188 + 40, "<I", 1), "no room for another section"),
        (damaged(0x188 + 20, "<II", 0x1A0, 0), "its last section ends"),
    ],
)
def test_programs_that_cannot_have_resources_are_refused(image: bytes, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        with_identity(image, "engine", PLAIN)


@given(st.integers(0, 0x1B0), st.binary(min_size=1, max_size=8))
def test_no_damaged_header_is_a_crash(at: int, patch: bytes) -> None:
    image = program()
    try:
        made = with_identity(image[:at] + patch + image[at + len(patch) :], "engine", PLAIN)
    except BuildError:
        return
    assert made[0x400 : len(image)] == image[0x400:]


def test_one_that_has_them_is_not_given_more(bare: SimpleNamespace) -> None:
    made = with_identity(bare.x64, "engine", PLAIN)
    with pytest.raises(BuildError, match="it has resources already"):
        with_identity(made, "engine", PLAIN)


def test_the_checksum_of_an_odd_length() -> None:
    assert checksum(b"\xff\xff\x02\0\1") == (3 + 5)
