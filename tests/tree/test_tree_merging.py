"""Layers become one tree, or an error that names all that collides."""

from pathlib import Path

import pytest

from runtime_packager.entries import FileEntry, Layer, LinkEntry
from runtime_packager.errors import BuildError
from runtime_packager.tree import merge


def file(path: str, content: str = "a") -> FileEntry:
    return FileEntry(path, 1, content * 64, False, Path("/src") / path)


def test_layers_join_sorted() -> None:
    merged = merge([Layer("one", (file("b"), file("a/x"))), Layer("two", (file("a/w"),))])
    assert [entry.path for entry in merged] == ["a/w", "a/x", "b"]


def test_the_same_file_twice_is_one() -> None:
    assert (
        len(merge([Layer("one", (file("n/__init__.py"),)), Layer("two", (file("n/__init__.py"),))]))
        == 1
    )


def test_every_collision_is_named_with_its_owners() -> None:
    one = Layer("alpha 1.0", (file("x.py", "a"), file("README", "a"), file("deep", "a")))
    two = Layer("beta 2.0", (file("x.py", "b"), file("readme", "a"), file("deep/er", "a")))
    with pytest.raises(BuildError) as caught:
        merge([one, two])
    details = "\n".join(caught.value.details)
    assert "x.py: in alpha 1.0 and in beta 2.0" in details
    assert "readme: in alpha 1.0 and in beta 2.0" in details
    assert "deep: a file in alpha 1.0, a directory elsewhere" in details


def test_a_link_and_a_file_of_one_name_collide() -> None:
    with pytest.raises(BuildError):
        merge([Layer("one", (file("a"),)), Layer("two", (LinkEntry("a", "b"),))])
