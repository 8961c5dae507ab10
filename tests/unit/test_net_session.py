"""Answers that come in crumbs: others have their turn meanwhile, and there is an end to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from replay import Asked, Step, chunk, head, replay

from freehold.egress import Egress
from freehold.errors import FetchFailed
from freehold.net.session import MANY_PIECES, TURN_PIECES, Reply, Session


async def test_others_have_their_turn_and_crumbs_come_to_an_end() -> None:
    """A thousand one-byte pieces arrive in one read, and would be worked through in one go."""

    def crumbs(asked: Asked) -> Sequence[Step]:
        return (head(extra="transfer-encoding: chunked\r\n") + chunk(b":") * (MANY_PIECES + 100), 5.0)

    egress = Egress(allowed_private=["llm.test"])
    turns = [0]

    async def other() -> None:
        while True:
            turns[0] += 1
            await asyncio.sleep(0)

    async with replay(crumbs) as there:
        session = Session(
            there.url, egress=egress.with_named("llm.test", there.port), resolve=lambda *_: ["127.0.0.1"]
        )
        ticking = asyncio.create_task(other())
        count = 0
        with pytest.raises(FetchFailed, match="in pieces of a few bytes"):
            async with session.request("GET", "/v1/models") as reply:
                assert isinstance(reply, Reply)
                begun = turns[0]
                async for _ in reply.pieces(2**20):
                    count += 1
        ticking.cancel()
        await session.close()
    assert count == MANY_PIECES
    assert turns[0] - begun >= MANY_PIECES // TURN_PIECES
