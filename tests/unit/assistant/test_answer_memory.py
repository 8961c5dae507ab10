"""Answers given again: when they are, when they are not, and what is left of them on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select, update

from freehold.assistant.answer import Answerer, AnswerSettings
from freehold.assistant.answer_memory import AnswerMemory, answer_memory
from freehold.assistant.assistants import Assistants
from freehold.assistant.conversations import Conversations
from freehold.assistant.extract import SURE, Extract, Span
from freehold.assistant.grounding import Checker
from freehold.assistant.trace import Traces, traces
from freehold.engines.base import Engine
from freehold.errors import EngineCrashed, FreeholdError
from freehold.knowledge.sources import Sources
from freehold.knowledge.store import documents, index_changes, load_passages, passages, record_changes
from freehold.store.database import Database
from freehold.store.migrations import migrate
from freehold.testing import FakeClock, FakeEmbedder, FakeEngine
from freehold.types import (
    AnswerEvent,
    CitationFound,
    MessageDelta,
    MessageEnd,
    MessageStart,
    Query,
    ScoredPassage,
    SearchResult,
    Turn,
)  # fmt: skip

TEXT = "Refunds take five working days. Gift cards cannot be refunded."
QUESTION = "How long do refunds take?"


class World:
    """Two assistants, a passage in the store, and an answerer that remembers; counts its searches."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database(folder / "freehold.db")
        migrate(self.database)
        assistants = Assistants(self.database)
        assistants.ensure()
        assistants.create("other")
        self.source = self._source("a.md", "default")
        self._source("b.md", "other")
        self.passage = self.put(TEXT)
        self.traces = Traces(self.database)
        self.searches = 0
        self.confidence = 0.9
        self.quotes = ["Refunds take five working days."]
        self.found: list[int] | None = None
        self.engine: Engine | None = None
        self.more = 0
        self.clock = FakeClock()
        self.answerer = self.restarted()

    def restarted(
        self, *, size: int = 100, fingerprint: str = "", show_above: float | None = None
    ) -> Answerer:
        checker = Checker(show_above=show_above)
        self.memory = AnswerMemory(
            self.database,
            size=size,
            fingerprint=fingerprint,
            embedder=FakeEmbedder(),
            checker=checker,
            clock=self.clock,
        )
        self.answerer = Answerer(
            database=self.database,
            search=self,
            extractor=self,
            traces=self.traces,
            engine=lambda: self.engine,
            settings=AnswerSettings(passages=5, refuse_below=0.5, max_tokens=200),
            memory=self.memory,
            checker=checker,
        )
        return self.answerer

    def _source(self, name: str, assistant: str) -> int:
        (self.folder / name).write_text("# A")
        return Sources(self.database).add(str(self.folder / name), assistant).id

    def put(self, text: str) -> int:
        """A passage, indexed at once."""
        with self.database.write() as connection:
            document = connection.execute(
                insert(documents).values(
                    source_id=self.source, location=f"{text[:20]}.md", title="Refunds", text=text,
                    content_hash="", size=1, synced_at=0.0,
                )
            ).inserted_primary_key[0]  # fmt: skip
            row = {"document_id": document, "source_id": self.source, "position": 0, "heading_path": "[]"}
            row |= {"start": 0, "end": len(text), "text": text, "text_hash": ""}
            passage: int = connection.execute(insert(passages).values(row)).inserted_primary_key[0]
            record_changes(connection, [passage], source_id=self.source, removed=False)
        self.indexed()
        return passage

    def indexed(self) -> None:
        with self.database.write() as connection:
            connection.execute(delete(index_changes))

    def rarities(self, found: Iterable[str]) -> dict[str, float]:
        return dict.fromkeys(found, 5.0)

    def search(self, query: Query, *, sources: frozenset[int], limit: int) -> SearchResult:
        self.searches += 1
        wanted = [self.passage] if self.found is None else self.found
        with self.database.read() as connection:
            loaded = load_passages(connection, wanted)
        found = tuple(ScoredPassage(loaded[each], 0.8, 0.8, 0.8) for each in wanted if each in loaded)
        return SearchResult(found if self.source in sources else (), "hybrid")

    def extract(self, query: Query, found: Sequence[ScoredPassage], *, sure: float = SURE) -> Extract:
        spans = [
            Span(scored, at, at + len(quote))
            for quote in self.quotes
            for scored in found
            if (at := scored.passage.text.find(quote)) >= 0
        ]
        return Extract(tuple(spans), self.confidence, about=tuple(found))

    async def ask(
        self, text: str = QUESTION, assistant: str = "default", **more: object
    ) -> list[AnswerEvent]:
        history = tuple(Turn("user", said) for said in more.pop("history", ()))
        return [e async for e in self.answerer.answer(Query(text, history), assistant, **more)]

    async def reused(self, text: str = QUESTION, assistant: str = "default", **more: object) -> str | None:
        """The tier by which the answer was reused."""
        last = (await self.ask(text, assistant, **more))[-1]
        assert isinstance(last, MessageEnd)
        found = self.traces.get(last.trace_id)["reused"]
        return found[0]["tier"] if found else None

    def rows(self) -> int:
        with self.database.read() as connection:
            return connection.execute(select(func.count()).select_from(answer_memory)).scalar_one()


