from __future__ import annotations

from pathlib import Path

import pytest
from manifest_examples import Sealed, example_key, sealed_tree

from runtime_packager.manifest import PrivateKey


@pytest.fixture
def sealed(tmp_path: Path) -> Sealed:
    return sealed_tree(tmp_path / "tree")


@pytest.fixture
def key() -> PrivateKey:
    return example_key()
