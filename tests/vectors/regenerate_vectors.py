"""Write the vectors anew, when a rule changes on purpose. Look at the diff.

    python tests/vectors/regenerate_vectors.py

Ed25519 is deterministic and so is every byte. What is expected is stated in ``make_*.py``, never
asked of a verifier.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "manifest"), str(HERE.parent.parent)]

import make_base  # noqa: E402
import make_documents  # noqa: E402
import make_files  # noqa: E402
import make_release  # noqa: E402
import make_root  # noqa: E402
import make_signed  # noqa: E402
import make_tree  # noqa: E402


def vector_files() -> dict[str, str]:
    """Name and text of every file of vectors."""
    bases = make_base.base_trees()
    vectors: dict[str, list[dict[str, Any]]] = {
        "json": make_documents.json_vectors(),
        "trusted": make_documents.trusted_vectors(),
        "ed25519": make_documents.ed25519_vectors(),
        "envelope": make_signed.envelope_vectors(),
        "release": make_release.release_vectors(),
        "root": make_root.root_vectors(),
        "files": make_files.files_vectors(),
        "tree": make_tree.tree_vectors(bases),
    }
    found = {
        f"{kind}.json": _lines([{"kind": kind} | row for row in rows])
        for kind, rows in vectors.items()
    }
    return found | {"base-trees.json": json.dumps(bases, indent=1) + "\n"}


def _lines(rows: list[dict[str, Any]]) -> str:
    """A line a vector, so that a diff shows which changed."""
    return "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n"


def main() -> None:
    """Write them all."""
    for name, text in vector_files().items():
        (HERE / name).write_text(text)


if __name__ == "__main__":
    main()
