"""What comes back: redirects, failures, sizes and packings, each within bounds."""

import gzip
import socket
from collections.abc import Callable

import httpcore
import httpx
import pytest
from net_server import LOOPBACK, Server, at, get, home, says

from freehold import net
from freehold.egress import Egress
from freehold.errors import EgressDenied, FetchFailed, FreeholdError, NotFound, TooLarge
from freehold.net import fetch
from freehold.net.response import unpacked


def test_a_page_is_fetched_with_what_is_said_about_it(serve: Callable[..., Server]) -> None:
    server = serve(says("200 OK", 'Content-Type: Text/HTML; Charset=UTF-8\r\nETag: "x"\r\n', b"hello"))
    page = get(at(server, "/a?b=c#d"), home(server), headers=None)
    assert (page.body, page.status, page.content_type, page.charset) == (b"hello", 200, "text/html", "utf-8")
    assert (page.etag, page.not_modified, page.address) == ('"x"', False, "127.0.0.1")
    head = server.requests[0]
    assert head.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert f"Host: docs.test:{server.port}".encode() in head


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


def test_proxies_of_the_environment_are_not_used(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server = serve(says("200 OK", "", b"direct"))
    assert get(at(server), home(server)).body == b"direct"
