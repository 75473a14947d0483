"""Python's verdict on every vector is the one that is stated."""

from __future__ import annotations

from pathlib import Path

import pytest
import regenerate_vectors
from vector_trees import place
from vector_verdicts import HERE, KINDS, Vector, base_tree, expected, vectors, verdict

ALL = [vector for kind in KINDS for vector in vectors(kind)]


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: f"{vector['kind']}: {vector['name']}")
def test_the_verdict_is_the_stated_one(vector: Vector, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    if vector["kind"] == "tree":
        place(tree, base_tree(vector), vector["actions"])
    found = verdict(vector, tree)
    assert found["ids"] == expected(vector)
    if "problems" in vector:
        assert found["problems"] == sorted(vector["problems"])


def test_the_vectors_are_what_their_makers_make() -> None:
    made = regenerate_vectors.vector_files()
    assert sorted(made) == sorted(path.name for path in HERE.glob("*.json"))
    for name, text in made.items():
        hint = f"{name} changed: python tests/vectors/regenerate_vectors.py"
        assert (HERE / name).read_text() == text, hint


def test_no_two_vectors_have_one_name() -> None:
    names = [(vector["kind"], vector["name"]) for vector in ALL]
    assert len(set(names)) == len(names)
    assert len(names) >= 120
