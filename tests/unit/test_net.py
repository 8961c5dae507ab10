"""The only door out: what is refused, what is bounded, and that nothing else opens a connection."""

import ast
import gzip
import hashlib
import ipaddress
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpcore
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import freehold
from freehold import net
from freehold.egress import Egress, is_public
from freehold.errors import EgressDenied, FetchFailed, FreeholdError, InvalidInput, NotFound, TooLarge
from freehold.net import Fetched, download, fetch
from freehold.net.response import unpacked

Answer = Callable[[bytes, socket.socket], None]
"""Given a request's head, does what it likes with the connection."""


class Server:
    """Speaks whatever a test wants on a loopback port, and remembers what it was asked."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self._answer = answer
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in (self._accepting, *self._threads):
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        try:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            self.requests.append(head)
            self._answer(head, connection)
        except OSError:
            pass  # the client hung up, as it should on some of these
        finally:
            connection.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(answer: Answer, context: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(answer, context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def says(status: str, headers: str = "", body: bytes = b"") -> Answer:
    def answer(_: bytes, connection: socket.socket) -> None:
        connection.sendall(
            f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body
        )

    return answer


def names(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    return lambda host, port: addresses


LOOPBACK = names("127.0.0.1")


def get(url: str, egress: Egress | None = None, resolve: net.Resolve = LOOPBACK, **more: float) -> Fetched:
    return fetch(
        url, egress=egress or Egress(), resolve=resolve, max_bytes=int(more.pop("max_bytes", 10_000)), **more
    )


def home(server: Server, host: str = "docs.test") -> Egress:
    """Names the host with the server's port, and lets it be a private address."""
    return Egress(allowed_private=[host]).with_named(host, server.port)


def at(server: Server, path: str = "/", host: str = "docs.test") -> str:
    return f"http://{host}:{server.port}{path}"


def test_a_page_is_fetched_with_what_is_said_about_it(serve: Callable[..., Server]) -> None:
    server = serve(says("200 OK", 'Content-Type: Text/HTML; Charset=UTF-8\r\nETag: "x"\r\n', b"hello"))
    page = get(at(server, "/a?b=c#d"), home(server), headers=None)
    assert (page.body, page.status, page.content_type, page.charset) == (b"hello", 200, "text/html", "utf-8")
    assert (page.etag, page.not_modified, page.address) == ('"x"', False, "127.0.0.1")
    head = server.requests[0]
    assert head.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert f"Host: docs.test:{server.port}".encode() in head


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.0.0.0x1/",
        "http://0/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://[64:ff9b:1::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
        "http://[2606:4700::5efe:127.0.0.1]/",
        "http://[fe80::1]/",
        "http://[fe80::1%25lo]/",
        "http://[fec0::1]/",
        "http://[fc00::1]/",
        "http://[ff02::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://192.0.2.1/",
        "http://198.18.0.1/",
        "http://224.0.0.1/",
        "http://240.0.0.1/",
        "http://255.255.255.255/",
    ],
)
def test_addresses_that_are_not_public_are_refused_in_every_form(url: str) -> None:
    host = url.removeprefix("http://").partition("/")[0]
    egress = Egress([host, host.strip("[]").removesuffix("."), "0x7f.1", "*.1"])
    with pytest.raises((EgressDenied, InvalidInput)):
        fetch(url, egress=egress, max_bytes=10, deadline_seconds=2)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101", "2002:101:101::1"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_changes_nothing(address: ipaddress.IPv4Address) -> None:
    for wrapped in (
        f"::ffff:{address}",
        f"64:ff9b::{address}",
        str(ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80) | 1)),
    ):
        assert is_public(ipaddress.ip_address(wrapped)) == is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "docs.test",
        "//docs.test/",
        "http://",
        "http:///path",
        "http://good@127.0.0.1/",
        "http://user:word@docs.test/",
        "http://docs.test:99999/",
        "http://docs.test:x/",
        "http://[::1/",
        "http://①②⑦.⓪.⓪.①/",
        "http://docs.test\r\nX-Evil: 1/",
        "http://a\\@127.0.0.1/",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "gopher://docs.test/",
        "ftp://docs.test/",
        "javascript:alert(1)",
        "data:text/html,hello",
        "unix:///var/run/x.sock",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        get(url, Egress(["docs.test", "good", "a"], ["docs.test", "127.0.0.1"]))


