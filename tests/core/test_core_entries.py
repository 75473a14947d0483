"""Tables of entries survive a round trip and never lose a byte of a name."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runtime_packager.entries import FileEntry, Layer, LinkEntry, dump_table, load_table

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
ROOT = Path("/store")


@st.composite
def tables(draw):
    paths = draw(st.lists(PATHS, unique=True, max_size=8))
    return [
        LinkEntry(path, draw(NAMES))
        if draw(st.booleans())
        else FileEntry(
            path, draw(st.integers(0, 2**40)), "0" * 64, draw(st.booleans()), ROOT / path
        )
        for path in sorted(paths)
    ]


@given(tables())
def test_round_trip(entries) -> None:
    loaded = load_table(dump_table(entries), ROOT)
    assert [e.path for e in loaded] == [e.path for e in entries]
    assert dump_table(loaded) == dump_table(entries)


@given(tables())
def test_order_does_not_show(entries) -> None:
    assert dump_table(reversed(entries)) == dump_table(entries)


def test_a_layer_moves_below_a_prefix() -> None:
    layer = Layer("x", (FileEntry("a", 1, "0" * 64, False, ROOT / "a"), LinkEntry("b", "a")))
    moved = layer.under("python/lib")
    assert [entry.path for entry in moved.entries] == ["python/lib/a", "python/lib/b"]
    assert moved.entries[0].source == ROOT / "a"
