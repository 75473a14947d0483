"""Servers and proxies that harm: refused with the cause, bounded, and a rerun succeeds."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import itertools
import random
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from fakes.mirror import Answer, Fault, File, Mirror, cut, redirect, status

from runtime_packager.errors import IntegrityError, NetworkError
from runtime_packager.io.cache import Cache
from runtime_packager.io.download import Patience, fetch, open_client
from runtime_packager.io.progress import Silent
from runtime_packager.io.web import read_small

DATA = random.Random(7).randbytes(60_000)
DIGEST = hashlib.sha256(DATA).hexdigest()
PATH = "/file.bin"
PATIENT = Patience(attempts=2, sleep=lambda _: None)


class Fetch:
    """Fetches one file; what lies in the cache afterwards is it, a part of it, or nothing."""

    def __init__(self, folder: Path) -> None:
        self.cache = Cache(folder / "cache")

    def __call__(self, url: str, patience: Patience = PATIENT, size: int | None = None) -> bytes:
        with open_client() as client:
            got = fetch(
                self.cache, url, DIGEST, title="the file", client=client, progress=Silent(),
                patience=patience, size=size,
            )  # fmt: skip
        return got.read_bytes()

    def blobs(self) -> list[str]:
        """Names of what was published."""
        found = (self.cache.root / "blobs").rglob("*")
        return [p.name for p in found if p.is_file() and p.suffix not in (".part", ".etag")]


@pytest.fixture
def get(tmp_path: Path) -> Fetch:
    return Fetch(tmp_path)


def test_cut_at_random_points_the_next_run_ends_it(get: Fetch, mirror: Mirror) -> None:
    points = random.Random(1)
    mirror.put(PATH, DATA, etag='"one"')
    for _ in range(40):
        mirror.plan(PATH, *[cut(points.randrange(700)) for _ in range(2)])
        with pytest.raises(NetworkError, match="the file"):
            get(mirror.url(PATH))
        assert get.blobs() == []
    assert get(mirror.url(PATH)) == DATA
    assert get.blobs() == [DIGEST]


def header(code: int, name: str, value: str, body: bytes = b"") -> Fault:
    """An answer with one header that is out of the ordinary."""
    return lambda answer, _: answer.reply(code, body, {name: value})


def part_of_another_version(answer: Answer, file: File | None) -> None:
    """206 from the right place on, but of what the file has become meanwhile."""
    assert file
    start = answer.start(file)
    body = b"x" * (len(DATA) - start)
    span = {"Content-Range": f"bytes {start}-{len(DATA) - 1}/{len(DATA)}", "ETag": '"two"'}
    answer.reply(206, body, span)


@pytest.mark.parametrize(
    "fault",
    [
        header(206, "Content-Length", "5", b"12345"),
        header(206, "Content-Range", f"bytes {'9' * 5000}-{'9' * 5000}/*"),
        header(206, "Content-Range", "bytes \u0661-\u0662/*".encode().decode("latin-1")),
        header(200, "Content-Length", "-5"),
        header(200, "Content-Length", "9" * 5000),
        header(200, "Transfer-Encoding", "gzip"),
        header(200, "ETag", '"\u00e9"', DATA),
        status(416),
        part_of_another_version,
    ],
)
def test_an_answer_that_makes_no_sense_is_got_over(
    get: Fetch, mirror: Mirror, fault: Fault
) -> None:
    mirror.put(PATH, DATA, etag='"one"')
    mirror.plan(PATH, cut(1000), fault)
    assert get(mirror.url(PATH), Patience(attempts=4, sleep=lambda _: None), len(DATA)) == DATA


@pytest.mark.parametrize("length", ["99999", "5"])
def test_a_wrong_length_is_refused_before_the_body(get: Fetch, mirror: Mirror, length: str) -> None:
    mirror.put(PATH, DATA)
    mirror.plan(PATH, header(200, "Content-Length", length))
    with pytest.raises(IntegrityError, match=f"expected {len(DATA)} bytes, actual {length} bytes"):
        get(mirror.url(PATH), size=len(DATA))
    assert get.blobs() == []
    assert get(mirror.url(PATH), size=len(DATA)) == DATA


def test_a_byte_a_second_is_too_slow_for_small_files_too(mirror: Mirror) -> None:
    mirror.put(PATH, b"sums")
    hours = itertools.count(0, 3600)
    patience = Patience(clock=lambda: float(next(hours)))
    with pytest.raises(NetworkError, match="too slow: 4 bytes in 3600 s"):
        read_small(mirror.url(PATH), title="sums", max_size=9, headers={}, patience=patience)
    assert read_small(mirror.url(PATH), title="sums", max_size=9, headers={}) == b"sums"


def test_a_gzip_bomb_stays_packed(get: Fetch, mirror: Mirror) -> None:
    bomb = gzip.compress(bytes(50_000_000), 9)
    mirror.put(PATH, bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(IntegrityError, match=rf"\({len(bomb)} bytes\)"):
        get(mirror.url(PATH))
    assert get.blobs() == []
    same = read_small(mirror.url(PATH), title="sums", max_size=len(bomb), headers={})
    assert same == bomb
    mirror.put(PATH, DATA)
    assert get(mirror.url(PATH)) == DATA


@pytest.mark.parametrize("location", ["file:///etc/hosts", "ftp://127.0.0.1/x", "data:,x"])
def test_small_files_are_not_redirected_elsewhere_either(mirror: Mirror, location: str) -> None:
    mirror.plan(PATH, redirect(location))
    with pytest.raises(NetworkError, match="redirects"):
        read_small(mirror.url(PATH), title="sums", max_size=99, headers={})


def test_a_redirect_loop_of_two_ends(get: Fetch, mirror: Mirror) -> None:
    mirror.plan("/a", *[redirect("/b", 307)] * 20)
    mirror.plan("/b", *[redirect("/a", 308)] * 20)
    with pytest.raises(NetworkError, match="more than 10 redirects"):
        get(mirror.url("/a"))
    assert len(mirror.requests) == 11


class Locked(BaseHTTPRequestHandler):
    """A proxy that lets nobody through without a log-in."""

    def do_GET(self) -> None:
        self.server.asked.append(self.command)  # type: ignore[attr-defined]
        self.send_response(407, "Proxy Authentication Required")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_CONNECT = do_GET  # noqa: N815 - the server looks it up by this name

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.mark.parametrize(("scheme", "method"), [("http", "GET"), ("https", "CONNECT")])
def test_a_proxy_that_wants_a_log_in_is_asked_once(
    get: Fetch, mirror: Mirror, monkeypatch: pytest.MonkeyPatch, scheme: str, method: str
) -> None:
    with HTTPServer(("127.0.0.1", 0), Locked) as proxy:
        proxy.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://127.0.0.1:{proxy.server_port}")
        with pytest.raises(NetworkError, match="407") as caught:
            get(f"{scheme}://files.invalid/it")
        proxy.shutdown()
        thread.join()
    assert proxy.asked == [method]  # type: ignore[attr-defined]
    assert "name:password@" in (caught.value.hint or "")
    assert "files.invalid" in caught.value.message


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for ``name`` and 127.0.0.1, with its key, in one PEM file."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    hosts: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "localhost":
        hosts.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{name}.pem").write_bytes(secret + made.public_bytes(Encoding.PEM))
    return folder / f"{name}.pem"


class Intercepted(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


class Quiet(HTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that do not trust us hang up: that is what is tested."""


