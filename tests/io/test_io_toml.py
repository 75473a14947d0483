"""TOML that Python reads and cannot print is refused where it is read."""

from __future__ import annotations

import pytest

from runtime_packager.io import toml


def test_what_it_says_comes_back() -> None:
    edges = f"least = {-(2**63)}\nmost = {2**63 - 1}\nyes = true\n"
    assert toml.loads(edges.encode()) == {"least": -(2**63), "most": 2**63 - 1, "yes": True}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a = [{b = 0x" + b"9" * 5000 + b"}]", "the number at 'b' has more than 64 bits"),
        (f"size = {2**63}".encode(), "the number at 'size' has more than 64 bits"),
        (f"a = [[{-(2**63) - 1}]]".encode(), "the number at 'a' has more than 64 bits"),
        (b"size = " + b"9" * 5000, "digits"),
        (b"a = " + b"[" * 100_000, "it is nested too deeply"),
        (b"a = '\xff'", "utf-8"),
        (b"a = ", "Invalid value"),
    ],
    ids=["hexadecimal", "65 bits", "nested", "digits", "depth", "latin", "no value"],
)
def test_what_nobody_can_use_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(toml.TomlError, match=said):
        toml.loads(text)
