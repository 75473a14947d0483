"""An interpreter that compiles for a target: one that runs here, of the same minor version.

Bytecode depends on the minor version, not on the platform (its magic number is the same within
3.x), so a foreign tree is compiled by the host's build of the same CPython. Where that exact
version cannot be had for the host, another of its minor version does: the newest first, so that
the choice is the same wherever the same sources are in reach.
"""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

from runtime_packager.errors import PackagerError
from runtime_packager.interpreters.catalogue import Catalogue
from runtime_packager.interpreters.obtain import Interpreter, obtain
from runtime_packager.interpreters.sources import NpmSource, Source
from runtime_packager.io.cache import Cache
from runtime_packager.io.progress import Progress
from runtime_packager.platforms import Target


def obtain_compiler(
    python: Version,
    host: Target,
    sources: Sequence[Source],
    catalogue: Catalogue,
    cache: Cache,
    progress: Progress,
    *,
    offline: bool = False,
) -> Interpreter:
    """CPython ``python`` for ``host``, else the newest of its minor version that can be had.

    :raises PackagerError: when there is none; says why ``python`` itself could not be had.
    """
    failures: list[PackagerError] = []
    for version in _candidates(python, host, sources, catalogue):
        try:
            found = obtain(version, host, sources, catalogue, cache, progress, offline=offline)
        except PackagerError as error:
            failures.append(error)
            continue
        if version != python:
            progress.note(f"CPython {version} compiles the bytecode: {failures[0].message}")
        return found
    first = failures[0]
    raise type(first)(
        f"no CPython {python.major}.{python.minor} that runs here could be had, and bytecode for "
        f"other platforms is compiled with one: {first.message}",
        first.hint,
        details=first.details,
    )


def _candidates(
    python: Version, host: Target, sources: Sequence[Source], catalogue: Catalogue
) -> list[Version]:
    """``python``, then all others of its minor version that are pinned or named by a source."""
    pinned = {pin.python for pin in catalogue.pins if pin.target == host.name}
    packaged = {
        source.python
        for source in sources
        if isinstance(source, NpmSource) and host.name in (source.targets or ())
    }
    others = {v for v in pinned | packaged if v.release[:2] == python.release[:2]} - {python}
    return [python, *sorted(others, reverse=True)]
