"""The backend's page names every error that there is, and none that there is not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/backend.md").read_text(encoding="utf-8")
WHERE = {"Problem": 1, "Notice": 0, "Flaw": 0, "Fault": 0}
"""What makes an error, and which of its arguments is the id."""
OF_HTTP = {"bad_request", "method_not_allowed", "not_found", "unauthorized"}
"""Ids that are a status' own name."""


def ids_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            place = WHERE.get(node.func.id)
            found = node.args[place : place + 1] if place is not None else []
            found += [one.value for one in node.keywords if one.arg == "id"]
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            found = [v for k, v in pairs if isinstance(k, ast.Constant) and k.value == "id"]
        else:
            continue
        yield from (str(one.value) for one in found if isinstance(one, ast.Constant))


def test_the_page_lists_the_errors_of_the_code() -> None:
    errors = PAGE.partition("\n## Errors\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([a-z_]+)` \|", errors, re.MULTILINE)
    code = [ast.parse(path.read_text()) for path in (ROOT / "backend/peft_studio").rglob("*.py")]
    assert listed == sorted(listed)
    assert set(listed) == {one for tree in code for one in ids_in(tree)} | OF_HTTP


def test_the_page_names_every_endpoint() -> None:
    from peft_studio.app import create_app
    from peft_studio.settings import Settings

    app = create_app(Settings("127.0.0.1", 8123, ROOT / "nowhere"))
    for path in app.openapi()["paths"]:
        assert path.removeprefix("/api/").partition("{")[0].strip("/") in PAGE, path
