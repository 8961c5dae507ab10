"""The fakes keep the promises of the protocols they stand in for."""

import asyncio
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from freehold.engines.base import Embedder, Engine, Finished, Generation, TextDelta
from freehold.errors import EngineCrashed, InvalidInput, Overloaded
from freehold.testing import FakeClock, FakeEmbedder, FakeEngine
from freehold.types import Turn


def asking(text: str = "Hello there", **more: Any) -> Generation:
    return Generation((Turn("user", text),), **more)


async def said(engine: Engine, request: Generation | None = None) -> tuple[str, Finished]:
    events = [event async for event in engine.generate(request or asking())]
    assert isinstance(events[-1], Finished)
    return "".join(event.text for event in events[:-1] if isinstance(event, TextDelta)), events[-1]


async def test_it_speaks_at_its_speed() -> None:
    clock = FakeClock()
    began = clock()
    text, ended = await said(FakeEngine(20, "one two\n\nthree four ", clock=clock))
    assert text == "one two\n\nthree four "
    assert clock() - began == pytest.approx(5 / 20)
    assert ended.reason == "stop"
    assert (ended.usage.prompt_tokens, ended.usage.completion_tokens) == (2, 5)
    assert ended.usage.wall_seconds == pytest.approx(5 / 20)


async def test_scripts() -> None:
    clock = FakeClock()
    in_turn = FakeEngine(script=["a", EngineCrashed("dead"), "b"], clock=clock)
    assert (await said(in_turn))[0] == "a"
    with pytest.raises(EngineCrashed, match="dead"):
        await said(in_turn)
    assert [(await said(in_turn))[0] for _ in range(2)] == ["b", "b"]
    echo = FakeEngine(script=lambda request: request.messages[-1].text.upper(), clock=clock)
    assert (await said(echo))[0] == "HELLO THERE"
    assert echo.requests == [asking()]
    assert (await said(echo, asking("a b c d", max_tokens=2)))[1].reason == "length"
    assert (await said(echo, asking("a b stop c", stop=("STOP",))))[0] == "A B "


async def test_slots_queue_and_leaving() -> None:
    engine = FakeEngine(1000, "word " * 100, slots=1, queue=1)
    first, second = (asyncio.create_task(said(engine)) for _ in range(2))
    await asyncio.sleep(0.01)
    assert (engine.running, engine.waiting) == (1, 1)
    with pytest.raises(Overloaded) as caught:
        await said(engine)
    assert caught.value.retry_after
    first.cancel()
    await asyncio.wait([first])
    assert (await second)[1].reason == "stop"
    async with aclosing(engine.generate(asking())) as stream:
        await anext(stream)
    assert (engine.running, engine.most_running, engine.abandoned) == (0, 1, 2)


async def test_context_and_closing() -> None:
    engine = FakeEngine(script="a b c", context_length=2, clock=FakeClock())
    with pytest.raises(InvalidInput):
        await said(engine, asking("one two three"))
    engine = FakeEngine(script="a b c", clock=FakeClock())
    stream = engine.generate(asking())
    await anext(stream)
    await engine.close()
    with pytest.raises(EngineCrashed):
        await anext(stream)
    with pytest.raises(EngineCrashed):
        await said(engine)
    assert await engine.count_tokens("one two") == 2


def test_texts_that_share_words_are_near() -> None:
    embedder: Embedder = FakeEmbedder()
    asked, near, far, empty = embedder.embed(
        ["How do I reset my password?", "Resetting passwords", "Delivery times in Norway", "?!"]
    )
    assert asked @ near > 0.4 > 0.25 > abs(asked @ far)
    assert np.linalg.norm([asked, near, far, empty], axis=1) == pytest.approx(1)
    assert embedder.embed([]).shape == (0, 64)
    assert asked.dtype == np.float32
    assert (FakeEmbedder(16).embed(["x y"]) == FakeEmbedder(16).embed(["y x"])).all()
    assert FakeEmbedder(16).name != embedder.name


async def test_a_clock_moves_only_when_told() -> None:
    clock = FakeClock(10.0)
    assert clock() == 10.0
    clock.advance(2.5)
    await clock.sleep(1)
    assert clock() == 13.5
