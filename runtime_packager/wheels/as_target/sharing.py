"""Keeping what does not depend on the target: pages, links, files, metadata, prepared sources.

pip makes finder, resolver and candidates anew for every target, which is what keeps targets apart;
below them lie functions whose results are the same for all. Those are remembered here, failures to
read a page included. A pip that lacks one of :data:`SHARED_POINTS` is only slower.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any

from runtime_packager.wheels.as_target.listening import Ear
from runtime_packager.wheels.as_target.patching import Believed, exists, wrap

_PREPARE = "pip._internal.operations.prepare"
_FINDER = "pip._internal.index.package_finder"
_LINKS = (_FINDER, "PackageFinder.evaluate_links")
_VERDICT = (_FINDER, "LinkEvaluator.evaluate_link")
_NAME = (_FINDER, "Wheel")
_PAGE = ("pip._internal.index.collector", "LinkCollector.fetch_response")
_FILE = (_PREPARE, "get_http_url")
_METADATA = (_PREPARE, "get_metadata_distribution")
_PREPARED = (_PREPARE, "_get_prepared_distribution")
_PARTS = (_PREPARE, "RequirementPreparer._fetch_metadata_using_lazy_wheel")

SHARED_POINTS = (_LINKS, _VERDICT, _NAME, _PAGE, _FILE, _METADATA, _PREPARED, _PARTS)
"""(module, attribute) of what is remembered; present from pip 25.1 on."""

LARGE = 10_000_000
"""Bytes from which on a wheel's metadata is read out of the wheel where it lies: the three or four
requests that takes cost less than the file. Only asked of indexes that do not serve metadata by
itself (PEP 658)."""


def share(believed: Believed, ear: Ear) -> None:
    """Have pip remember from target to target what is the same for all.

    Call it before :func:`~.listening.listen`, which has to hear what is remembered as well.
    """
    wheels = _Wheels(believed)
    for point, wrapper in (
        (_LINKS, _fitting_links(wheels, ear)),
        (_VERDICT, _verdicts(wheels)),
        (_NAME, _names()),
        (_PAGE, _pages(ear)),
        (_FILE, _files()),
        (_METADATA, _metadata()),
        (_PREPARED, _prepared()),
        (_PARTS, _parts(ear)),
    ):
        if exists(*point):
            wrap(*point, wrapper)
    _parse_metadata_once()


def _parse_metadata_once() -> None:
    """The standard library parses a distribution's metadata whenever its name is asked for."""
    from importlib.metadata import Distribution

    parse = Distribution.metadata.fget  # type: ignore[attr-defined]

    def metadata(self: Any) -> Any:
        if "_parsed" not in self.__dict__:
            self.__dict__["_parsed"] = parse(self)
        return self.__dict__["_parsed"]

    setattr(Distribution, "metadata", property(metadata))  # noqa: B010 (mypy: not our property)


class _Wheels:
    """Names and tags of wheels by address, and whether they fit the target at hand."""

    def __init__(self, believed: Believed) -> None:
        from pip._vendor.packaging.utils import canonicalize_name

        self._believed = believed
        self._known: dict[str, tuple[str, frozenset[Any]] | None] = {}
        # Thousands of files share a few hundred combinations of tags.
        self._tags = functools.cache(_tags)
        self._canonical = functools.cache(canonicalize_name)

    def unfit(self, link: Any) -> str | None:
        """The project of a wheel whose tags do not fit; ``None`` for all pip has to judge."""
        url = link.url
        wheel = self._known[url] if url in self._known else self._learn(link)
        if wheel is None or not wheel[1].isdisjoint(self._believed.known):
            return None
        return wheel[0]

    def _learn(self, link: Any) -> tuple[str, frozenset[Any]] | None:
        found, filename = None, link.filename
        # name-version[-build]-python-abi-platform.whl
        parts = filename.removesuffix(".whl").split("-")
        if filename.endswith(".whl") and len(parts) in (5, 6) and not link.egg_fragment:
            tags = self._tags("-".join(parts[-3:]))
            found = (str(self._canonical(parts[0])), tags) if tags else None
        return self._known.setdefault(link.url, found)


def _tags(text: str) -> frozenset[Any] | None:
    """``None`` for what is no tag: old files are called ``py36+-none-any`` and the like."""
    from pip._vendor.packaging.tags import parse_tag

    try:
        return frozenset(parse_tag(text))
    except ValueError:
        return None