def test_a_host_that_nothing_allows_is_refused_before_it_is_looked_up() -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        raise AssertionError("looked up")

    with pytest.raises(EgressDenied, match="Nothing allows"):
        get("http://elsewhere.test/", Egress(["docs.test"]), resolve=resolve)


def test_allowing_private_addresses_does_not_allow_the_host() -> None:
    with pytest.raises(EgressDenied, match="Nothing allows"):
        get("http://docs.test/", Egress([], ["docs.test"]))


@pytest.mark.parametrize(
    ("entry", "host", "port", "allowed"),
    [
        ("docs.test", "docs.test", 80, True),
        ("Docs.Test.", "docs.test", 443, True),
        ("docs.test", "docs.test", 8080, False),
        ("docs.test:8080", "docs.test", 8080, True),
        ("docs.test:8080", "docs.test", 80, False),
        ("docs.test", "evildocs.test", 80, False),
        ("docs.test", "docs.test.evil.test", 80, False),
        ("docs.test", "www.docs.test", 80, False),
        ("*.docs.test", "www.docs.test", 80, True),
        ("*.docs.test", "a.b.docs.test", 80, True),
        ("*.docs.test", "docs.test", 80, False),
        ("*.docs.test", "evildocs.test", 80, False),
        ("*.1", "10.0.0.1", 80, False),
        ("10.0.0.1", "10.0.0.1", 80, True),
        ("::1", "::1", 80, True),
        ("[::1]:8080", "::1", 8080, True),
        ("0:0::1", "::1", 80, True),
    ],
)
def test_entries_allow_what_they_say(entry: str, host: str, port: int, allowed: bool) -> None:
    assert Egress([entry]).permits(host, port) is allowed


def test_a_named_port_is_allowed_and_others_are_not(serve: Callable[..., Server]) -> None:
    server = serve(says("200 OK", "", b"yes"))
    assert get(at(server), home(server)).body == b"yes"
    with pytest.raises(EgressDenied):
        get(at(server), Egress(["docs.test"], ["docs.test"]))


@pytest.mark.parametrize("host", ["DOCS.test", "docs.test.", "Docs.Test."])
def test_a_name_is_one_name_however_it_is_written(serve: Callable[..., Server], host: str) -> None:
    server = serve(says("200 OK", "", b"yes"))
    assert get(at(server, host=host), home(server)).body == b"yes"


def test_a_name_in_another_script_is_looked_up_as_it_is_written_on_the_wire(
    serve: Callable[..., Server],
) -> None:
    server = serve(says("200 OK", "", b"yes"))
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    get(at(server, host="bücher.test"), home(server, "xn--bcher-kva.test"), resolve=resolve)
    assert asked == ["xn--bcher-kva.test"]


def test_only_public_ones_of_a_names_addresses_are_tried() -> None:
    tried: list[str] = []

    class Backend:
        def connect_tcp(self, host: str, *_: object) -> None:
            tried.append(host)
            raise net.connection.httpcore.ConnectError("recorded")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(net.connection.httpcore, "SyncBackend", Backend)
        with pytest.raises(FetchFailed):
            get(
                "http://docs.test/",
                Egress(["docs.test"]),
                resolve=names("127.0.0.1", "1.1.1.1", "10.0.0.1", "9.9.9.9"),
            )
    assert tried == ["1.1.1.1", "9.9.9.9"]


def test_what_a_name_means_cannot_change_between_judging_and_connecting() -> None:
    tried: list[str] = []
    answers = iter([["1.1.1.1"], ["127.0.0.1"], ["127.0.0.1"]])

    class Backend:
        def connect_tcp(self, host: str, *_: object) -> None:
            tried.append(host)
            raise net.connection.httpcore.ConnectError("recorded")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(net.connection.httpcore, "SyncBackend", Backend)
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("looked up again"))
        with pytest.raises(FetchFailed):
            get("http://docs.test/", Egress(["docs.test"]), resolve=lambda host, port: next(answers))
    assert tried == ["1.1.1.1"]
    assert next(answers) == ["127.0.0.1"]


def test_a_name_with_only_private_addresses_is_refused() -> None:
    for addresses in (["127.0.0.1"], ["10.0.0.1", "::1", "fe80::1%eth0"], ["::ffff:192.168.0.1"]):
        with pytest.raises(EgressDenied, match="only private"):
            get("http://docs.test/", Egress(["docs.test"]), resolve=names(*addresses))


def test_localhost_is_private_however_it_is_written() -> None:
    for host in ("localhost", "LOCALHOST", "localhost."):
        with pytest.raises(EgressDenied):
            fetch(f"http://{host}/", egress=Egress(["localhost"]), max_bytes=10)


