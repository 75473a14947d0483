"""Which names a distribution makes importable."""

from __future__ import annotations

from collections.abc import Iterable


def top_level(paths: Iterable[str]) -> tuple[str, ...]:
    """Names ``import`` finds, from paths relative to ``site-packages``."""
    names = {_module(path) for path in paths}
    return tuple(sorted(name for name in names if name.isidentifier()))


def _module(path: str) -> str:
    first, slash, rest = path.partition("/")
    if first.endswith((".dist-info", ".data")):
        return ""
    holds_code = path.endswith((".py", ".pyc", ".so", ".pyd"))
    if not holds_code or (slash and "__pycache__" in rest):
        return ""
    return first if slash else first.partition(".")[0]
