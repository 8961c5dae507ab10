"""Server-sent events: a response that lasts, and ends as soon as its reader does."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from freehold.errors import FreeholdError, Unavailable

PING_SECONDS = 10.0
_STALLED_SECONDS = 60.0
"""How long a reader may take nothing before it counts as gone."""


def stopping() -> Unavailable:
    """What a caller is told whose answer the end of the server cuts off."""
    return Unavailable("The server is stopping.", hint="Ask again in a moment.", retry_after=5)


def event(name: str, data: dict[str, Any]) -> bytes:
    """One named event."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


class EventStream(Response):
    """Sends what `events` yields, and a ping whenever it has been silent for long.

    The generator runs in a task of its own, never slowed by its reader. A reader that goes away cancels it;
    the response ends when it has cleaned up. A reader still there when the server stops is sent `parting`.
    `ended` is called in any case, even when nothing was sent.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        *,
        ping: bytes,
        parting: bytes,
        ended: Callable[[], None],
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._ping = ping
        self._parting = parting
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_cancel_when_gone, receive, tasks.cancel_scope)
                await self._send(send, tasks)
                tasks.cancel_scope.cancel()
        except asyncio.CancelledError:  # the server stops: nobody above waits to be told
            with anyio.move_on_after(1.0, shield=True):
                await send({"type": "http.response.body", "body": self._parting, "more_body": False})
        finally:
            await self._events.aclose()
            self._ended()

    async def _send(self, send: Send, tasks: anyio.abc.TaskGroup) -> None:
        writer, reader = anyio.create_memory_object_stream[bytes](math.inf)
        tasks.start_soon(self._produce, writer)
        with reader:
            while True:
                piece = self._ping
                with anyio.move_on_after(PING_SECONDS):
                    try:
                        piece = await reader.receive()
                    except anyio.EndOfStream:
                        break
                with anyio.move_on_after(_STALLED_SECONDS) as sending:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                if sending.cancelled_caught:
                    return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _produce(self, writer: MemoryObjectSendStream[bytes]) -> None:
        with writer:
            async with aclosing(self._events) as events:
                async for piece in events:
                    try:
                        writer.send_nowait(piece)
                    except anyio.BrokenResourceError:  # its reader went while it was made behind a shield
                        return


async def while_connected(receive: Receive, work: Callable[[], Awaitable[None]]) -> None:
    """Does the work; cancels it when the client goes away.

    Raises:
        ClientDisconnect: it went away.
        Unavailable: the server stops.
        FreeholdError: the work's own.
    """
    failed: FreeholdError | None = None
    done = False
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_cancel_when_gone, receive, tasks.cancel_scope)
            try:
                await work()
            except FreeholdError as error:  # let out below: the group would wrap it
                failed = error
            done = True
            tasks.cancel_scope.cancel()
    except asyncio.CancelledError:
        raise stopping() from None
    if failed is not None:
        raise failed
    if not done:
        raise ClientDisconnect


async def _cancel_when_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
