"""What may not be looked at is refused, by both verifiers, with the same ids."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from node_judge import node_judge
from vector_trees import place
from vector_verdicts import base_tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")

BIN = "python/bin"  # it holds a program and a link
HERE = Path(__file__).resolve().parent
PYTHON_JUDGE = """
import json, sys; from pathlib import Path; from vector_verdicts import verdict
print(json.dumps(verdict(json.loads(sys.argv[1]), Path(sys.argv[2]))))
"""


def powerless() -> list[str]:
    """What lets a command of the superuser's feel modes, as everybody else's does."""
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if not os.getuid() else []


def python_verdict(vector: dict[str, Any], tree: Path) -> Any:
    words = [sys.executable, "-c", PYTHON_JUDGE, json.dumps(vector), str(tree)]
    path = os.pathsep.join([*sys.path, str(HERE)])
    env = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([*powerless(), *words], capture_output=True, check=True, env=env)
    return json.loads(done.stdout)


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "tree"
    (tmp_path / "tree" / BIN).chmod(0o755)


@pytest.mark.parametrize("level", ["exe", "quick", "full"])
@pytest.mark.parametrize("mode", ["0444", "0311"], ids=["names alone", "files alone"])
def test_a_directory_without_all_its_rights(tree: Path, level: str, mode: str) -> None:
    """Of a directory that may be read but not searched names are known, and nothing else."""
    actions = [
        ["write", f"{BIN}/extra", ""],
        ["mkdir", f"{BIN}/extras"],
        ["mode", BIN, mode],
    ]
    vector = {"kind": "tree", "name": mode, "level": level, "actions": actions}
    place(tree, base_tree(vector), actions)
    python = python_verdict(vector, tree)
    with node_judge(*powerless()) as judge:
        assert judge.verdict(vector, tree) == python
    if (level, mode) != ("exe", "0311"):
        assert "file-unreadable" in python["ids"]
