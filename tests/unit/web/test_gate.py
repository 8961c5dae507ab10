"""Places for answers: turns, waiting, leaving, and how long the refused are told to wait."""

from __future__ import annotations

import asyncio

import pytest
from web_parts import until

from freehold.errors import Overloaded
from freehold.testing import FakeClock
from freehold.web.gate import Gate


async def test_turns_come_in_order() -> None:
    gate, seen = Gate(1, 2), []

    async def work(name: str) -> None:
        async with gate.enter():
            seen.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(work("a"), work("b"), work("c"))
    assert seen == ["a", "b", "c"]
    assert (gate.inside, gate.waiting) == (0, 0)


async def test_who_stops_waiting_leaves_no_hole() -> None:
    gate = Gate(1, 1)
    first = gate.enter()
    async with first:

        async def wait() -> None:
            place = gate.enter()
            try:
                async with place:
                    pass
            finally:
                place.leave()

        waiting = asyncio.create_task(wait())
        await until(lambda: gate.waiting == 1)
        with pytest.raises(Overloaded):
            gate.enter()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert (gate.inside, gate.waiting) == (1, 0)
        gate.enter().leave()
    first.leave()
    assert gate.inside == 0
    async with asyncio.timeout(1), gate.enter():
        assert gate.inside == 1


async def test_the_refused_are_told_how_long() -> None:
    clock = FakeClock()
    gate = Gate(1, 0, clock=clock)
    for _ in range(60):
        async with gate.enter():
            clock.advance(20)
    async with gate.enter():
        with pytest.raises(Overloaded) as refused:
            gate.enter()
    assert refused.value.retry_after == 20
    for _ in range(60):
        async with gate.enter():
            clock.advance(1000)
    async with gate.enter():
        with pytest.raises(Overloaded) as refused:
            gate.enter()
    assert refused.value.retry_after == 60