def test_the_second_address_is_tried_when_the_first_does_not_answer(serve: Callable[..., Server]) -> None:
    server = serve(says("200 OK", "", b"yes"))
    assert get(at(server), home(server), resolve=names("127.0.0.2", "127.0.0.1")).address == "127.0.0.1"


def test_a_content_type_without_end_is_none() -> None:
    said = [(b"content-type", b'text/event-stream; a="' + b";" * 90_000)]
    answer = net.response.Answer(httpx.URL("https://host.test/"), httpcore.Response(200, headers=said), "")
    assert (answer.content_type, answer.charset) == ("", None)


def test_a_redirect_is_followed_on_its_host(serve: Callable[..., Server]) -> None:
    def answer(head: bytes, connection: socket.socket) -> None:
        moved = says("302 Found", "Location: /there?x=1\r\n")
        (says("200 OK", "", b"there") if b"/there" in head else moved)(head, connection)

    server = serve(answer)
    page = get(at(server, "/here"), home(server))
    assert (page.url, page.body) == (at(server, "/there?x=1"), b"there")


@pytest.mark.parametrize(
    "target",
    [
        "http://other.test:{port}/",
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "//other.test:{port}/",
        "http://2130706433:{port}/",
        "http://docs.test:22/",
        "http://docs.test@127.0.0.1:{port}/",
        "file:///etc/passwd",
        "gopher://docs.test/",
        "http://[",
    ],
)
def test_a_redirect_is_judged_like_the_first_address(serve: Callable[..., Server], target: str) -> None:
    server = serve(lambda head, connection: None)
    server._answer = says("302 Found", f"Location: {target.format(port=server.port)}\r\n", b"go")
    with pytest.raises(EgressDenied):
        get(at(server), home(server))
    assert len(server.requests) == 1


def test_what_was_sent_to_one_host_is_not_sent_to_the_next(serve: Callable[..., Server]) -> None:
    server = serve(says("200 OK", "", b"end"))
    first = serve(says("302 Found", f"Location: {at(server, host='other.test')}\r\n"))
    egress = home(first).with_named("other.test", server.port)
    egress = Egress(egress.allowed, ["docs.test", "other.test"])
    fetch(at(first), egress=egress, max_bytes=10, resolve=LOOPBACK, headers={"X-Key": "secret"})
    assert b"secret" in first.requests[0]
    assert b"secret" not in server.requests[0]


def test_endless_redirects_end(serve: Callable[..., Server]) -> None:
    server = serve(says("301 Moved", "Location: /again\r\n"))
    with pytest.raises(FetchFailed, match="redirects more than"):
        get(at(server), home(server))
    assert len(server.requests) == net.MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("404 Not Found", NotFound),
        ("410 Gone", NotFound),
        ("500 Oh", FetchFailed),
        ("403 No", FetchFailed),
        ("302 Found", FetchFailed),
    ],
)
def test_failures_are_raised(serve: Callable[..., Server], status: str, error: type[FreeholdError]) -> None:
    server = serve(says(status, "", b"sorry"))
    with pytest.raises(error, match=status[:3]):
        get(at(server), home(server))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7), ("99999999999", 86_400), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("soon", None), ("-5", None)],
)
def test_a_wait_that_is_asked_for_is_passed_on(
    serve: Callable[..., Server], said: str, seconds: int | None
) -> None:
    server = serve(says("429 Slow down", f"Retry-After: {said}\r\n"))
    with pytest.raises(FetchFailed) as raised:
        get(at(server), home(server))
    assert raised.value.retry_after == seconds


def test_not_modified_is_no_failure(serve: Callable[..., Server]) -> None:
    server = serve(says("304 Not Modified"))
    page = fetch(
        at(server),
        egress=home(server),
        max_bytes=10,
        resolve=LOOPBACK,
        headers={"If-None-Match": '"x"'},
    )
    assert page.not_modified and page.body == b""
    assert b'If-None-Match: "x"' in server.requests[0]


def test_more_than_was_asked_for_is_refused_by_what_is_said(serve: Callable[..., Server]) -> None:
    server = serve(
        lambda _, connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
    )
    with pytest.raises(TooLarge):
        get(at(server), home(server))


