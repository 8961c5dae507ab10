"""One works, the others wait; nobody waits for ever."""

from __future__ import annotations

import asyncio

import pytest

from freehold.assistant.flights import Flights


class Shop:
    """Counts who works at the same time."""

    def __init__(self, patience: float = 5.0) -> None:
        self.flights = Flights(patience)
        self.log: list[str] = []
        self.go = asyncio.Event()

    async def work(self, name: str, key: str | None = "q", error: Exception | None = None) -> None:
        async with self.flights.turn(key):
            self.log.append(f"{name} begins")
            await self.go.wait()
            if error:
                raise error
            self.log.append(f"{name} ends")


async def started(*tasks: asyncio.Task[None]) -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_second_begins_when_the_first_has_ended() -> None:
    shop = Shop()
    tasks = [asyncio.create_task(shop.work(name)) for name in "ab"]
    await started(*tasks)
    assert shop.log == ["a begins"]
    shop.go.set()
    await asyncio.gather(*tasks)
    assert shop.log == ["a begins", "a ends", "b begins", "b ends"]


async def test_other_questions_do_not_wait() -> None:
    shop = Shop()
    tasks = [asyncio.create_task(shop.work(name, key)) for name, key in (("a", "q"), ("b", "r"), ("c", None))]
    await started(*tasks)
    assert sorted(shop.log) == ["a begins", "b begins", "c begins"]
    shop.go.set()
    await asyncio.gather(*tasks)


async def test_when_the_first_is_cancelled_one_of_the_others_takes_its_place() -> None:
    shop = Shop()
    tasks = [asyncio.create_task(shop.work(name)) for name in "abc"]
    await started(*tasks)
    tasks[0].cancel()
    await started(*tasks)
    assert len(shop.log) == 2, "exactly one more has begun"
    shop.go.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert shop.log.count("b ends") == shop.log.count("c ends") == 1


async def test_when_the_first_fails_the_others_go_on_together() -> None:
    shop = Shop()
    first = asyncio.create_task(shop.work("a", error=ValueError()))
    others = [asyncio.create_task(shop.work(name)) for name in "bc"]
    await started(first, *others)
    shop.go.set()
    with pytest.raises(ValueError):
        await first
    await asyncio.gather(*others)
    assert shop.log[1:3] == ["b begins", "c begins"] or shop.log.count("b ends") == 1


async def test_a_waiting_one_that_is_cancelled_leaves_the_first_alone() -> None:
    shop = Shop()
    first, second = (asyncio.create_task(shop.work(name)) for name in "ab")
    await started(first, second)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    shop.go.set()
    await first
    assert shop.log == ["a begins", "a ends"]


async def test_patience_ends() -> None:
    shop = Shop(patience=0.01)
    first = asyncio.create_task(shop.work("a"))
    await started(first)
    second = asyncio.create_task(shop.work("b"))
    await asyncio.sleep(0.05)
    assert shop.log == ["a begins", "b begins"]
    shop.go.set()
    await asyncio.gather(first, second)
