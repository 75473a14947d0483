"""The page that says what proves each criterion names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "requirements.md"
ROWS = re.findall(r"^\| (\d+)\.(\d+) \| .+ \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
PROOFS = [
    (f"{requirement}.{criterion}", path, name)
    for requirement, criterion, proofs in ROWS
    for path, name in re.findall(r"\]\(\.\./\.\./([^)]+)\): ([^|]+?)(?=<br>|$)", proofs)
]


def test_every_criterion_has_a_row() -> None:
    rows = [(int(requirement), int(criterion)) for requirement, criterion, _ in ROWS]
    assert rows == [(r, c) for r in range(1, 13) for c in range(1, 6)]
    assert {f"{r}.{c}" for r, c in rows} == {row for row, _, _ in PROOFS}


@pytest.mark.parametrize(("row", "path", "name"), PROOFS)
def test_its_proof_is_there(row: str, path: str, name: str) -> None:
    text = (ROOT / path).read_text("utf-8")
    words = f"def test_{name.replace(' ', '_')}(" if path.endswith(".py") else name
    assert path == ".ci/run" or words in text, f"{row} names a test that {path} lacks: {name}"
