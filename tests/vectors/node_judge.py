"""Node's verifier as a long-lived child: a vector in, its verdict out."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from vector_verdicts import Vector, Verdict

JUDGE = Path(__file__).parents[2] / "electron/test/judge.js"


class Judge:
    """Node's verdicts, one after the other."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def verdict(self, vector: Vector, tree: Path | None = None) -> Verdict:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps({"vector": vector, "tree": tree and str(tree)}) + "\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        assert line, f"Node's verifier broke down over {json.dumps(vector)[:2000]}"
        found: Verdict = json.loads(line)
        return found


@contextmanager
def node_judge(*before: str) -> Iterator[Judge]:
    """A judge for as long as it is needed; its own errors are on standard error.

    :param before: a command that starts it.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    command = [*before, node, str(JUDGE)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as child:
        yield Judge(child)
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait() == 0
