"""The parts around the worker process: places, prices, what a stream says. The process is in integration."""

import asyncio
from pathlib import Path

import pytest
import tiny_gguf

from freehold.engines.local import LocalEngine
from freehold.engines.places import Places
from freehold.engines.worker import Meter
from freehold.errors import ModelRejected
from freehold.testing import FakeClock


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_places_are_given_in_order_and_by_tokens() -> None:
    places = Places(slots=2, tokens=100)
    await places.take(60)
    large = asyncio.create_task(places.take(50))
    small = asyncio.create_task(places.take(10))
    await settled()
    assert not large.done()
    assert not small.done(), "who came later does not overtake, or the large one would starve"
    places.give(60)
    await settled()
    assert large.done()
    assert small.done()
    assert (places.slots, places.tokens) == (0, 40)


async def test_slots_bound_what_tokens_would_allow() -> None:
    places = Places(slots=1, tokens=100)
    await places.take(1)
    second = asyncio.create_task(places.take(1))
    await settled()
    assert not second.done()
    places.give(1)
    await second


@pytest.mark.parametrize("granted_first", [False, True])
async def test_who_goes_away_while_waiting_leaves_no_hole(granted_first: bool) -> None:
    places = Places(slots=1, tokens=100)
    await places.take(100)
    leaving, staying = (asyncio.create_task(places.take(100)) for _ in range(2))
    await settled()
    if granted_first:
        places.give(100)  # granted, but the task has not run yet
        leaving.cancel()
    else:
        leaving.cancel()
        await settled()
        places.give(100)
    await settled()
    assert leaving.cancelled()
    assert staying.done()
    places.give(100)
    assert (places.slots, places.tokens) == (1, 100)


def test_processor_time_is_shared_by_those_who_run() -> None:
    clock = FakeClock(0.0)
    meter = Meter(clock)
    with meter.running() as first:
        clock.advance(1)
        with meter.running() as second:
            clock.advance(4)
            assert second() == 2
        clock.advance(1)
        assert first() == 1 + 2 + 1
    clock.advance(10)  # nobody's
    with meter.running() as third:
        clock.advance(1)
        assert third() == 1


async def test_the_context_is_no_longer_than_the_models_own(tmp_path: Path) -> None:
    path = tiny_gguf.write(tmp_path / "tiny.gguf", context=512)
    assert LocalEngine(path, "tiny", context=8192).context_length == 512
    assert LocalEngine(path, "tiny", context=256).context_length == 256


async def test_a_broken_file_is_refused_before_any_process_starts(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + b"\xff" * 100)
    with pytest.raises(ModelRejected, match="version"):
        LocalEngine(path, "broken")
