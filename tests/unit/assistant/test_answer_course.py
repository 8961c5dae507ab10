"""Which way a message goes: small talk, several questions, follow-ups, routes and rewriting."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from answer_world import TEXT, ScriptedExtractor, World, events, said, scored

from freehold.assistant import smalltalk
from freehold.assistant import work as answering
from freehold.assistant.branches import question_back
from freehold.assistant.extract import SURE, Extract, Span
from freehold.assistant.rewriting import Rewritten
from freehold.assistant.routing import Routed
from freehold.tasks.route import OUT_OF_SCOPE, PERSON, Route
from freehold.testing import FakeEngine
from freehold.types import (
    CitationFound,
    MessageDelta,
    MessageEnd,
    Query,
    ScoredPassage,
    SearchResult,
    Turn,
    Usage,
)


@pytest.fixture
def world(tmp_path: Path):
    world = World(tmp_path)
    yield world
    world.database.close()


def routes(route: Route | None) -> Callable[[str], Awaitable[Routed]]:
    async def router(message: str) -> Routed:
        return Routed(route, "linear" if route else None, usage=Usage(completion_tokens=3))

    return router


async def test_a_greeting_before_a_question_is_not_searched_for(world: World) -> None:
    answerer = world.answerer(ScriptedExtractor("Refunds take five working days."))
    await events(answerer, "Hi there, how long do refunds take?")
    assert world.search.asked == ["how long do refunds take?"]
    assert world.traces.get("trc_1")["question"] == "Hi there, how long do refunds take?"


async def test_several_questions_are_answered_in_turn_and_citations_numbered_through(world: World) -> None:
    extractor = ScriptedExtractor()
    extractor.only = {
        "How long do refunds take?": ["Refunds take five working days."],
        "Where do I get the receipt?": ["Ask the shop for the receipt.", "Refunds take five working days."],
    }
    seen = await events(world.answerer(extractor), "How long do refunds take? Where do I get the receipt?")
    assert said(seen) == (
        "**How long do refunds take?**\n\nRefunds take five working days.\n\n"
        "**Where do I get the receipt?**\n\nAsk the shop for the receipt.\n\nRefunds take five working days."
    )
    assert [event.claim.citations for event in seen if isinstance(event, MessageDelta)] == [
        (), (1,), (), (2,), (1,),
    ]  # fmt: skip
    assert [event.citation.number for event in seen if isinstance(event, CitationFound)] == [1, 2]
    assert world.search.asked == ["How long do refunds take?", "Where do I get the receipt?"]


async def test_the_part_that_has_no_answer_is_refused_alone(world: World) -> None:
    extractor = ScriptedExtractor("Refunds take five working days.")
    extractor.only = {"Who is the president?": []}
    answerer = world.answerer(extractor)
    seen = await events(answerer, "How long do refunds take? Who is the president?")
    assert said(seen).endswith(f"**Who is the president?**\n\n{answering.REFUSAL}")
    end = seen[-1]
    assert isinstance(end, MessageEnd)
    assert (end.outcome, len(end.nearby)) == ("answered", 1)
    extractor.only = {"How long do refunds take?": [], "Who is the president?": []}
    answerer = world.answerer(extractor, id="trc_2")
    end = (await events(answerer, "How long do refunds take? Who is the president?"))[-1]
    assert isinstance(end, MessageEnd)
    assert end.outcome == "refused"


async def test_a_model_is_given_the_passage_found_to_answer_and_the_best_of_the_others(world: World) -> None:
    others = [scored(f"Nails of {at} mm are sold by weight.", id=at) for at in range(1, 6)]
    world.search.passages = (*others, scored(id=7))
    extractor = ScriptedExtractor("Refunds take five working days.")
    extractor.more = 1
    engine = FakeEngine(10_000, "Refunds take five working days.")
    seen = await events(world.answerer(extractor, engine), "How long do refunds take?")
    assert said(seen) == "Refunds take five working days."
    (given,) = engine.requests
    assert TEXT in given.system
    assert [f"Nails of {at} mm" in given.system for at in range(1, 6)] == [True] * 4 + [False]


async def test_a_model_answers_each_part(world: World) -> None:
    engine = FakeEngine(10_000, ["Refunds take five working days [1].", "Gift cards cannot be refunded [1]."])
    seen = await events(
        world.answerer(ScriptedExtractor(TEXT), engine), "How long do refunds take? Can I return gift cards?"
    )
    assert said(seen) == (
        "**How long do refunds take?**\n\nRefunds take five working days.\n\n"
        "**Can I return gift cards?**\n\nGift cards cannot be refunded."
    )


async def test_a_part_that_leans_on_the_one_before_has_it_as_a_turn(world: World) -> None:
    answerer = world.answerer(ScriptedExtractor("Refunds take five working days."))
    await events(answerer, "How do I get a refund? How long does it take?")
    assert [[turn.text for turn in query.history] for query in world.search.queries] == [
        [], ["How do I get a refund?"],
    ]  # fmt: skip


async def test_a_follow_up_is_searched_for_as_it_is_meant(world: World) -> None:
    answerer = world.answerer(ScriptedExtractor("Refunds take five working days."))
    history = (Turn("user", "Do you ship to France?"), Turn("assistant", "Yes."))
    _ = [event async for event in answerer.answer(Query("and to Spain?", history), "default")]
    assert world.search.asked[0] == "Do you ship to Spain?"
    trace = world.traces.get("trc_1")
    assert (trace["question"], trace["questions"]) == ("and to Spain?", ["Do you ship to Spain?"])


async def test_a_new_subject_is_looked_for_without_the_turns_and_the_trace_says_what_was_found(
    world: World,
) -> None:
    amid, alone = scored("Nails are sold by weight.", id=3), scored(id=7)

    def search(query: Query, *, sources: frozenset[int], limit: int) -> SearchResult:
        return SearchResult((amid, alone) if query.history else (alone,), "hybrid")

    def extract(query: Query, passages: Sequence[ScoredPassage], *, sure: float = SURE) -> Extract:
        span = Span(passages[0], 0, len("Refunds take five working days."))
        return Extract((), 0.0) if query.history else Extract((span,), 0.8, about=tuple(passages))

    extractor = ScriptedExtractor()
    world.search.search, extractor.extract = search, extract
    history = (Turn("user", "Which nails do you sell?"), Turn("assistant", "All sorts."))
    query = Query("How long do refunds take?", history)
    answerer = world.answerer(extractor)
    seen = [event async for event in answerer.answer(query, "default")]
    assert said(seen) == "Refunds take five working days."
    trace = world.traces.get("trc_1")
    assert (trace["outcome"], trace["confidence"]) == ("answered", 0.8)
    assert [one["passage"]["id"] for one in trace["passages"]] == [3, 7]


@pytest.mark.parametrize(
    ("label", "outcome", "text"),
    [(PERSON, "answered", smalltalk.PERSON), (OUT_OF_SCOPE, "refused", answering.REFUSAL)],
)
async def test_what_a_router_is_sure_of_is_told_without_a_search(
    world: World, label: str, outcome: str, text: str
) -> None:
    answerer = world.answerer(ScriptedExtractor(TEXT), router=routes(Route(label, 0.99, True)))
    seen = await events(answerer, "Somebody should call me back about Jupiter's moons.")
    assert said(seen) == text
    assert isinstance(seen[-1], MessageEnd) and seen[-1].outcome == outcome
    assert world.search.asked == []
    trace = world.traces.get("trc_1")
    assert trace["route"] == {"label": label, "confidence": 0.99, "sure": True}
    assert (trace["route_by"], trace["route_failure"]) == ("linear", None)
    assert trace["usage"]["completion_tokens"] == 3, "a model's words are counted"
    assert "route" in trace["timings"]


@pytest.mark.parametrize("route", [None, Route(PERSON, 0.4, False), Route("card", 0.99, True)])
async def test_any_other_message_goes_its_usual_way(world: World, route: Route | None) -> None:
    answerer = world.answerer(ScriptedExtractor(TEXT), router=routes(route))
    assert said(await events(answerer, "How long do refunds take?")) == TEXT
    noted = world.traces.get("trc_1")["route"]
    assert noted == (None if route is None else {"label": route.label, "confidence": route.confidence,
                                                 "sure": route.sure})  # fmt: skip


async def test_small_talk_and_what_leans_on_turns_before_is_not_routed(world: World) -> None:
    routed: list[str] = []

    async def router(message: str) -> Routed:
        routed.append(message)
        return Routed(Route(OUT_OF_SCOPE, 1.0, True))

    hello, follow, alone = (
        world.answerer(ScriptedExtractor(TEXT), router=router, id=f"trc_{number}") for number in range(3)
    )
    await events(hello, "Hello!")
    before = (Turn("user", "How long do refunds take?"), Turn("assistant", "Five days."))
    leaning = [event async for event in follow.answer(Query("and for gift cards?", before), "default")]
    assert routed == [] and said(leaning) == TEXT
    await events(alone, "How many moons does Jupiter have?")
    assert routed == ["How many moons does Jupiter have?"]


ASKED_BEFORE = (Turn("user", "How much is the Basic plan?"), Turn("assistant", "Five euros."))


@pytest.mark.parametrize(
    ("rewritten", "question", "by", "failure"),
    [
        (Rewritten("How much is the Pro plan a year?", "m"), "How much is the Pro plan a year?", "m", None),
        (Rewritten(failure="m failed"), "How much is the Pro plan?", None, "m failed"),
        (Rewritten(), "How much is the Pro plan?", None, None),
    ],
)
async def test_a_follow_up_is_put_in_full_by_the_model_else_by_rule(
    world: World, rewritten: Rewritten, question: str, by: str | None, failure: str | None
) -> None:
    asked: list[Query] = []

    async def rewriter(query: Query) -> Rewritten:
        asked.append(query)
        return rewritten

    answerer = world.answerer(ScriptedExtractor(TEXT), rewriter=rewriter)
    follow_up = Query("and for the Pro plan?", ASKED_BEFORE)
    assert [event async for event in answerer.answer(follow_up, "default")]
    assert asked == [follow_up]
    trace = world.traces.get("trc_1")
    assert (trace["questions"], trace["question"]) == ([question], follow_up.text)
    assert (trace["rewritten_by"], trace["rewrite_failure"]) == (by, failure)
    assert ("rewrite" in trace["timings"]) is (rewritten != Rewritten())


async def test_what_stands_alone_or_chooses_from_an_offer_is_not_rewritten(world: World) -> None:
    async def rewriter(query: Query) -> Rewritten:
        raise AssertionError(query)

    offer = (Turn("user", "How much is a plan?"), Turn("assistant", question_back(("Basic", "Pro"))))
    for query in (
        Query("and for the Pro plan?"),
        Query("How long do refunds take?", ASKED_BEFORE),
        Query("Pro", offer),
    ):
        answerer = world.answerer(ScriptedExtractor(TEXT), rewriter=rewriter, id=f"trc_{query.text}")
        assert [event async for event in answerer.answer(query, "default")]