def test_more_than_was_asked_for_is_refused_by_what_comes(serve: Callable[..., Server]) -> None:
    def flood(_: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    server = serve(flood)
    with pytest.raises(TooLarge):
        get(at(server), home(server))


def test_exactly_what_was_asked_for_is_taken(serve: Callable[..., Server]) -> None:
    server = serve(says("200 OK", "", b"x" * 10_000))
    assert len(get(at(server), home(server)).body) == 10_000


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate"])
def test_a_packed_answer_is_unpacked(serve: Callable[..., Server], coding: str) -> None:
    import zlib

    packed = zlib.compress(b"words " * 99) if coding == "deflate" else gzip.compress(b"words " * 99)
    server = serve(says("200 OK", f"Content-Encoding: {coding}\r\n", packed))
    assert get(at(server), home(server)).body == b"words " * 99


def test_a_gzip_bomb_is_refused_while_it_unpacks(serve: Callable[..., Server]) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    server = serve(says("200 OK", "Content-Encoding: gzip\r\n", bomb))
    with pytest.raises(TooLarge):
        get(at(server), home(server), max_bytes=100_000)
    assert max(len(piece) for piece in unpacked([bomb])) <= 65536


@pytest.mark.parametrize(
    "body",
    [b"not packed at all", gzip.compress(b"words " * 99)[:-12]],
    ids=["not packed", "cut short"],
)
def test_a_broken_packing_is_said(serve: Callable[..., Server], body: bytes) -> None:
    server = serve(says("200 OK", "Content-Encoding: gzip\r\n", body))
    with pytest.raises(FetchFailed):
        get(at(server), home(server))


def test_a_packing_we_did_not_ask_for_is_refused(serve: Callable[..., Server]) -> None:
    server = serve(says("200 OK", "Content-Encoding: br, gzip\r\n", b"?"))
    with pytest.raises(FetchFailed, match="not asked for"):
        get(at(server), home(server))


def drip(head: bytes) -> Answer:
    def answer(_: bytes, connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(200):
            connection.sendall(b"x")
            time.sleep(0.02)

    return answer


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: ", b""]
)
def test_a_host_that_drips_is_given_up_in_time(serve: Callable[..., Server], head: bytes) -> None:
    server = serve(drip(head))
    before = time.monotonic()
    with pytest.raises(FetchFailed, match=r"longer than 0\.3 seconds"):
        get(at(server), home(server), deadline_seconds=0.3)
    assert time.monotonic() - before < 2


def test_a_host_that_says_nothing_is_given_up_in_time(serve: Callable[..., Server]) -> None:
    def wait(_: bytes, connection: socket.socket) -> None:
        connection.recv(1)

    server = serve(wait)
    with pytest.raises(FetchFailed, match="longer than"):
        get(at(server), home(server), deadline_seconds=0.2)


def test_redirects_share_one_deadline(serve: Callable[..., Server]) -> None:
    def slowly(head: bytes, connection: socket.socket) -> None:
        time.sleep(0.15)
        says("302 Found", "Location: /again\r\n")(head, connection)

    server = serve(slowly)
    with pytest.raises(FetchFailed, match="longer than"):
        get(at(server), home(server), deadline_seconds=0.4)
    assert len(server.requests) <= 3


def test_a_lookup_that_hangs_is_given_up_in_time() -> None:
    let_go = threading.Event()

    def hang(host: str, port: int) -> Sequence[str]:
        let_go.wait(10)
        return []

    with pytest.raises(FetchFailed, match="not found in time"):
        get("http://docs.test/", Egress(["docs.test"]), resolve=hang, deadline_seconds=0.1)
    let_go.set()


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"\0\1\2\3" * 100,
        b"HTTP/9.9 what\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Bomb: " + b"x" * 5_000_000,
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(100_000)),
        b"",
    ],
)
def test_what_is_no_http_is_said(serve: Callable[..., Server], raw: bytes) -> None:
    server = serve(lambda _, connection: connection.sendall(raw))
    with pytest.raises(FetchFailed):
        get(at(server), home(server))


def test_nobody_listening_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(FetchFailed, match="cannot be connected to"):
        get(f"http://docs.test:{port}/", Egress([f"docs.test:{port}"], ["docs.test"]))


