"""Who does not answer is given up in time, and said."""

import socket
import threading
import time
from collections.abc import Callable, Sequence

import pytest
from net_server import Answer, Server, at, get, home, says

from freehold.egress import Egress
from freehold.errors import FetchFailed


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


def test_a_deadline_that_passes_before_a_lookup_is_said(serve: Callable[..., Server]) -> None:
    server = serve(says("200 OK"))
    with pytest.raises(FetchFailed, match="longer than 0 seconds"):
        get(at(server), home(server), deadline_seconds=0)


def test_a_lookup_that_hangs_is_given_up_in_time() -> None:
    let_go = threading.Event()

    def hang(host: str, port: int) -> Sequence[str]:
        let_go.wait(10)
        return []

    with pytest.raises(FetchFailed, match="not found in time"):
        get("http://docs.test/", Egress(["docs.test"]), resolve=hang, deadline_seconds=0.1)
    let_go.set()


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
