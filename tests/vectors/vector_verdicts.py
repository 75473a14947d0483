"""What Python's verifier says of a vector, in the form in which Node's says it.

A verdict is ``{"ids": [...], "problems": [[path, id], ...], "value": ...}``: the distinct error
ids, sorted; each problem once, sorted; and of what was accepted something that shows that both
read the same. ``electron/test/verdicts.js`` makes the same of Node's.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from vector_parts import expand

from runtime_packager.errors import InputError
from runtime_packager.manifest import (
    IntegrityFailure,
    Level,
    PublicKey,
    TrustedKeys,
    dsse,
    parse_trusted,
    root,
    strict_json,
    verify_release,
    verify_tree,
)
from runtime_packager.manifest.files import parse as parse_files
from runtime_packager.manifest.files import tree_root

HERE = Path(__file__).parent
KINDS = ("json", "trusted", "ed25519", "envelope", "release", "root", "files", "tree")
MAX_JSON = 2_000_000

Verdict = dict[str, Any]
Vector = dict[str, Any]


def vectors(kind: str) -> list[Vector]:
    """All vectors of a kind."""
    found: list[Vector] = json.loads((HERE / f"{kind}.json").read_text())
    return found


def base_tree(vector: Vector) -> dict[str, Any]:
    """The tree that a tree vector starts from."""
    found: dict[str, Any] = json.loads((HERE / "base-trees.json").read_text())
    return dict(found[vector.get("base", "linux")])


def expected(vector: Vector) -> list[str]:
    """The error ids that a vector wants, sorted; none when all is well."""
    expect = vector["expect"]
    if expect == "ok":
        return []
    return [expect] if isinstance(expect, str) else sorted(expect)


def verdict(vector: Vector, tree: Path | None = None) -> Verdict:
    """Python's.

    :param tree: where the tree of a tree vector lies.
    """
    try:
        return {"ids": [], "problems": [], "value": _value(vector, tree)}
    except InputError:
        return {"ids": ["input"], "problems": [], "value": None}
    except IntegrityFailure as failure:
        problems = sorted({(problem.path, str(problem.id)) for problem in failure.problems})
        ids = sorted(map(str, failure.ids))
        return {"ids": ids, "problems": [list(problem) for problem in problems], "value": None}


def _value(vector: Vector, tree: Path | None) -> Any:
    match vector["kind"]:
        case "json":
            size = vector.get("max_size", MAX_JSON)
            return _digest(strict_json.dumps(strict_json.loads(_input(vector), max_size=size)))
        case "trusted":
            return sorted(key.keyid for key in parse_trusted(_input(vector)))
        case "ed25519":
            return _signature(vector)
        case "envelope":
            signed = dsse.verify(_input(vector), trusted_keys(vector["trusted"]))
            return [_digest(signed.payload), sorted(key.keyid for key in signed.keys)]
        case "release":
            release = verify_release(_input(vector), **_wanted(vector))
            return [release.product, release.epoch, release.tree_root, len(release.executables)]
        case "root":
            return _root(vector)
        case "files":
            return tree_root(parse_files(_input(vector), platform=vector["platform"]))
        case _:
            return _tree(vector, tree)


def _signature(vector: Vector) -> bool:
    key = PublicKey(bytes.fromhex(vector["key"]), "release")
    data, message = bytes.fromhex(vector["signature"]), bytes.fromhex(vector["message"])
    if not key.verifies(data, message):
        raise dsse.rejection(dsse.ErrorId.SIGNATURE_INVALID, "does not fit", "the signature")
    return True


def _root(vector: Vector) -> Any:
    first, *successors = map(expand, vector["inputs"])
    found = root.follow(first, successors)
    if "now" in vector:
        root.require_current(found, vector["now"])
    trusted = found.trusted("release")
    keyids = sorted(key.keyid for key in trusted.keys)
    return [found.version, keyids, trusted.threshold, sorted(trusted.revoked)]


def _tree(vector: Vector, tree: Path | None) -> Any:
    assert tree is not None
    trusted = trusted_keys(vector.get("trusted") or base_tree(vector)["trusted"])
    allowed = vector.get("allow_code_signing", False)
    options = {**_wanted(vector), "allow_code_signing": allowed}
    found = verify_tree(tree, trusted, Level(vector["level"]), **options)
    signed = [[program.path, program.signed] for program in found.signed_after]
    return [found.files_checked, found.bytes_hashed, found.total_size, signed]


def _wanted(vector: Vector) -> dict[str, Any]:
    return {
        "expected_platform": vector.get("platform"),
        "minimum_epoch": vector.get("minimum_epoch"),
    }


def trusted_keys(trusted: dict[str, Any]) -> TrustedKeys:
    keys = (PublicKey(bytes.fromhex(row["public"]), row["purpose"]) for row in trusted["keys"])
    return TrustedKeys(tuple(keys), trusted["threshold"], frozenset(trusted["revoked"]))


def _input(vector: Vector) -> bytes:
    return expand(vector["input"])


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
