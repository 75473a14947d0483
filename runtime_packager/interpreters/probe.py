"""Whether a source could give an interpreter, asked without fetching one."""

from __future__ import annotations

import shutil

from packaging.version import Version

from runtime_packager.errors import PackagerError
from runtime_packager.interpreters.catalogue import Catalogue, Pin
from runtime_packager.interpreters.sources import (
    GithubSource,
    MirrorSource,
    NpmSource,
    Source,
    serves,
)
from runtime_packager.interpreters.unpack import Errand, base_of, route, token_headers
from runtime_packager.io.cache import Cache
from runtime_packager.io.process import run
from runtime_packager.io.progress import Silent
from runtime_packager.io.web import get, host_of, open_client
from runtime_packager.platforms import Target

_TIMEOUT = 10.0
"""Seconds; a source slower than this to say yes is no use to a build."""


def first_failure(
    source: Source, python: Version, target: Target, catalogue: Catalogue, cache: Cache
) -> str | None:
    """Why ``source`` cannot give ``python`` for ``target``; ``None`` when it seems it can.

    Servers are asked for the file but none of it is read; npm is asked for the version.
    """
    if not serves(source, python, target):
        return f"it is not for CPython {python} on {target.name}"
    try:
        route(source, Errand(python, target, cache, Silent()), catalogue)
        match source:
            case GithubSource() | MirrorSource():
                return _ask(base_of(source), catalogue.pin(python, target), cache)
            case NpmSource():
                return None if cache.blob(source.sha256).exists() else _ask_npm(source)
            case _:
                return None
    except PackagerError as error:
        return error.message


def _ask(base: str, pin: Pin, cache: Cache) -> str | None:
    import httpx

    url = pin.url(base)
    if cache.blob(pin.sha256).exists() or url.startswith("file:"):
        return None
    with open_client(connect_timeout=_TIMEOUT, read_timeout=_TIMEOUT) as client:
        try:
            response = get(client, url, token_headers(url), pin.title)
        except httpx.TransportError as error:
            return f"{host_of(url)} cannot be reached: {error}"
        response.close()
    if response.status_code == httpx.codes.OK:
        return None
    return f"{host_of(url)} answered {response.status_code} {response.reason_phrase}".rstrip()


def _ask_npm(source: NpmSource) -> str | None:
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed or not on PATH"
    run([npm, "view", source.package, "version"], timeout=3 * _TIMEOUT)
    return None
