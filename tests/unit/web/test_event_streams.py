"""Streams of events: what ends them, and that they end in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import anyio
from starlette.types import Message, Scope

from freehold.web.stream import EventStream

SCOPE: Scope = {"type": "http"}


async def test_a_reader_may_go_while_an_answer_is_being_stored() -> None:
    """What is behind a shield goes on, and what comes of it then has no reader any more."""
    sent: list[bytes] = []
    ended: list[str] = []
    storing = asyncio.Event()
    gone = asyncio.Event()

    async def events() -> AsyncGenerator[bytes, None]:
        try:
            yield b"first"
            with anyio.CancelScope(shield=True):
                storing.set()
                await gone.wait()
                await anyio.sleep(0.05)  # so that the reader's end is dealt with before
            yield b"stored"
        finally:
            ended.append("events")

    async def receive() -> Message:
        await storing.wait()
        gone.set()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))

    stream = EventStream(events(), ping=b"", parting=b"parting", ended=lambda: ended.append("response"))
    await stream(SCOPE, receive, send)
    assert sent == [b"", b"first"]
    assert ended == ["events", "response"]
