"""Which of the packages we may need are installed, found out without importing any of them."""

from __future__ import annotations

import importlib.metadata
import importlib.util

from peft_studio.errors import Problem, ProblemError


def has(name: str) -> bool:
    """Whether the package ``name`` can be imported."""
    spec = importlib.util.find_spec(name)
    # A folder that merely has the name passes for a namespace package, which has no origin.
    return spec is not None and spec.origin is not None


def version(name: str) -> str | None:
    """The installed version by its metadata; ``None`` when that is not there."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def require(*names: str) -> None:
    """Make sure that packages are there before a child is started that needs them.

    :raises ProblemError: ``missing_package``, naming all that are not.
    """
    if missing := [name for name in names if not has(name)]:
        raise ProblemError(
            Problem(
                503,
                "missing_package",
                f"not installed: {', '.join(missing)}",
                "install PEFT Studio with its training libraries",
            )
        )
