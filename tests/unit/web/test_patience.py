"""A connection that does not say what it wants is hung up on; all others are left alone."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from web_parts import House, Running

from freehold.web.patience import Patient

SECONDS = 0.4
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def address(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setattr(Patient, "head_seconds", SECONDS)
    with Running(house.app) as url:
        place = urlsplit(url)
        yield str(place.hostname), int(place.port or 0)


def hung_up(connection: socket.socket) -> bool:
    connection.settimeout(SECONDS * 10)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False


@pytest.mark.parametrize("said", [b"", b"GET /health HTTP/1.1\r\nHost: loc"], ids=["nothing", "half a head"])
def test_who_does_not_come_to_the_point_is_hung_up_on(address: tuple[str, int], said: bytes) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(said)
        assert hung_up(connection)


def test_trickling_does_not_put_it_off(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        began = time.monotonic()
        with pytest.raises(OSError):
            for byte in b"GET /health HTTP/1.1\r\nX: " + b"a" * 200:
                connection.sendall(bytes([byte]))
                time.sleep(SECONDS / 10)
        assert time.monotonic() - began < SECONDS * 8


def test_the_next_request_has_its_own_time(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        for _ in range(3):  # together longer than one head may take
            time.sleep(SECONDS * 0.6)
            connection.sendall(HEALTH)
            answer = b""
            while not answer.endswith(b'{"status":"ok"}'):
                piece = connection.recv(65536)
                assert piece
                answer += piece
        connection.sendall(b"GET /he")
        assert hung_up(connection)


def test_an_answer_may_take_longer(house: House, address: tuple[str, int]) -> None:
    def slow() -> str:
        time.sleep(SECONDS * 2)
        return "done"

    house.app.add_api_route("/slow", slow)
    with socket.create_connection(address) as connection:
        connection.sendall(HEALTH.replace(b"/health", b"/slow"))
        connection.settimeout(SECONDS * 10)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
