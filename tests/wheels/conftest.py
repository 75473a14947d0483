from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_index import FakeIndex, serving

from runtime_packager.io.cache import Cache


@pytest.fixture(autouse=True)
def own_pip_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No pip setting of this machine or its user counts, and nothing leaves it."""
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip-cache"))
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeIndex]:
    """An index that pip is configured for."""
    with serving(FakeIndex()) as fake:
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", fake.url)
        yield fake


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def require(tmp_path: Path) -> Callable[..., list[Path]]:
    """Write a requirements file with the given lines."""

    def write(*lines: str) -> list[Path]:
        path = tmp_path / "requirements.txt"
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return [path]

    return write
