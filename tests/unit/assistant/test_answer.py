"""The path of an answer, with a scripted search and extractor and the shipped fake engine."""

import asyncio
from pathlib import Path

import pytest
from answer_world import TEXT, ScriptedExtractor, World, events, said, scored

from freehold.assistant import work as answering
from freehold.assistant.extract import Extractor
from freehold.errors import EngineCrashed, NotFound
from freehold.testing import FakeEngine
from freehold.types import CitationFound, MessageDelta, MessageEnd, MessageStart, Query


@pytest.fixture
def world(tmp_path: Path):
    world = World(tmp_path)
    yield world
    world.database.close()


async def test_without_a_model_the_sentences_are_quoted_to_the_letter(world: World) -> None:
    answerer = world.answerer(
        ScriptedExtractor("Refunds take five working days.", "Ask the shop for the receipt.")
    )
    seen = await events(answerer, "How long do refunds take?")
    assert [type(event) for event in seen] == [
        MessageStart, CitationFound, MessageDelta, CitationFound, MessageDelta, MessageEnd,
    ]  # fmt: skip
    assert said(seen) == "Refunds take five working days. Ask the shop for the receipt."
    for event in seen:
        if isinstance(event, CitationFound):
            citation = event.citation
            assert citation.text[citation.start : citation.end] == citation.quote
    end = seen[-1]
    assert isinstance(end, MessageEnd)
    assert end.outcome == "answered"
    assert end.timings.keys() >= {"search", "extract", "first", "total"}
    assert world.search.seen == [frozenset({world.source.id})]


async def test_spans_that_do_not_follow_each_other_stand_apart(world: World) -> None:
    answerer = world.answerer(
        ScriptedExtractor("Gift cards cannot be refunded.", "Refunds take five working days.")
    )
    assert said(await events(answerer, "refunds?")) == (
        "Gift cards cannot be refunded.\n\nRefunds take five working days."
    )


FREE = scored("The storage limit is 2 GB. Ask us for more.", id=8, title="Free plan at a glance")
PRO = scored("Teams: the storage limit is 100 GB.", 0.79, id=9, title="Pro plan *features*")
GOLD = [scored("It is dear.", id=at, title=f"Gold Card {what}") for at, what in ((1, "fees"), (2, "limits"))]


async def test_quotes_of_several_documents_stand_under_their_titles(world: World) -> None:
    world.search.passages = (FREE, PRO)
    extractor = ScriptedExtractor("Ask us for more.", "Teams:", "The storage limit is 2 GB.")
    seen = await events(world.answerer(extractor), "Can the storage be larger?")
    assert said(seen) == (
        "**Free plan at a glance**\n\nAsk us for more.\n\nThe storage limit is 2 GB.\n\n"
        "**Pro plan features**\n\nTeams:"
    )
    assert [event.claim.citations for event in seen if isinstance(event, MessageDelta)] == [(1,), (2,), (3,)]


@pytest.mark.parametrize("engine", [None, FakeEngine(script="The storage limit is 2 GB [1].")])
async def test_where_documents_differ_each_is_told(world: World, engine: FakeEngine | None) -> None:
    world.search.passages = (FREE, PRO)
    extractor = ScriptedExtractor("The storage limit is 2 GB.", "Teams: the storage limit is 100 GB.")
    extractor.only["What is the storage limit, and why?"] = ["The storage limit is 2 GB."]
    told = await events(world.answerer(extractor, engine), "What is the storage limit?")
    assert said(told) == (
        "The documents answer this differently, depending on what it is about:\n\n"
        "**Free plan at a glance**\n\nThe storage limit is 2 GB.\n\n"
        "**Pro plan features**\n\nTeams: the storage limit is 100 GB."
    )
    end = told[-1]
    assert isinstance(end, MessageEnd)
    assert (end.outcome, end.choices) == ("answered", ())
    assert engine is None or not engine.requests
    alone = await events(world.answerer(extractor, id="trc_2"), "What is the storage limit, and why?")
    assert said(alone) == "The storage limit is 2 GB."


async def test_what_names_another_thing_than_the_question_says_so(world: World) -> None:
    world.search.passages = (FREE, *GOLD)
    answerer = world.answerer(ScriptedExtractor("The storage limit is 2 GB."))
    assert said(await events(answerer, "What is the storage limit of the Gold Card?")) == (
        "None of this names “Gold Card”; it may be about something else:\n\n"
        "**Free plan at a glance**\n\nThe storage limit is 2 GB."
    )


async def test_steps_stand_under_their_heading(world: World) -> None:
    world.search.passages = (scored("You can ask for it.\n\n1. Open Orders.\n2. Choose Refund."),)
    answerer = world.answerer(Extractor(None))
    assert said(await events(answerer, "How do I ask for refunds?")) == (
        "**Refunds**\n\n1. Open Orders.\n2. Choose Refund."
    )


async def test_steps_without_a_heading_stand_alone(world: World) -> None:
    world.search.passages = (scored("You can ask for it.\n\n1. Open Orders.\n2. Choose Refund.", title=""),)
    seen = await events(world.answerer(Extractor(None)), "How do I ask for it?")
    assert said(seen) == "1. Open Orders.\n2. Choose Refund."


async def test_low_confidence_refuses_and_names_what_is_near(world: World) -> None:
    seen = await events(world.answerer(ScriptedExtractor(TEXT, confidence=0.2)), "How tall is the tower?")
    end = seen[-1]
    assert isinstance(end, MessageEnd)
    assert (said(seen), end.outcome) == (answering.REFUSAL_NEARBY, "refused")
    assert [near.document.title for near in end.nearby] == ["Refunds"]
    assert world.traces.get("trc_1")["outcome"] == "refused"


