"""Whether a source could serve, found out without fetching anything from it."""

from __future__ import annotations

import shutil

from packaging.version import Version

from runtime_packager.errors import BuildError, PackagerError
from runtime_packager.interpreters.catalogue import Catalogue
from runtime_packager.interpreters.sources import GithubSource, MirrorSource, NpmSource, Source
from runtime_packager.interpreters.unpack import Errand, local_path, pinned_url, require_file, route
from runtime_packager.io.cache import Cache
from runtime_packager.io.partial import Patience
from runtime_packager.io.progress import Silent
from runtime_packager.platforms import Target

CONNECT_SECONDS = 5.0
"""How long a server may take to answer before it counts as out of reach."""


def out_of_reach(
    source: Source, python: Version, target: Target, catalogue: Catalogue, cache: Cache
) -> PackagerError | None:
    """Why ``source`` could not give ``python`` for ``target`` right now, or ``None``."""
    errand = Errand(python, target, cache, Silent(), False, Patience())
    try:
        route(source, errand, catalogue)
        match source:
            case NpmSource() if shutil.which("npm") is None:
                return BuildError("npm is not installed", "install Node.js 20 or newer")
            case GithubSource() | MirrorSource():
                _head(pinned_url(source, catalogue.pin(python, target)))
    except PackagerError as error:
        return error
    return None


def _head(url: str) -> None:
    import httpx

    from runtime_packager.io.web import open_client, unreachable

    if url.startswith("file:"):
        require_file(local_path(url))
        return
    try:
        with open_client(connect_timeout=CONNECT_SECONDS, read_timeout=CONNECT_SECONDS) as client:
            status = client.head(url).status_code
    except httpx.HTTPError as error:
        raise unreachable("the interpreter", url, str(error)) from error
    if status >= 400:
        raise unreachable("the interpreter", url, f"it answers {status}")
