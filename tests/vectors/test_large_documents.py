"""A document of 1 GB is refused before it is read: the verifier stays small. Both verifiers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from vector_trees import place
from vector_verdicts import base_tree

from runtime_packager.manifest.files import FILES, RELEASE

ELECTRON = Path(__file__).parents[2] / "electron"
LIMIT = 100_000_000
"""Bytes of memory, all of the process."""

PYTHON = """
import json, resource, sys
from pathlib import Path
from runtime_packager.manifest import IntegrityFailure, Level, PublicKey, TrustedKeys, verify_tree
key = PublicKey(bytes.fromhex(sys.argv[3]), "release")
try:
    verify_tree(Path(sys.argv[1]), TrustedKeys.of(key), Level(sys.argv[2]))
except IntegrityFailure as failure:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps([[str(problem.id) for problem in failure.problems], peak]))
"""
NODE = """
const { verifyTree } = require('./src/manifest-verify.js');
const [root, level, hex] = process.argv.slice(1);
const trust = { keys: [{ keyid: '', public: hex, purpose: 'release' }], threshold: 1, revoked: [] };
verifyTree(root, trust, { level }).catch((error) => {
  const peak = process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify([error.problems.map((problem) => problem.id), peak]));
});
"""


@pytest.mark.parametrize(("file", "error_id"), [(RELEASE, "json-size"), (FILES, "manifest-hash")])
@pytest.mark.parametrize("program", ["python", "node"])
def test_a_gigabyte_is_not_read(program: str, file: str, error_id: str, tmp_path: Path) -> None:
    base = base_tree({})
    place(tmp_path / "tree", base, [["sparse", file, 10**9]])
    arguments = [str(tmp_path / "tree"), "quick", base["trusted"]["keys"][0]["public"]]
    ids, peak = _run(program, arguments)
    assert ids == [error_id]
    assert peak < LIMIT


def _run(program: str, arguments: list[str]) -> tuple[list[str], int]:
    node = shutil.which("node")
    if program == "node" and node is None:
        pytest.skip("needs node")
    command = [sys.executable, "-c", PYTHON] if program == "python" else [str(node), "-e", NODE]
    # A child counts as large as its parent was, whatever it loads, and pytest is large: so it is
    # the child of a small shell, which has more to do and therefore stays its parent.
    small = ["sh", "-c", '"$@"; exit "$?"', "sh", *command]
    where = ELECTRON if program == "node" else None
    done = subprocess.run([*small, *arguments], cwd=where, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ids, peak = json.loads(done.stdout)
    return ids, peak
