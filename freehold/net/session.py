"""Connections to one host that are kept open between requests, for whoever speaks to it again and again.

The same door as `net.fetch`: a host must be allowed, and every new connection looks its addresses up and
judges them. Redirects are given as they are: what is sent here often carries a key. Belongs to one event
loop. Knows no deadline but the connection's own; callers bound the rest by `asyncio.timeout`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import httpcore

from freehold.egress import Egress
from freehold.errors import FetchFailed, TooLarge
from freehold.net.connection import Deadline, Resolve, host_of, judged, resolve, translated, trusted
from freehold.net.request import USER_AGENT, parsed
from freehold.net.response import Answer

MAX_CONNECTIONS = 64
KEPT_CONNECTIONS = 16
KEPT_SECONDS = 60.0
TURN_PIECES = 64
"""Pieces of an answer that are read before others have a turn."""
MANY_PIECES, SMALL_PIECE = 4096, 16
"""From so many pieces on, so many bytes they have to have each; a token's event has about 300."""
NO_DEADLINES = {"read": None, "write": None, "pool": None}


class Unanswered(Exception):
    """No connection came about, or it ended before a byte of the answer: asking again repeats nothing.

    For callers to catch, who know whether to ask again and what to call it.
    """

    def __init__(self, cause: FetchFailed) -> None:
        super().__init__(cause.message)
        self.message = cause.message
        self.hint = cause.hint


class Reply(Answer):
    """The head of an answer, and its body as it arrives."""

    async def pieces(self, max_bytes: int) -> AsyncGenerator[bytes, None]:
        """The body, unpacked by nobody: packing was not asked for.

        Raises:
            TooLarge: it is larger than `max_bytes`.
            FetchFailed: it breaks off, is packed, or comes in crumbs.
        """
        if self.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise FetchFailed(f"{host_of(self.url)} packs its answer, which was not asked for.")
        size = count = 0
        try:
            async for piece in self._response.aiter_stream():
                size, count = size + len(piece), count + 1
                if count % TURN_PIECES == 0:
                    await asyncio.sleep(0)  # while bytes are there, reading them lets nobody else run
                if count > MANY_PIECES and size < count * SMALL_PIECE:
                    raise FetchFailed(f"{host_of(self.url)} sends its answer in pieces of a few bytes.")
                if size > max_bytes:
                    raise TooLarge(f"{host_of(self.url)} gives more than {max_bytes:,} bytes.")
                yield piece
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise FetchFailed(f"{host_of(self.url)} did not give a whole HTTP answer: {error}.") from error

    async def body(self, max_bytes: int) -> bytes:
        """The whole body.

        Raises:
            TooLarge, FetchFailed: as `pieces`.
        """
        return b"".join([piece async for piece in self.pieces(max_bytes)])


class Session:
    """Speaks to the host of one address."""

    def __init__(
        self, url: str, *, egress: Egress, connect_seconds: float = 10.0, resolve: Resolve = resolve
    ) -> None:
        """
        Raises:
            InvalidInput: not an http(s) URL that may be asked for.
        """
        self._place = parsed(url)
        self._connect_seconds = connect_seconds
        self._door = _Door(self._place, egress, connect_seconds, resolve)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trusted(),
            network_backend=self._door,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=KEPT_CONNECTIONS,
            keepalive_expiry=KEPT_SECONDS,
        )

    @contextlib.asynccontextmanager
    async def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> AsyncIterator[Reply]:
        """Sends a request for an absolute path; gives the answer's head. Leaving early closes the connection.

        Raises:
            EgressDenied: nothing allows the host, its port or its address.
            Unanswered: the host said nothing at all.
            FetchFailed: what it said is no HTTP.
        """
        place = self._place
        request = httpcore.Request(
            method,
            httpcore.URL(
                scheme=place.raw_scheme, host=place.raw_host, port=place.port, target=path.encode("ascii")
            ),
            headers=[
                ("Host", place.netloc.decode("ascii")),
                ("User-Agent", USER_AGENT),
                ("Accept-Encoding", "identity"),
                *([("Content-Length", str(len(body)))] if body else []),
                *(headers or {}).items(),
            ],
            content=body,
            extensions={"timeout": NO_DEADLINES | {"connect": self._connect_seconds}},
        )
        try:
            with translated(place, Deadline(self._connect_seconds)):
                response = await self._pool.handle_async_request(request)
        except FetchFailed as error:
            if _said_something(error):
                raise
            raise Unanswered(error) from error
        try:
            yield Reply(place, response, self._door.address)
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Ends all connections; what is being read of them breaks off."""
        await self._pool.aclose()


def _said_something(error: FetchFailed) -> bool:
    """Whether the host's bytes were the fault: the parser's error stands behind the protocol's then."""
    cause = error.__cause__
    return isinstance(cause, httpcore.RemoteProtocolError) and cause.__context__ is not None


class _Door(httpcore.AsyncNetworkBackend):
    """Connects to the place's addresses, looked up and judged anew each time."""

    def __init__(self, place: Any, egress: Egress, seconds: float, resolve: Resolve) -> None:
        self._place = place
        self._egress = egress
        self._seconds = seconds
        self._resolve = resolve
        self._backend = httpcore.AnyIOBackend()
        self.address = ""

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        deadline = Deadline(self._seconds)
        addresses = await asyncio.to_thread(judged, self._place, self._egress, deadline, self._resolve)
        failure: Exception = httpcore.ConnectError("no address")
        for number, address in enumerate(addresses):
            fair = deadline.left() / (len(addresses) - number)
            try:
                stream = await self._backend.connect_tcp(address, port, fair)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            self.address = address
            return stream
        raise failure