def _pages(ear: Ear) -> Callable[..., Any]:
    """Index pages by address, with what was heard of those that could not be read."""
    known: dict[str, tuple[Any, list[tuple[str, str]]]] = {}

    def fetch(original: Callable[..., Any], self: Any, location: Any, **kw: Any) -> Any:
        if location.url in known:
            page, unread = known[location.url]
            ear.seen.unreachable.extend(unread)
            return page
        before = len(ear.seen.unreachable)
        page = original(self, location, **kw)
        if page is not None:
            # pip keeps the links of pages so marked, itself.
            page = dataclasses.replace(page, cache_link_parsing=True)
        known[location.url] = page, ear.seen.unreachable[before:]
        return page

    return fetch


def _fitting_links(wheels: _Wheels, ear: Ear) -> Callable[..., Any]:
    """Wheels whose tags do not fit are passed over before pip looks at them.

    Most files of a large project are for other platforms or Pythons, and pip takes the name of
    each apart for every target.
    """

    def evaluate(
        original: Callable[..., Any], self: Any, link_evaluator: Any, links: Iterable[Any]
    ) -> Any:
        if ear.seen.wanted or "binary" not in link_evaluator._formats:
            return original(self, link_evaluator, links)
        name, fitting = link_evaluator._canonical_name, []
        unfit = ear.seen.unfit.setdefault(link_evaluator.project_name, [])
        for link in links:
            project = wheels.unfit(link)
            if project is None:
                fitting.append(link)
            elif project == name:
                unfit.append(link)
        return original(self, link_evaluator, fitting)

    return evaluate


def _verdicts(wheels: _Wheels) -> Callable[..., Any]:
    """pip's judgement of a file: the same for all targets whose tags it fits, or does not."""
    known: dict[tuple[object, ...], Any] = {}

    def evaluate(original: Callable[..., Any], self: Any, link: Any) -> Any:
        key = (link.url, self.project_name, self._formats, wheels.unfit(link))
        if key not in known:
            known[key] = original(self, link)
        return known[key]

    return evaluate


def _names() -> Callable[..., Any]:
    """Wheels' file names, taken apart."""
    known: dict[str, Any] = {}

    def parse(original: Callable[..., Any], filename: str) -> Any:
        if filename not in known:
            known[filename] = original(filename)
        return known[filename]

    return parse


def _files() -> Callable[..., Any]:
    """Downloaded files by address; pip's temporary directories last as long as its command."""
    known: dict[str, Any] = {}

    def fetch(
        original: Callable[..., Any],
        link: Any,
        download: Any,
        download_dir: str | None = None,
        hashes: Any = None,
    ) -> Any:
        url = link.url_without_fragment
        if url not in known:
            known[url] = original(link, download, download_dir, hashes)
        elif hashes:
            hashes.check_against_path(known[url].path)
        return known[url]

    return fetch


def _metadata() -> Callable[..., Any]:
    """Parsed metadata by its text; what it requires is evaluated anew each time."""
    known: dict[tuple[bytes, str, str], Any] = {}

    def parse(original: Callable[..., Any], contents: bytes, filename: str, name: str) -> Any:
        key = (contents, filename, str(name))
        if key not in known:
            known[key] = original(contents, filename, name)
        return known[key]

    return parse


def _prepared() -> Callable[..., Any]:
    """Wheels and source archives with their metadata; the latter's takes a build backend to say."""
    known: dict[str, tuple[Any, str | None]] = {}

    def prepare(original: Callable[..., Any], req: Any, *rest: Any, **kw: Any) -> Any:
        url = req.link.url
        if url not in known:
            known[url] = original(req, *rest, **kw), req.metadata_directory
        found, req.metadata_directory = known[url]
        return found

    return prepare


def _parts(ear: Ear) -> Callable[..., Any]:
    """The metadata of large wheels, read by ranges (pip's ``fast-deps``), from servers that can.

    Six platforms of one large project would else be downloaded whole, only to be asked what they
    require. Their digest is the index's word then, and is checked when they are fetched.
    """
    known: dict[str, Any] = {}

    def fetch(original: Callable[..., Any], self: Any, link: Any) -> Any:
        size = ear.sizes.get(link.url_without_fragment, 0)
        if size < LARGE or link.hash_name != "sha256":
            return None
        if link.url not in known:
            self.use_lazy_wheel = True
            try:
                known[link.url] = original(self, link)
            except Exception:
                # Whatever a server makes of ranges, the whole file is still to be had.
                known[link.url] = None
        return known[link.url]

    return fetch
