"""The ids of what PEFT Studio keeps: data sets and runs. Also their directories' names."""

from __future__ import annotations

import secrets

PATTERN = r"^[0-9a-f]{16}$"


def new() -> str:
    """An id that nothing has yet: 64 random bits."""
    return secrets.token_hex(8)
