"""The parts around the worker process: places, prices, what a stream says. The process is in integration."""

import asyncio
import threading
from pathlib import Path

import pytest
import tiny_gguf

from freehold.engines.local import JOINER, LocalEngine
from freehold.engines.places import Places
from freehold.engines.worker import Generating, Message, Meter
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


def outcome(*chunks: Message, cancel_after: int | None = None) -> tuple[Message, list[Message], list[bool]]:
    sent: list[Message] = []
    cancelled = threading.Event()
    generation = Generating(7, cancelled, sent.append)
    answers = []
    for number, chunk in enumerate(chunks):
        if number == cancel_after:
            cancelled.set()
        answers.append(generation.on_chunk(chunk))
    return generation.outcome(), sent, answers


def piece(text: str | None, reason: str | None = None) -> Message:
    return {"choices": [{"finish_reason": reason, "delta": {"content": text}}]}


def test_a_stream_ends_with_its_usage() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    ended, sent, _ = outcome(
        piece(None), piece("a"), piece("b"), piece(None, "stop"), {"choices": [], "usage": usage}
    )
    assert [event["text"] for event in sent if event["event"] == "delta"] == ["a", "b"]
    assert {event["id"] for event in sent} == {7}
    assert ended == {
        "event": "finished",
        "reason": "stop",
        "prompt_tokens": 9,
        "cached_tokens": 4,
        "completion_tokens": 2,
    }


def test_a_cancelled_stream_counts_what_it_saw() -> None:
    progress = {**piece(None), "prompt_progress": {"total": 9, "cache": 3, "processed": 9}}
    ended, _, answers = outcome(progress, piece("a"), piece("b"), cancel_after=2)
    assert answers == [False, False, True]
    assert ended["reason"] == "cancelled"
    assert (ended["prompt_tokens"], ended["cached_tokens"], ended["completion_tokens"]) == (9, 3, 2)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "exceed_context_size_error", "message": "too long"}, "invalid_input"),
        ({"type": "server_error", "message": "Context size has been exceeded."}, "engine_failed"),
        ({"odd": "shape"}, "engine_failed"),
    ],
)
def test_an_error_in_the_stream_is_a_failure(error: Message, kind: str) -> None:
    ended, _, answers = outcome(piece("a"), {"error": error})
    assert (ended["event"], ended["kind"]) == ("failed", kind)
    assert answers[-1]


def test_a_stream_that_breaks_off_is_a_failure() -> None:
    assert outcome(piece("a"))[0]["event"] == "failed"


async def test_control_tokens_in_a_text_are_parted(tmp_path: Path) -> None:
    engine = LocalEngine(tiny_gguf.write(tmp_path / "tiny.gguf"), "tiny")
    assert engine._plain("a <|eot_id|> b \ud800") == f"a <{JOINER}|eot_id|> b \ufffd"
    assert engine._plain("<|eot<|eot_id|>_id|>") == f"<|eot<{JOINER}|eot_id|>_id|>"
    assert engine._plain("plain <b>text</b>") == "plain <b>text</b>"


async def test_the_context_is_no_longer_than_the_models_own(tmp_path: Path) -> None:
    path = tiny_gguf.write(tmp_path / "tiny.gguf", context=512)
    assert LocalEngine(path, "tiny", context=8192).context_length == 512
    assert LocalEngine(path, "tiny", context=256).context_length == 256


async def test_a_broken_file_is_refused_before_any_process_starts(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + b"\xff" * 100)
    with pytest.raises(ModelRejected, match="version"):
        LocalEngine(path, "broken")