def test_a_name_that_nobody_knows_is_said() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(FetchFailed, match=r"docs\.test is not known"):
        get("http://docs.test/", Egress(["docs.test"]), resolve=unknown)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for docs.test, and its key, signed by nobody."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=docs.test"
    made = subprocess.run(
        [*command.split(), "-addext", "subjectAltName=DNS:docs.test", "-keyout", path, "-out", f"{path}.crt"],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("no openssl command to make a certificate with")
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_of_nobody_is_refused(serve: Callable[..., Server], certificate: Path) -> None:
    server = serve(says("200 OK", "", b"secret"), tls(certificate))
    with pytest.raises(FetchFailed, match="not to be trusted"):
        get(f"https://docs.test:{server.port}/", home(server))
    assert server.requests == []


def test_a_certificate_is_checked_against_the_name_not_the_address(
    serve: Callable[..., Server], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(net.request, "trusted", lambda: trusting)
    server = serve(says("200 OK", "", b"secret"), tls(certificate))
    assert get(f"https://docs.test:{server.port}/", home(server)).body == b"secret"
    with pytest.raises(FetchFailed, match="not to be trusted"):
        get(f"https://other.test:{server.port}/", home(server, "other.test"))


def test_no_tls_where_it_should_be_is_said(serve: Callable[..., Server]) -> None:
    server = serve(says("200 OK"))
    server._answer = lambda _, connection: connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")
    with pytest.raises(FetchFailed):
        get(f"https://docs.test:{server.port}/", home(server), deadline_seconds=1)


def test_proxies_of_the_environment_are_not_used(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server = serve(says("200 OK", "", b"direct"))
    assert get(at(server), home(server)).body == b"direct"


def test_a_download_is_there_whole_or_not_at_all(serve: Callable[..., Server], tmp_path: Path) -> None:
    body = bytes(range(256)) * 4_000
    server = serve(says("200 OK", "", body))
    path, told = tmp_path / "model.bin", []

    def have(sha256: str, max_bytes: int = 2_000_000) -> None:
        download(
            at(server),
            path,
            sha256=sha256,
            egress=home(server),
            max_bytes=max_bytes,
            progress=lambda done, total: told.append((done, total)),
            resolve=LOOPBACK,
        )

    with pytest.raises(FetchFailed, match="SHA-256"):
        have("0" * 64)
    with pytest.raises(TooLarge):
        have(hashlib.sha256(body).hexdigest(), max_bytes=1000)
    assert list(tmp_path.iterdir()) == []
    have(hashlib.sha256(body).hexdigest().upper())
    assert path.read_bytes() == body
    assert told[-1] == (len(body), len(body))
    assert list(tmp_path.iterdir()) == [path]


def test_a_download_that_breaks_off_leaves_what_was_there(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"before")
    server = serve(
        lambda _, connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx")
    )
    with pytest.raises(FetchFailed):
        download(at(server), path, sha256="0" * 64, egress=home(server), max_bytes=999, resolve=LOOPBACK)
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == [b"before"]


CONNECTING = (
    "aiohttp",
    "ftplib",
    "http.client",
    "httpcore",
    "httpx",
    "requests",
    "smtplib",
    "socket",
    "telnetlib",
    "urllib.request",
    "urllib3",
    "websockets",
)
"""Modules by which a connection can be opened."""

EXCEPTIONS = {
    "serving.py": {"socket"},  # listens
    "cli/client.py": {"httpx"},  # speaks to our own server on this machine
    "cli/doctor.py": {"socket"},  # tries whether the port is free
    "engines/process.py": {"socket"},  # the pair it shares with the worker
    "engines/worker.py": {"socket"},
    "engines/wheel_server.py": {"http.client", "socket"},  # the wheel's own server, on a Unix socket
    "net/connection.py": {"httpcore", "httpx", "socket"},
    "net/request.py": {"httpcore", "httpx"},
    "net/response.py": {"httpcore", "httpx"},
    "net/session.py": {"httpcore"},
}
"""Who may import which of them, and only that."""

CONNECTORS = {
    "net/connection.py",
    "net/request.py",
    "net/session.py",
    "cli/client.py",
    "engines/wheel_server.py",
}
"""Those of them that may call `connect`; the others only listen or inherit."""


def imports(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {
        name
        for name in CONNECTING
        if any(module == name or module.startswith(f"{name}.") for module in found)
    }


def test_nothing_else_can_open_a_connection() -> None:
    package = Path(freehold.__file__).parent
    doors = {
        str(path.relative_to(package)): used
        for path in sorted(package.rglob("*.py"))
        if (used := imports(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert doors == EXCEPTIONS


def test_those_who_only_listen_connect_to_nothing() -> None:
    package = Path(freehold.__file__).parent
    for name in set(EXCEPTIONS) - CONNECTORS:
        called = {
            node.attr
            for node in ast.walk(ast.parse((package / name).read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute)
        }
        assert called.isdisjoint({"connect", "connect_ex", "create_connection", "sendto"}), name
