"""What more than one suite needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.mirror import Mirror

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A web server on this machine that misbehaves as it is told; no proxy stands between."""
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with Mirror() as server:
        yield server
