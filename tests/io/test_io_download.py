"""Downloads: complete and verified, or an error that says why; whatever the server does."""

from __future__ import annotations

import errno
import hashlib
import itertools
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes.mirror import (
    Mirror,
    cut,
    cut_silently,
    hang_up,
    page,
    redirect,
    status,
    wrong_range,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_packager.errors import BuildError, InputError, IntegrityError, NetworkError
from runtime_packager.io import partial
from runtime_packager.io.cache import Cache
from runtime_packager.io.download import Patience, fetch, open_client
from runtime_packager.io.progress import Silent

DATA = bytes(range(256)) * 512
SHA256 = hashlib.sha256(DATA).hexdigest()
PATH = "/file.bin"

Get = Callable[..., Path]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def naps() -> list[float]:
    """How long the download slept before each new attempt."""
    return []


@pytest.fixture
def client(mirror: Mirror) -> Iterator[httpx.Client]:
    with open_client() as client:
        yield client


@pytest.fixture
def get(cache: Cache, mirror: Mirror, client: httpx.Client, naps: list[float]) -> Get:
    def get(path: str = PATH, sha256: str = SHA256, **options: Any) -> Path:
        options.setdefault("patience", Patience(sleep=naps.append))
        return fetch(
            cache, mirror.url(path), sha256, title="the file", client=client,
            progress=Silent(), **options,
        )  # fmt: skip

    return get


def files(cache: Cache) -> set[str]:
    """Every file of the cache but its locks."""
    found = (path.relative_to(cache.root) for path in cache.root.rglob("*") if path.is_file())
    return {path.as_posix() for path in found if path.parts[0] != "locks"}


def test_the_file_ends_at_its_digest_and_nothing_beside_it(
    get: Get, mirror: Mirror, cache: Cache
) -> None:
    mirror.put(PATH, DATA, etag='"one"')
    assert get(size=len(DATA)).read_bytes() == DATA
    assert files(cache) == {f"blobs/{SHA256[:2]}/{SHA256}"}


def test_what_is_in_the_cache_is_not_asked_for(get: Get, mirror: Mirror) -> None:
    mirror.put(PATH, DATA)
    assert get() == get()
    assert len(mirror.requests) == 1


def test_two_at_once_fetch_it_once(get: Get, mirror: Mirror) -> None:
    mirror.put(PATH, DATA)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: get(), range(2))
    assert one == other
    assert len(mirror.requests) == 1


def test_a_broken_connection_is_continued_where_it_broke(
    get: Get, mirror: Mirror, naps: list[float]
) -> None:
    mirror.put(PATH, DATA, etag='"one"')
    mirror.plan(PATH, cut(1000))
    assert get().read_bytes() == DATA
    assert mirror.requests[1].headers["range"] == "bytes=1000-"
    assert mirror.requests[1].headers["if-range"] == '"one"'
    assert naps == [0.5]


def test_the_next_run_continues_what_this_one_could_not_finish(get: Get, mirror: Mirror) -> None:
    mirror.put(PATH, DATA, etag='"one"')
    mirror.plan(PATH, cut(1000), *[hang_up] * 3)
    with pytest.raises(NetworkError):
        get()
    assert get().read_bytes() == DATA
    assert mirror.requests[-1].headers["range"] == "bytes=1000-"


def test_a_weak_etag_is_no_condition(get: Get, mirror: Mirror) -> None:
    mirror.put(PATH, DATA, etag='W/"one"')
    mirror.plan(PATH, cut(1000))
    assert get().read_bytes() == DATA
    assert "if-range" not in mirror.requests[1].headers


def test_a_server_without_ranges_starts_over(get: Get, mirror: Mirror) -> None:
    mirror.put(PATH, DATA, ranges=False)
    mirror.plan(PATH, cut(1000))
    assert get().read_bytes() == DATA


def test_a_file_that_changed_meanwhile_is_fetched_whole(get: Get, mirror: Mirror) -> None:
    mirror.put(PATH, b"old" + DATA, etag='"old"')
    mirror.plan(PATH, cut(1000), *[hang_up] * 3)
    with pytest.raises(NetworkError):
        get()
    mirror.put(PATH, DATA, etag='"new"')
    assert get().read_bytes() == DATA


@pytest.mark.parametrize("start", [0, 999, 1001])
def test_a_range_that_was_not_asked_for_is_not_glued_on(
    get: Get, mirror: Mirror, start: int, naps: list[float]
) -> None:
    mirror.put(PATH, DATA)
    mirror.plan(PATH, cut(1000), wrong_range(start))
    assert get().read_bytes() == DATA
    assert naps == [0.5, 1.0]  # refused at its head, not found out by the digest at its end


def test_a_partial_answer_to_a_whole_request_is_refused(get: Get, mirror: Mirror) -> None:
    mirror.put(PATH, DATA)
    mirror.plan(PATH, wrong_range(0))
    assert get().read_bytes() == DATA


