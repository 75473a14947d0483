"""One compiler a session: what one test built, the next one finds."""

import pytest
from natives import Compiler


@pytest.fixture(scope="session")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    return Compiler(tmp_path_factory.mktemp("natives"))
