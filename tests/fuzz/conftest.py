"""Says at the end what was tried, and by which seed it can be tried again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
sys.path += [str(TESTS / "launcher"), str(TESTS / "wheels")]

from fuzzing import REPORTS, SEED  # noqa: E402 - as other suites' helpers are found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if REPORTS:
        terminalreporter.section(f"fuzzed with seed {SEED}")
        for report in REPORTS:
            terminalreporter.write_line(str(report))