def test_a_wrong_beginning_is_found_out_and_fetched_again(
    get: Get, mirror: Mirror, cache: Cache
) -> None:
    part = cache.blob(SHA256).with_name(f"{SHA256}.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"not the beginning of it")
    mirror.put(PATH, DATA)
    assert get().read_bytes() == DATA
    assert len(mirror.requests) == 2


def test_a_part_longer_than_the_file_is_given_up(get: Get, mirror: Mirror, cache: Cache) -> None:
    part = cache.blob(SHA256).with_name(f"{SHA256}.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(DATA + DATA)
    mirror.put(PATH, DATA)
    assert get().read_bytes() == DATA


def test_a_complete_part_needs_no_request(get: Get, mirror: Mirror, cache: Cache) -> None:
    part = cache.blob(SHA256).with_name(f"{SHA256}.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(DATA)
    assert get().read_bytes() == DATA
    assert mirror.requests == []


@pytest.mark.parametrize("fault", [status(500), status(503), status(429), hang_up])
def test_passing_troubles_are_waited_out(get: Get, mirror: Mirror, fault: Any, naps: Any) -> None:
    mirror.put(PATH, DATA)
    mirror.plan(PATH, fault, fault)
    assert get().read_bytes() == DATA
    assert naps == [0.5, 1.0]


def test_patience_ends(get: Get, mirror: Mirror, naps: list[float]) -> None:
    mirror.plan(PATH, *[status(503)] * 9)
    with pytest.raises(NetworkError, match=r"the file .* from 127\.0\.0\.1:\d+: .*503"):
        get()
    assert naps == [0.5, 1.0, 2.0]


def test_a_missing_file_is_not_asked_for_again(get: Get, mirror: Mirror) -> None:
    with pytest.raises(NetworkError, match=r"127\.0\.0\.1:\d+: the server answered 404"):
        get()
    assert len(mirror.requests) == 1


def test_nobody_listening_is_said_with_the_host(cache: Cache, client: httpx.Client) -> None:
    with Mirror() as gone:
        url = gone.url(PATH)
    with pytest.raises(NetworkError, match=r"from 127\.0\.0\.1:\d+: .*refused") as caught:
        fetch(
            cache, url, SHA256, title="it", client=client, progress=Silent(),
            patience=Patience(attempts=1),
        )  # fmt: skip
    assert "HTTPS_PROXY" in (caught.value.hint or "")


def test_wrong_bytes_are_refused_and_removed(get: Get, mirror: Mirror, cache: Cache) -> None:
    actual = mirror.put(PATH, b"something else")
    with pytest.raises(IntegrityError) as caught:
        get()
    assert SHA256 in str(caught.value)
    assert actual in str(caught.value)
    assert files(cache) == set()


@pytest.mark.parametrize("size", [None, len(DATA)])
def test_a_log_in_page_is_recognised(get: Get, mirror: Mirror, size: int | None) -> None:
    mirror.plan(PATH, page())
    with pytest.raises(IntegrityError) as caught:
        get(size=size)
    assert "log-in page" in (caught.value.hint or "")


def test_a_wrong_announced_size_ends_it_before_the_body(get: Get, mirror: Mirror) -> None:
    mirror.put(PATH, DATA)
    with pytest.raises(IntegrityError, match=r"expected 7 bytes, actual 131072 bytes"):
        get(size=7)


@pytest.mark.parametrize("fault", [cut_silently(len(DATA)), cut(len(DATA))])
def test_nothing_grows_past_its_bound(get: Get, mirror: Mirror, fault: Any, cache: Cache) -> None:
    mirror.put(PATH, DATA)
    mirror.plan(PATH, fault)
    with pytest.raises(IntegrityError, match="at most 1000 bytes"):
        get(max_size=1000)
    assert files(cache) == set()


def test_a_short_body_without_a_length_is_noticed(get: Get, mirror: Mirror) -> None:
    mirror.put(PATH, DATA)
    mirror.plan(PATH, cut_silently(1000))
    assert get(size=len(DATA)).read_bytes() == DATA
    assert mirror.requests[1].headers["range"] == "bytes=1000-"


def test_a_short_body_of_unknown_size_never_becomes_a_blob(
    get: Get, mirror: Mirror, cache: Cache
) -> None:
    mirror.put(PATH, DATA)
    mirror.plan(PATH, cut_silently(1000))
    with pytest.raises(IntegrityError, match="not what was promised"):
        get()
    assert files(cache) == set()


def test_a_trickle_is_given_up(get: Get, mirror: Mirror) -> None:
    mirror.put(PATH, DATA[:500])
    hours = itertools.count(0, 3600)
    patience = Patience(attempts=1, clock=lambda: float(next(hours)))
    with pytest.raises(NetworkError, match="too slow: 500 bytes in 3600 s"):
        get(patience=patience)


def test_bytes_are_taken_as_they_are(get: Get, mirror: Mirror) -> None:
    mirror.put(PATH, DATA, headers={"Content-Encoding": "gzip"})
    assert get().read_bytes() == DATA
    assert mirror.requests[0].headers["accept-encoding"] == "identity"


def test_redirects_are_followed(get: Get, mirror: Mirror) -> None:
    mirror.put(PATH, DATA)
    mirror.plan("/start", redirect("/middle", 307))
    mirror.plan("/middle", redirect(mirror.url(PATH)))
    assert get("/start").read_bytes() == DATA


@pytest.mark.parametrize("location", ["file:///etc/hosts", "ftp://127.0.0.1/file", "data:,x"])
def test_redirects_leave_http_for_nothing_else(get: Get, mirror: Mirror, location: str) -> None:
    mirror.plan(PATH, redirect(location))
    with pytest.raises(NetworkError, match=r"redirects (from http to|to something)"):
        get()


def test_redirects_in_a_circle_end(get: Get, mirror: Mirror) -> None:
    mirror.plan(PATH, *[redirect(PATH)] * 20)
    with pytest.raises(NetworkError, match="more than 10 redirects"):
        get()
    assert len(mirror.requests) == 11


def test_https_never_becomes_http(cache: Cache) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.scheme == "https"
        return httpx.Response(302, headers={"Location": "http://example.test/file"})

    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        pytest.raises(NetworkError, match="from https to http"),
    ):
        fetch(
            cache, "https://example.test/file", SHA256, title="it", client=client,
            progress=Silent(),
        )  # fmt: skip


def test_credentials_stay_with_their_host(get: Get, mirror: Mirror) -> None:
    with Mirror() as other:
        other.put(PATH, DATA)
        mirror.plan("/start", redirect("/here"))
        mirror.plan("/here", redirect(other.url(PATH)))
        get("/start", headers={"Authorization": "Bearer secret"})
        assert [request.headers.get("authorization") for request in mirror.requests] == [
            "Bearer secret",
            "Bearer secret",
        ]
        assert "authorization" not in other.requests[0].headers


def test_a_password_in_the_address_stays_out_of_the_message(
    cache: Cache, mirror: Mirror, client: httpx.Client
) -> None:
    url = mirror.url(PATH).replace("://", "://me:secret@")
    with pytest.raises(NetworkError) as caught:
        fetch(cache, url, SHA256, title="it", client=client, progress=Silent())
    assert "secret" not in str(caught.value)
    assert mirror.requests[0].headers["authorization"].startswith("Basic ")


def test_a_proxy_of_the_environment_is_used(
    mirror: Mirror, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", mirror.base)
    mirror.put(PATH, DATA)
    with open_client() as client:
        got = fetch(
            cache, f"http://example.invalid{PATH}", SHA256, title="it", client=client,
            progress=Silent(),
        )  # fmt: skip
    assert got.read_bytes() == DATA
    assert mirror.requests[0].headers["host"] == "example.invalid"


def test_a_useless_certificate_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(InputError, match=r"SSL_CERT_FILE=.*none\.pem"):
        open_client()


def test_only_http_is_fetched(get: Get, cache: Cache, client: httpx.Client) -> None:
    with pytest.raises(InputError, match="not an http or https URL"):
        fetch(cache, "ftp://host/file", SHA256, title="it", client=client, progress=Silent())


def test_a_full_disk_is_said_with_place_and_need(
    get: Get, mirror: Mirror, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    mirror.put(PATH, DATA)
    monkeypatch.setattr(partial.Part, "append", full)
    with pytest.raises(BuildError) as caught:
        get(size=len(DATA))
    assert str(cache.root) in caught.value.message
    assert f"{len(DATA)} bytes" in caught.value.message


@settings(max_examples=30)
@given(
    data=st.binary(min_size=1, max_size=5000),
    cuts=st.lists(st.integers(0, 5000), max_size=5),
    ranges=st.booleans(),
    etag=st.sampled_from([None, '"a"', 'W/"a"']),
)
def test_however_often_it_breaks_the_bytes_are_right(
    data: bytes, cuts: list[int], ranges: bool, etag: str | None
) -> None:
    patience = Patience(attempts=len(cuts) + 1, sleep=lambda _: None)
    with (
        tempfile.TemporaryDirectory() as folder,
        Mirror() as mirror,
        httpx.Client(trust_env=False) as client,
    ):
        sha256 = mirror.put(PATH, data, ranges=ranges, etag=etag)
        mirror.plan(PATH, *[cut(count) for count in cuts])
        got = fetch(
            Cache(Path(folder)), mirror.url(PATH), sha256, title="it", client=client,
            progress=Silent(), patience=patience,
        )  # fmt: skip
        assert got.read_bytes() == data