@pytest.fixture
def interceptor(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, Path]]:
    """An https server with a certificate of its own making: (its address, the certificate)."""
    pem = certificate(tmp_path, request.param)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with Quiet(("127.0.0.1", 0), Intercepted) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}", pem
        server.shutdown()
        thread.join()


def refuses(get: Fetch, url: str) -> None:
    with pytest.raises(NetworkError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        get(url, Patience(attempts=9, sleep=pytest.fail))
    assert "SSL_CERT_FILE" in (caught.value.hint or "")
    assert get.blobs() == []
    with pytest.raises(NetworkError) as caught:
        read_small(url, title="sums", max_size=99, headers={})
    assert "SSL_CERT_FILE" in (caught.value.hint or "")


@pytest.mark.parametrize("interceptor", ["localhost"], indirect=True)
@pytest.mark.usefixtures("mirror")
def test_a_tls_connection_that_is_intercepted_is_refused_until_its_ca_is_named(
    get: Fetch, interceptor: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, pem = interceptor
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    refuses(get, f"{url}{PATH}")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    assert get(f"{url}{PATH}") == DATA


@pytest.mark.parametrize("interceptor", ["elsewhere.invalid"], indirect=True)
@pytest.mark.usefixtures("mirror")
def test_a_trusted_certificate_for_another_host_is_refused(
    get: Fetch, interceptor: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, pem = interceptor
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    refuses(get, f"{url}{PATH}")


def test_from_https_to_http_is_refused_on_a_real_connection(
    get: Fetch, tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"Location": mirror.url(PATH)})

    mirror.put(PATH, DATA)
    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        pytest.raises(NetworkError, match="from https to http, which is refused"),
    ):
        fetch(
            get.cache, "https://files.invalid/it", DIGEST, title="the file", client=client,
            progress=Silent(),
        )  # fmt: skip
    assert mirror.requests == []
