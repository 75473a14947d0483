"""One tiny project for all rounds of this run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from torture.harness import Torture
from torture.project import ROOT

from runtime_packager.io.cache import Cache

if sys.platform != "linux":
    collect_ignore_glob = ["*"]  # calls are counted by a preloaded library


@pytest.fixture(scope="session")
def torture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Torture]:
    """A tiny project that is assembled, with a cache of its own."""
    cache = os.environ.get("RUNTIME_PACKAGER_CACHE", ROOT / "cache")
    made = Torture.begin(tmp_path_factory.mktemp("torture") / "work", Cache(Path(cache)))
    yield made
    made.end()
