"""Pins that the index does not hold, from the list of digests that every release comes with.

``SHA256SUMS`` of python-build-standalone has a line ``<sha256>  <asset>`` for each archive. It is
believed as far as the connection it comes by: https to GitHub or the mirror the project names. By
plain http it comes only from this machine: elsewhere anybody on the way could write it, and what it
pins counts as an official build.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from packaging.version import Version

from runtime_packager.errors import IntegrityError, PackagerError
from runtime_packager.interpreters.catalogue import Catalogue, Pin
from runtime_packager.interpreters.sources import GithubSource, MirrorSource, Source, serves
from runtime_packager.interpreters.unpack import base_of, token_headers
from runtime_packager.io.progress import Progress
from runtime_packager.io.web import read_small
from runtime_packager.platforms import find_target

LIST = "SHA256SUMS"
MAX_SIZE = 4 * 1024 * 1024
"""Bytes a list may have; real ones have about 200 kB."""

FLAVOURS = ("install_only_stripped", "install_only")
"""Kinds of archives we unpack, the smaller first."""

_HERE = ("127.0.0.1", "::1", "localhost")
_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S+)")


def pins_from_checksums(
    wanted: Sequence[tuple[Version, str]],
    known: Catalogue,
    sources: Sequence[Source],
    progress: Progress,
) -> Catalogue:
    """``known`` and a pin for each wanted (version, target) that its release has an archive for.

    The release is the one that is pinned for the version's other targets.

    :param sources: asked in order; a failure is reported, and the next is asked.
    """
    pins = list(known.pins)
    for python, name in wanted:
        release = next((pin.release for pin in known.pins if pin.python == python), None)
        if release and (pin := _first(python, name, release, sources, progress)):
            pins.append(pin)
    return Catalogue.of(pins)


def _first(
    python: Version, name: str, release: str, sources: Sequence[Source], progress: Progress
) -> Pin | None:
    target = find_target(name)
    for source in sources:
        if not isinstance(source, GithubSource | MirrorSource):
            continue
        if not serves(source, python, target):
            continue
        try:
            digests = _digests(source, release)
        except PackagerError as error:
            progress.warn(f"{source.label}: {error.message}")
            continue
        for flavour in FLAVOURS:
            asset = f"cpython-{python}+{release}-{target.triple}-{flavour}.tar.gz"
            if asset in digests:
                return Pin(python, name, release, asset, digests[asset])
    return None


def _is_authentic(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme != "http" or parts.hostname in _HERE


def _digests(source: GithubSource | MirrorSource, release: str) -> dict[str, str]:
    """Asset -> digest.

    :raises PackagerError: when the list cannot be had or is none.
    """
    url = f"{base_of(source).rstrip('/')}/{release}/{LIST}"
    title = f"{LIST} of release {release}"
    if not _is_authentic(url):
        raise IntegrityError(f"{title} would come by plain http, where anybody could change it")
    data = read_small(url, title=title, max_size=MAX_SIZE, headers=token_headers(url))
    lines = data.decode("utf-8", "replace").splitlines()
    rows = filter(None, (_LINE.fullmatch(line.strip()) for line in lines))
    found = {row[2]: row[1] for row in rows}
    if not found:
        raise IntegrityError(f"{title} is no list of digests")
    return found
