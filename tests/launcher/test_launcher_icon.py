"""Icon files: what is taken, and what is said of those that Windows could not show."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.icons import GOOD, bitmap, ico, png
from hypothesis import given
from hypothesis import strategies as st

from runtime_packager.errors import InputError
from runtime_packager.launcher import ICON_LIMIT, read_icon

ROOT = Path(__file__).resolve().parents[2]


def test_every_size_and_depth_is_taken() -> None:
    depths = [(16, bitmap(16, depth)) for depth in (1, 4, 8, 24, 32)]
    images = [*depths, (256, png(256)), (48, png(48))]
    assert [image.data for image in read_icon(ico(*images)).images] == [d for _, d in images]


def test_the_projects_own_icon_is_one() -> None:
    data = (ROOT / "backend/branding/peft-studio.ico").read_bytes()
    assert len(data) < 20_000
    assert [image.entry[0] for image in read_icon(data).images] == [16, 24, 32, 48, 0]


@pytest.mark.parametrize(
    "data, said",
    [
        (b"", "expected an .ico file, has 0 bytes"),
        (png(32), "is a PNG image"),
        (b"GIF89a" + bytes(100), "begins with 47 49 46 38"),
        (b"\0\0\2\0" + GOOD[4:], "begins with 00 00 02 00"),
        (ico(), "it holds no image"),
        (GOOD[:20], "it is cut off: 3 images take 54 bytes, it has 20"),
        (GOOD + bytes(ICON_LIMIT), f"expected at most {ICON_LIMIT} bytes"),
        (GOOD[:-1], "image 3: expected within 54 to"),
        (ico((16, bitmap(16)), offset=0), "image 1: expected within 22 to 1150, is bytes 0 to"),
        (ico((16, bitmap(16)), offset=9_999_999), "image 1: expected within 22 to 1150"),
        (ico((16, bitmap(16)), extra=1), "image 1: expected within 22 to 1150, is bytes 22 to"),
        (ico((16, b"")), "expected a PNG image or a bitmap, has 0 bytes"),
        (ico((16, b"x" * 2000)), "expected a PNG image or a plain bitmap"),
        (ico((16, bitmap(16)[:-1])), "expected 1128 bytes of bitmap and mask, has 1127"),
        (ico((16, bitmap(17))), "expected 16 x 16 pixels, the bitmap has 17 x 17"),
        (ico((16, png(32))), "expected 16 x 16 pixels, the PNG has 32 x 32"),
        (ico((256, png(512))), "expected 256 x 256 pixels, the PNG has 512 x 512"),
        (ico((32, png(32)[:-1])), "expected a whole PNG image, it ends after"),
        (ico((32, png(32)[:20])), "expected a whole PNG image, it ends after 20 bytes"),
    ],
)
def test_wrong_ones_are_refused_with_the_reason(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_icon(data)
    assert said in str(caught.value)


def test_every_wrong_image_is_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        read_icon(ico((16, png(32)), (32, bitmap(32)), (48, b"nothing")))
    assert [line.partition(":")[0] for line in caught.value.details] == ["image 1", "image 3"]


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8))
def test_no_damage_is_a_crash(at: int, patch: bytes) -> None:
    damaged = GOOD[:at] + patch + GOOD[at + len(patch) :]
    try:
        images = read_icon(damaged).images
    except InputError:
        return
    assert all(image.data in damaged for image in images)
