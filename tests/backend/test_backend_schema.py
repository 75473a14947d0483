"""The OpenAPI schema is true: what it promises is what is answered."""

from __future__ import annotations

from typing import Any

import pytest
from backend_harness import Ask

OURS = {"$ref": "#/components/schemas/ErrorBody"}
"""The one shape of every error."""


def operations(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_error_is_declared_in_the_one_shape(ask: Ask) -> None:
    schema = ask("/api/openapi.json").json()
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    for name, operation in operations(schema):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert response["content"]["application/json"]["schema"] == OURS, (name, status)
        assert {"400", "401", "403", "500"} <= set(operation["responses"]), name


@pytest.mark.parametrize("path", ["/api/nothing", "/api/health?"])
def test_an_error_has_the_declared_shape(ask: Ask, path: str) -> None:
    body = ask(path, "PUT").json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"id", "message", "hint"}