@pytest.fixture
def world(tmp_path: Path):
    world = World(tmp_path)
    yield world
    world.database.close()


def shown(events: list[AnswerEvent]) -> list[object]:
    return [e for e in events if isinstance(e, CitationFound | MessageDelta)]


async def test_the_same_question_is_answered_again_without_a_search_and_the_trace_says_so(
    world: World,
) -> None:
    first = await world.ask()
    again = await world.ask("  how long do refunds take")
    assert world.searches == 1
    assert shown(first) == shown(again)
    assert isinstance(first[0], MessageStart) and isinstance(again[-1], MessageEnd)
    trace = world.traces.get(again[-1].trace_id)
    assert trace["reused"] == [
        {"trace_id": first[0].trace_id, "question": QUESTION, "tier": "exact", "similarity": None}
    ]
    assert (trace["outcome"], trace["confidence"]) == ("answered", 0.9)
    assert await world.reused("hi, please tell me how long refunds take") == "words"
    assert world.searches == 2, "other words are searched for, to see that the passages are the same"


async def test_it_outlives_a_restart(world: World) -> None:
    await world.ask()
    world.restarted()
    assert await world.reused() == "exact"


async def test_quotes_under_titles_are_given_again(world: World) -> None:
    world.found = [world.passage, world.put("Books: refunds take a week.")]
    with world.database.write() as connection:
        connection.execute(update(documents).values(title=documents.c.location))
    world.quotes.append("Books: refunds take a week.")
    first, again = await world.ask(), await world.ask()
    assert "**Books: refunds take .md**" in "".join(
        e.claim.text for e in first if isinstance(e, MessageDelta)
    )
    assert world.searches == 1
    assert shown(first) == shown(again)


async def test_a_refusal_is_given_again_with_what_is_near(world: World) -> None:
    world.confidence = 0.1
    first, again = await world.ask(), await world.ask()
    assert world.searches == 1
    ends = [events[-1] for events in (first, again)]
    assert all(isinstance(end, MessageEnd) and end.outcome == "refused" and end.nearby for end in ends)
    assert shown(first) == shown(again)


async def test_another_question_is_answered_anew(world: World) -> None:
    await world.ask()
    assert await world.reused("How long do refunds not take?") is None


async def test_no_assistant_hears_anothers_answer(world: World) -> None:
    await world.ask()
    assert await world.reused(assistant="other") is None


async def test_any_change_of_the_knowledge_ends_it(world: World) -> None:
    await world.ask()
    world.put("Refunds of shoes take a year.")
    assert await world.reused() is None
    assert await world.reused() == "exact"
    assert world.rows() == 1, "the one that can never be used again is gone"


async def test_nothing_is_reused_or_kept_while_the_index_is_behind(world: World) -> None:
    await world.ask()
    with world.database.write() as connection:
        record_changes(connection, [world.passage], source_id=world.source, removed=False)
    assert await world.reused() is None
    world.indexed()
    assert await world.reused() is None, "what was answered meanwhile was not kept"


async def test_other_settings_another_model_or_other_instructions_end_it(world: World) -> None:
    await world.ask()
    world.restarted(fingerprint="other")
    assert await world.reused() is None
    world.engine = FakeEngine(10_000, "Refunds take five working days [1].")
    assert await world.reused(instructions="Be kind.") is None
    assert await world.reused(instructions="Be kind.") == "exact"
    assert await world.reused(instructions="Be brief.") is None