async def test_what_is_not_near_is_not_named(world: World) -> None:
    world.search.passages = (scored(score=0.1),)
    seen = await events(world.answerer(ScriptedExtractor(TEXT, confidence=0.2)), "How tall is the tower?")
    assert said(seen) == answering.REFUSAL
    assert isinstance(seen[-1], MessageEnd)
    assert seen[-1].nearby == ()


async def test_an_assistant_without_documents_says_so(world: World) -> None:
    world.search.passages = ()
    assert (
        said(await events(world.answerer(ScriptedExtractor()), "Hm, what?", "demo")) == answering.NO_DOCUMENTS
    )
    assert world.search.seen == [frozenset()]


async def test_small_talk_does_not_search(world: World) -> None:
    seen = await events(world.answerer(ScriptedExtractor()), "Hello!")
    assert isinstance(seen[-1], MessageEnd)
    assert seen[-1].outcome == "answered"
    assert world.search.seen == []


async def test_only_supported_sentences_of_a_model_are_shown(world: World) -> None:
    engine = FakeEngine(
        10_000,
        "Refunds take nine working days [1]. Refunds take five working days [1]. Refunds are free. "
        "Gift cards cannot be refunded [9]. Gift cards cannot be refunded. [1]",
    )
    seen = await events(world.answerer(ScriptedExtractor(TEXT), engine), "How long do refunds take?")
    assert said(seen) == "Refunds take five working days. Gift cards cannot be refunded."
    assert [e.citation.quote for e in seen if isinstance(e, CitationFound)] == [
        "Refunds take five working days.", "Gift cards cannot be refunded.",
    ]  # fmt: skip
    trace = world.traces.get("trc_1")
    assert [check["supported"] for check in trace["checks"]] == [False, True, False, False, True]
    assert (trace["model_id"], trace["outcome"]) == ("fake", "answered")
    assert trace["usage"]["completion_tokens"] > 20


async def test_a_sentence_without_a_mark_gets_its_citation_from_the_passage_that_supports_it(
    world: World,
) -> None:
    engine = FakeEngine(10_000, "Of course! Refunds take nine days. Gift cards cannot be refunded.")
    seen = await events(world.answerer(ScriptedExtractor(TEXT), engine), "Can I get money back for a card?")
    assert said(seen) == "Gift cards cannot be refunded."
    assert [e.citation.quote for e in seen if isinstance(e, CitationFound)] == [
        "Gift cards cannot be refunded."
    ]


async def test_a_model_that_writes_of_another_thing_than_the_question_is_followed_by_a_note(
    world: World,
) -> None:
    world.search.passages = (FREE, *GOLD)
    engine = FakeEngine(10_000, "The storage limit is 2 GB.")
    extractor = ScriptedExtractor("The storage limit is 2 GB.")
    told = await events(world.answerer(extractor, engine), "What is the storage limit of the Gold Card?")
    assert said(told) == (
        "The storage limit is 2 GB.\n\nNone of this names “Gold Card”; it may be about something else."
    )
    named = world.answerer(extractor, engine, id="trc_2")
    assert said(await events(named, "What is the storage limit of the Free plan?")) == (
        "The storage limit is 2 GB."
    )


async def test_a_sentence_that_a_model_repeats_is_shown_once(world: World) -> None:
    engine = FakeEngine(10_000, "Gift cards cannot be refunded [1]. " * 3 + "gift cards  cannot be refunded.")
    seen = await events(world.answerer(ScriptedExtractor(TEXT), engine), "Can I get money back for a card?")
    assert said(seen) == "Gift cards cannot be refunded."
    checks = world.traces.get("trc_1")["checks"]
    assert [check["supported"] for check in checks] == [True, False, False, False]
    assert all("said before" in check["reasons"][0] for check in checks[1:])


async def test_a_model_whose_every_sentence_fails_refuses(world: World) -> None:
    engine = FakeEngine(10_000, "Refunds take nine years [1].")
    seen = await events(world.answerer(ScriptedExtractor(TEXT), engine), "How long do refunds take?")
    assert said(seen) == answering.REFUSAL_NEARBY
    assert isinstance(seen[-1], MessageEnd)
    assert seen[-1].outcome == "refused"


async def test_a_model_that_refuses_is_believed(world: World) -> None:
    engine = FakeEngine(10_000, "NOT IN THE DOCUMENTS")
    seen = await events(world.answerer(ScriptedExtractor(TEXT), engine), "How long do refunds take?")
    assert said(seen) == answering.REFUSAL_NEARBY


async def test_an_engine_that_dies_is_told_and_traced(world: World) -> None:
    engine = FakeEngine(10_000, [EngineCrashed("It died.")])
    with pytest.raises(EngineCrashed):
        await events(world.answerer(ScriptedExtractor(TEXT), engine), "How long do refunds take?")
    trace = world.traces.get("trc_1")
    assert (trace["outcome"], trace["error"]["code"]) == ("failed", "engine_crashed")


async def test_a_caller_who_goes_away_frees_the_place(world: World) -> None:
    engine = FakeEngine(50, "Refunds take five working days [1]. " * 50)
    answerer = world.answerer(ScriptedExtractor(TEXT), engine)
    first = asyncio.Event()

    async def listen() -> None:
        async for event in answerer.answer(Query("How long do refunds take?"), "default"):
            if isinstance(event, MessageDelta):
                first.set()

    task = asyncio.create_task(listen())
    await first.wait()
    assert answerer.in_flight == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (answerer.in_flight, engine.running, engine.abandoned) == (0, 0, 1)
    assert world.traces.get("trc_1")["outcome"] == "cancelled"


def test_unknown_traces_are_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.traces.get("trc_0")
