"""The path of an answer, with a scripted search and extractor and the shipped fake engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from freehold.assistant import smalltalk
from freehold.assistant import work as answering
from freehold.assistant.answer import Answerer, AnswerSettings
from freehold.assistant.assistants import Assistants
from freehold.assistant.branches import question_back
from freehold.assistant.extract import Extract, Span
from freehold.assistant.rewriting import Rewritten
from freehold.assistant.routing import Routed
from freehold.assistant.trace import Traces
from freehold.engines.base import Engine
from freehold.errors import EngineCrashed, NotFound
from freehold.knowledge.sources import Sources
from freehold.store.database import Database
from freehold.store.migrations import migrate
from freehold.tasks.route import OUT_OF_SCOPE, PERSON, Route
from freehold.testing import FakeEngine
from freehold.types import (
    AnswerEvent,
    CitationFound,
    DocumentRef,
    MessageDelta,
    MessageEnd,
    MessageStart,
    Passage,
    Query,
    ScoredPassage,
    SearchResult,
    Turn,
    Usage,
)

TEXT = "Refunds take five working days. Ask the shop for the receipt. Gift cards cannot be refunded."


def scored(text: str = TEXT, score: float = 0.8, id: int = 7) -> ScoredPassage:
    document = DocumentRef(id, "Refunds", "refunds.md")
    return ScoredPassage(Passage(id, 1, document, ("Refunds",), text, 0, len(text)), score, 0.8, 0.8)


class ScriptedSearch:
    def __init__(self, *passages: ScoredPassage) -> None:
        self.passages = passages
        self.seen: list[frozenset[int]] = []
        self.queries: list[Query] = []

    @property
    def asked(self) -> list[str]:
        return [query.text for query in self.queries]

    def search(self, query: Query, *, sources: frozenset[int], limit: int) -> SearchResult:
        self.seen.append(sources)
        self.queries.append(query)
        return SearchResult(self.passages[:limit], "hybrid")


class ScriptedExtractor:
    def __init__(self, *quotes: str, confidence: float = 0.9) -> None:
        self.quotes = quotes
        self.confidence = confidence
        self.only: dict[str, list[str]] = {}
        """Quotes by question, where they are not the same for all."""

    def extract(self, query: Query, passages: Sequence[ScoredPassage]) -> Extract:
        spans = []
        for quote in self.only.get(query.text, self.quotes):
            passage = next(passage for passage in passages if quote in passage.passage.text)
            start = passage.passage.text.index(quote)
            spans.append(Span(passage, start, start + len(quote)))
        return Extract(tuple(spans), self.confidence)


class World:
    """An assistant with one source, and an answerer over scripts."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "freehold.db")
        migrate(self.database)
        Assistants(self.database).ensure()
        (folder / "a.md").write_text("# A")
        self.source = Sources(self.database).add(str(folder / "a.md"))
        self.traces = Traces(self.database)
        self.search = ScriptedSearch(scored())

    def answerer(
        self,
        extractor: ScriptedExtractor,
        engine: Engine | None = None,
        *,
        id: str = "trc_1",
        router: Callable[[str], Awaitable[Routed]] | None = None,
        rewriter: Callable[[Query], Awaitable[Rewritten]] | None = None,
    ) -> Answerer:
        return Answerer(
            database=self.database,
            search=self.search,
            extractor=extractor,
            traces=self.traces,
            engine=lambda: engine,
            settings=AnswerSettings(passages=5, refuse_below=0.5, max_tokens=200),
            new_id=lambda: id,
            router=router,
            rewriter=rewriter,
        )


@pytest.fixture
def world(tmp_path: Path):
    world = World(tmp_path)
    yield world
    world.database.close()


async def events(answerer: Answerer, text: str, assistant: str = "default") -> list[AnswerEvent]:
    return [event async for event in answerer.answer(Query(text), assistant)]


def routes(route: Route | None) -> Callable[[str], Awaitable[Routed]]:
    async def router(message: str) -> Routed:
        return Routed(route, "linear" if route else None, usage=Usage(completion_tokens=3))

    return router


def said(seen: list[AnswerEvent]) -> str:
    return "".join(event.claim.text for event in seen if isinstance(event, MessageDelta))


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
    assert world.search.asked == ["Do you ship to Spain?"]
    trace = world.traces.get("trc_1")
    assert (trace["question"], trace["questions"]) == ("and to Spain?", ["Do you ship to Spain?"])


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