async def test_a_quote_that_is_not_there_word_for_word_is_not_shown_again(world: World) -> None:
    await world.ask()
    with world.database.write() as connection:  # behind the back of the source's version
        connection.execute(update(passages).values(text=TEXT.replace("five", "nine")))
    assert await world.reused() is None


async def test_a_written_sentence_is_checked_again(world: World) -> None:
    world.engine = FakeEngine(10_000, "Refunds take five working days [1].")
    await world.ask()
    assert await world.reused() == "exact"
    world.answerer = world.restarted(show_above=1.0)
    assert await world.reused() is None


async def test_what_a_lower_bar_let_through_is_checked_by_it_again(world: World) -> None:
    world.engine = FakeEngine(10_000, "Refunds always take five working days [1].")
    for show_above, reused in ((None, None), (0.0, "exact")):
        world.answerer = world.restarted(show_above=show_above)
        await world.ask()
        assert await world.reused() == reused


async def test_other_words_need_the_same_passages(world: World) -> None:
    await world.ask()
    other = world.put("Shoes are sent by mail.")
    world.answerer = world.restarted()
    await world.ask()
    world.found = [other, world.passage]
    assert await world.reused("please tell me how long refunds take") is None
    world.found = [world.passage, other]
    assert await world.reused("kindly tell me how long refunds take") == "words"


async def test_amid_a_conversation_only_what_stands_alone_and_finds_the_same(world: World) -> None:
    await world.ask()
    assert await world.reused(history=["Where is my order?"]) == "exact"
    assert world.rows() == 1
    await world.ask("How long do returns take?", history=["Where is my order?"])
    assert world.rows() == 1, "answers given amid a conversation are not kept"
    await world.ask("How long does it take?")
    assert await world.reused("How long does it take?", history=["Where is my order?"]) is None
    world.found = []
    assert await world.reused(history=["Where is my order?"]) is None


async def test_failures_and_broken_off_answers_are_not_kept(world: World) -> None:
    world.engine = FakeEngine(10_000, [EngineCrashed("It died.")])
    with pytest.raises(FreeholdError):
        await world.ask()
    world.engine = FakeEngine(10_000, "NOT IN THE DOCUMENTS")
    await world.ask()
    answer = world.answerer.answer(Query("Who pays refunds?"), "default")
    await anext(answer)
    await answer.aclose()
    assert world.rows() == 0


async def test_size_bounds_it_and_zero_switches_it_off(world: World) -> None:
    world.restarted(size=2)
    for number in range(4):
        world.clock.advance(1)
        await world.ask(f"How long do {number} refunds take?")
    assert world.rows() == 2
    assert await world.reused("How long do 3 refunds take?") == "exact"
    assert await world.reused("How long do 0 refunds take?") is None
    world.restarted(size=0)
    assert await world.reused("How long do 3 refunds take?") is None


async def test_a_thumb_down_drops_the_answer_also_where_it_was_given_again(world: World) -> None:
    talks = Conversations(world.database)
    started = talks.start("default")
    visitor = talks.visitor("default", started.visitor_token)
    await world.ask()
    events = await world.ask()
    assert isinstance(events[0], MessageStart)
    for number, (trace_id, rating) in enumerate([(events[0].trace_id, "up"), (events[0].trace_id, "down")]):
        message = f"msg_{number}"
        talks.answered(
            started.conversation_id, message, claims=[], citations=[], outcome="answered", trace_id=trace_id
        )
        talks.rate(message, visitor, rating)
        assert world.rows() == (1 if rating == "up" else 0)


async def test_it_goes_with_its_trace_and_with_its_assistant(world: World) -> None:
    await world.ask()
    with world.database.write() as connection:
        connection.execute(delete(traces))
    assert world.rows() == 0
    await world.ask(assistant="other")
    with world.database.write() as connection:
        connection.execute(delete(passages))
    Assistants(world.database).remove("other")
    assert world.rows() == 0


async def test_equal_questions_at_the_same_time_are_worked_out_once(world: World) -> None:
    world.engine = FakeEngine(100, "Refunds take five working days [1].")
    answers = await asyncio.gather(*(world.ask() for _ in range(5)))
    assert len(world.engine.requests) == 1
    assert all(shown(answer) == shown(answers[0]) for answer in answers)
    assert world.answerer.in_flight == 0
