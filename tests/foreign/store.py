"""Where what the foreign tests need is kept between runs: below the CI cache, made once.

``RUNTIME_PACKAGER_CI_CACHE`` names the directory, as it does for ``.ci/foreign.sh``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent


def ci_cache() -> Path:
    """The directory that outlives a run."""
    named = os.environ.get("RUNTIME_PACKAGER_CI_CACHE")
    return Path(named) if named else Path.home() / ".cache/runtime-packager-ci"


def made(name: str, modules: tuple[str, ...], facts: str, make: Callable[[Path], None]) -> Path:
    """The directory that ``make`` fills, made anew when a module or a fact behind it changes.

    :param modules: files of this directory whose text decides the result.
    :param facts: what else does: versions, digests.
    :param make: gets an empty directory; what it leaves there appears whole or not at all.
    """
    digest = hashlib.sha256(facts.encode())
    for module in (*modules, "store.py"):
        digest.update((HERE / module).read_bytes())
    final = ci_cache() / f"{name}-{digest.hexdigest()[:16]}"
    if final.is_dir():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(dir=final.parent, prefix=".half-made-"))
    try:
        make(half)
        half.chmod(0o755)
        publish(half, final)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return final


def publish(half: Path, final: Path) -> None:
    """Rename; when another run was faster, its result stands."""
    try:
        half.rename(final)
    except OSError:
        if not final.is_dir():
            raise
