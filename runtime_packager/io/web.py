"""HTTP requests as we make them: the system's trust and proxies, redirects followed by hand.

A redirect leads to http or https only and never from https to http; credentials stay with the
host they were meant for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runtime_packager import __version__
from runtime_packager.errors import InputError, NetworkError
from runtime_packager.io.partial import PATIENCE, Broken, Pace, Patience

if TYPE_CHECKING:
    import ssl

    import httpx

CONNECT_TIMEOUT = 15.0
READ_TIMEOUT = 30.0
"""Seconds a server may stay silent: before it accepts, and between two pieces of an answer."""

MAX_REDIRECTS = 10

_NO_URL = "it redirects to something that is no URL"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

OFFLINE_HINT = "check the connection, and HTTPS_PROXY if there is a proxy"
CERTIFICATE_HINT = (
    "its certificate is not trusted here; behind a company proxy, set SSL_CERT_FILE to its CA"
)
PROXY_HINT = (
    "the proxy wants a log-in: set HTTPS_PROXY to http://name:password@host:port, "
    "or put a local proxy between that logs in for you"
)


def open_client(
    *, connect_timeout: float = CONNECT_TIMEOUT, read_timeout: float = READ_TIMEOUT
) -> httpx.Client:
    """A client to use in a ``with`` block; several threads may share it.

    Proxies come from the environment (``HTTPS_PROXY``, ``NO_PROXY``). Certificates are checked
    against the system's trust store, and ``SSL_CERT_FILE`` adds to it.

    :raises InputError: when ``SSL_CERT_FILE`` names something that holds no certificates.
    """
    import httpx

    return httpx.Client(
        verify=_tls_context(),
        timeout=httpx.Timeout(read_timeout, connect=connect_timeout),
        follow_redirects=False,
        headers={
            "User-Agent": f"runtime-packager/{__version__}",
            "Accept-Encoding": "identity",
        },
    )


def _tls_context() -> ssl.SSLContext:
    import ssl

    import truststore

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if bundle := os.environ.get("SSL_CERT_FILE"):
        try:
            context.load_verify_locations(cafile=bundle)
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                f"SSL_CERT_FILE={bundle} cannot be used: {error}",
                "name a PEM file with CA certificates, or unset it",
            ) from error
    return context


def get(client: httpx.Client, address: str, headers: dict[str, str], title: str) -> httpx.Response:
    """Send a GET and follow redirects; the final answer, its body unread, for the caller to close.

    :param title: what to call the thing in messages.
    :raises InputError: when ``address`` is not an http or https URL.
    :raises NetworkError: for a redirect that is refused. httpx's own errors pass through.
    """
    import httpx

    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise InputError(f"{title}: {host_of(address)} is no URL: {error}") from error
    _require_http(url, title)
    for _ in range(MAX_REDIRECTS + 1):
        request = client.build_request("GET", url, headers=headers)
        try:
            response = client.send(request, stream=True, follow_redirects=False)
        except httpx.InvalidURL as error:
            # httpx looks at where a redirect leads though it is not to follow it
            raise unreachable(title, str(url), _NO_URL) from error
        location = response.headers.get("location")
        if response.status_code not in _REDIRECTS or not location:
            return response
        response.close()
        target = _redirect(url, location, title)
        if not _same_site(url, target):
            headers = _without_credentials(headers)
        url = target
    raise unreachable(title, address, f"more than {MAX_REDIRECTS} redirects")


def read_small(
    url: str,
    *,
    title: str,
    max_size: int,
    headers: dict[str, str],
    patience: Patience = PATIENCE,
) -> bytes:
    """All of a small file at an http, https or ``file:`` URL.

    :param max_size: bytes it may have.
    :param patience: how slowly they may come; one attempt is made.
    :raises NetworkError: when it cannot be had, or is larger.
    """
    import httpx

    if url.startswith("file:"):
        return _read_file(url, title)
    try:
        with open_client() as client:
            answer = get(client, url, headers, title)
            try:
                if answer.status_code != httpx.codes.OK:
                    raise unreachable(title, url, f"it answers {answer.status_code}")
                return _bounded(answer, url, title, max_size, Pace(patience))
            finally:
                answer.close()
    except (httpx.HTTPError, Broken) as error:
        raise unreachable(title, url, str(error), lasting_hint(error) or OFFLINE_HINT) from error


def _read_file(url: str, title: str) -> bytes:
    from pathlib import Path
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        return Path(url2pathname(urlsplit(url).path)).read_bytes()
    except OSError as error:
        raise unreachable(title, url, f"{error.strerror}") from error


def _bounded(answer: httpx.Response, url: str, title: str, max_size: int, pace: Pace) -> bytes:
    data = bytearray()
    for chunk in answer.iter_raw():
        data += chunk
        if len(data) > max_size:
            raise unreachable(title, url, f"it is larger than {max_size} bytes")
        pace.received(len(chunk))
    return bytes(data)


def _redirect(url: httpx.URL, location: str, title: str) -> httpx.URL:
    import httpx

    try:
        target = url.join(location)
    except httpx.InvalidURL as error:
        raise unreachable(title, str(url), _NO_URL) from error
    if target.scheme not in ("http", "https") or (url.scheme, target.scheme) == ("https", "http"):
        raise unreachable(
            title,
            str(url),
            f"it redirects from {url.scheme} to {target.scheme or 'nothing'}, which is refused",
        )
    return target


def _require_http(url: httpx.URL, title: str) -> None:
    if url.scheme not in ("http", "https") or not url.host:
        raise InputError(f"{title}: {host_of(str(url))} is not an http or https URL")


def _same_site(one: httpx.URL, other: httpx.URL) -> bool:
    """The same host and port, or the same host gone from http to https on default ports."""
    if one.host != other.host:
        return False
    return (one.scheme, one.port) == (other.scheme, other.port) or (
        one.port is None and other.port is None and other.scheme == "https"
    )


def _without_credentials(headers: dict[str, str]) -> dict[str, str]:
    secret = {"authorization", "cookie", "proxy-authorization"}
    return {name: value for name, value in headers.items() if name.lower() not in secret}


def host_of(url: str) -> str:
    """The host (and port) of a URL, to name it in messages without any password in it."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2] or url


def lasting_hint(error: BaseException) -> str | None:
    """What to do about a failed request that would fail again; ``None`` when it may not."""
    import httpx

    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return CERTIFICATE_HINT
    if isinstance(error, httpx.ProxyError) and str(error).startswith("407"):
        return PROXY_HINT
    return None


def unreachable(title: str, url: str, cause: str, hint: str = OFFLINE_HINT) -> NetworkError:
    """The error that says what could not be had, from which host and why."""
    return NetworkError(f"{title} could not be downloaded from {host_of(url)}: {cause}", hint)
