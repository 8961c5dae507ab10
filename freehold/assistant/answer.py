"""The path of an answer: query, search, enough?, compose, generate, check, tell, record.

One code path serves the widget, the API, the terminal and every evaluation. Without a generating
model the answer is extractive: the sentences that answer, quoted to the letter. With one, each
sentence it writes is checked against the passages it cites before it is shown. Knows nothing of HTTP,
of conversations in the database, or of what runs the model.
"""

from __future__ import annotations

import secrets
import time
from asyncio import CancelledError
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from anyio import to_thread

from freehold.assistant import smalltalk
from freehold.assistant.afresh import afresh
from freehold.assistant.answer_memory import AnswerMemory, Reuse
from freehold.assistant.branches import choices, narrowed
from freehold.assistant.differing import Quoted, differing
from freehold.assistant.extract import SURE, Extract, Extractor
from freehold.assistant.finding import Look, find
from freehold.assistant.flights import Flights, flight
from freehold.assistant.generation import generated
from freehold.assistant.grounding import Checker
from freehold.assistant.history import picks, resolve, stands_alone, without_small_talk
from freehold.assistant.parts import lead_in, split
from freehold.assistant.rewriting import Rewritten
from freehold.assistant.routing import Routed
from freehold.assistant.stepwise import completed
from freehold.assistant.trace import Recorder, Trace
from freehold.assistant.unnamed import unnamed
from freehold.assistant.work import NO_DOCUMENTS, REFUSAL, Part, Work
from freehold.engines.base import Engine
from freehold.errors import FreeholdError
from freehold.knowledge.search import Search
from freehold.knowledge.store import assistant_sources, fetch_section
from freehold.store.database import Database
from freehold.types import (
    AnswerEvent,
    Claim,
    MessageDelta,
    MessageEnd,
    MessageStart,
    Passage,
    Query,
    ScoredPassage,
    Turn,
)


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """The part of the settings that an answer depends on."""

    passages: int
    """Passages it is composed from."""
    refuse_below: float
    """Confidence under which it is refused."""
    max_tokens: int
    """Longest generated answer."""


class Answerer:
    """Answers questions for any assistant."""

    def __init__(
        self,
        *,
        database: Database,
        search: Search,
        extractor: Extractor,
        traces: Recorder,
        engine: Callable[[], Engine | None],
        settings: AnswerSettings,
        memory: AnswerMemory | None = None,
        router: Callable[[str], Awaitable[Routed]] | None = None,
        rewriter: Callable[[Query], Awaitable[Rewritten]] | None = None,
        checker: Checker | None = None,
        new_id: Callable[[], str] = lambda: f"trc_{secrets.token_urlsafe(12)}",
    ) -> None:
        """Without a memory every answer is worked out anew; measurements want that."""
        self._database = database
        self._search = search
        self._extractor = extractor
        self._traces = traces
        self._engine = engine
        self._settings = settings
        self._memory = memory
        self._router = router
        self._rewriter = rewriter
        self._flights = Flights()
        self._checker = checker or Checker()
        self._new_id = new_id
        self.in_flight = 0
        """Answers being worked on now; background work yields while it is not zero."""

    async def answer(
        self, query: Query, assistant_id: str, *, instructions: str = ""
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Streams one answer: start, then citations and claims, then the end; records its trace.

        Close the iterator to stop: the model's place is freed and the trace says `cancelled`.

        Raises:
            FreeholdError: the engine failed, the database did; the trace says `failed`.
        """
        trace = Trace(self._new_id(), assistant_id, query.text, query.history, time.time())
        work = Work(trace)
        self.in_flight += 1
        try:
            yield MessageStart(trace.id)
            talk = smalltalk.read(query.text)
            at_once = await self._at_once(query, talk, work)
            asked = () if at_once is not None else await self._asked(talk.rest, query.history, work)
            basis = await self._basis(work, instructions) if asked else None
            async with self._flights.turn(flight(asked, assistant_id, basis)):
                if at_once is not None:
                    work.told(at_once)
                    yield at_once
                async with aclosing(self._events(asked, work, instructions, basis)) as events:
                    async for event in events:
                        work.told(event)
                        yield event
                work.finish(work.outcome)
                await to_thread.run_sync(self._record, work)
        except FreeholdError as error:
            trace.error = error.as_json()["error"]
            work.finish("failed")
            await to_thread.run_sync(self._traces.record, trace)
            raise
        except (GeneratorExit, CancelledError):  # the caller went away: nothing may be awaited any more
            work.finish("cancelled")
            self._traces.record(trace)
            raise
        finally:
            self.in_flight -= 1
        yield MessageEnd(work.outcome, trace.usage, trace.id, trace.timings, work.nearby, work.choices)

    async def _at_once(self, query: Query, talk: smalltalk.Talk, work: Work) -> MessageDelta | None:
        """What is told without a search: small talk, and where a router is sure of it, that nobody can be
        reached from here or that nothing here is about the message.

        A message that leans on the turns before it is not routed: alone it says too little.
        """
        if talk.reply is not None:
            return work.own_words(work.begin(query.text), talk.reply)
        if self._router is None or (query.history and not stands_alone(talk.rest)):
            return None
        route = work.routed(await self._router(talk.rest))
        if route is None or not route.sure or route.kind == "label":
            return None
        part = work.begin(query.text)
        return work.own_words(part, smalltalk.PERSON) if route.kind == "person" else work.refuse(part)

    async def _asked(self, text: str, history: tuple[Turn, ...], work: Work) -> tuple[Query, ...]:
        """The questions of a message, each as it is meant, with the turns and questions before it."""
        before = without_small_talk(history)
        asked: list[Query] = []
        for part in split(text):
            query = await self._in_full(Query(part, before), work)
            asked.append(query)
            before = (*before, Turn("user", query.text))
        return tuple(
            replace(query, history=()) if at and not history and stands_alone(query.text) else query
            for at, query in enumerate(asked)
        )

    async def _in_full(self, query: Query, work: Work) -> Query:
        """The question as it is meant after the turns before it: by a model with the task, else by rule."""
        leans = query.history and not stands_alone(query.text) and not picks(query)
        if self._rewriter is None or not leans:
            return resolve(query)
        rewritten = await self._rewriter(query)
        trace = work.trace
        trace.rewritten_by = rewritten.by or trace.rewritten_by
        trace.rewrite_failure = rewritten.failure or trace.rewrite_failure
        trace.usage += rewritten.usage
        if rewritten != Rewritten():
            work.lap("rewrite")
        return resolve(query) if rewritten.question is None else replace(query, text=rewritten.question)

    async def _basis(self, work: Work, instructions: str) -> str | None:
        """What a kept answer rests on; None where nothing is kept or reused."""
        if self._memory is None:
            return None
        engine = self._engine()
        model_id = None if engine is None else engine.model_id
        return await to_thread.run_sync(self._memory.basis, work.trace.assistant_id, model_id, instructions)

    async def _events(
        self, asked: tuple[Query, ...], work: Work, instructions: str, basis: str | None
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Each question in turn; where there are several, each under its own words."""
        work.alone = len(asked) == 1
        for query in asked:
            if not work.alone:
                yield MessageDelta(Claim(lead_in(query.text, not work.parts), ()))
            part = work.begin(query.text)
            reusable = basis if not query.history or stands_alone(query.text) else None
            async with aclosing(self._one(query, part, work, instructions, reusable)) as events:
                async for event in events:
                    yield event
            work.end(part)

    async def _one(
        self, query: Query, part: Part, work: Work, instructions: str, basis: str | None
    ) -> AsyncGenerator[AnswerEvent, None]:
        """The answer to one question: a kept one, or one found, quoted or written now."""
        reuse = None if query.history else await self._reuse(query, work, basis, None)
        if reuse is None:
            await to_thread.run_sync(self._find, query, part, work)
            work.trace.passages += part.found
            work.lap("search")
            reuse = await self._reuse(query, work, basis, [scored.passage.id for scored in part.found])
        if reuse is not None:
            for told in work.again(part, reuse):
                yield told
            return
        if not part.found:
            yield MessageDelta(Claim(REFUSAL if work.sources else NO_DOCUMENTS, ()))
            return
        query, extract = await to_thread.run_sync(self._sought, query, part, work)
        work.lap("extract")
        part.basis = None if query.history else basis
        if not extract.answers(self._settings.refuse_below):
            yield work.refuse(part)
            return
        offered, quoted = await to_thread.run_sync(self._branched, query, part, extract, work)
        if offered:
            part.basis = None
            yield work.ask_back(part, offered)
            return
        if quoted.others or (engine := self._engine()) is None:
            read = [span.passage.passage for span in quoted.in_order()]
            lacking = await to_thread.run_sync(self._unnamed, query, part, read, work)
            for told in work.quote(part, quoted, lacking):
                yield told
            return
        most, check = self._settings.max_tokens, self._checker.check
        writing = generated(engine, query, part, work, check, instructions=instructions, most=most)
        async with aclosing(writing) as events:
            async for event in events:
                yield event
        work.lap("generate")
        if part.outcome == "refused":
            part.basis = None  # a model may find better words the next time
            yield work.refuse(part)
        elif lacking := await to_thread.run_sync(self._unnamed, query, part, work.cited(part), work):
            yield work.note_unnamed(lacking)

    async def _reuse(
        self, query: Query, work: Work, basis: str | None, found: list[int] | None
    ) -> Reuse | None:
        """The kept answer to the same question, if there is one; see AnswerMemory.find for `found`."""
        if self._memory is None or basis is None:
            return None
        find = partial(
            self._memory.find,
            query.text,
            work.trace.assistant_id,
            basis,
            passages=found,
            amid=bool(query.history),
        )
        reuse = await to_thread.run_sync(find)
        work.lap("memory")
        return reuse

    def _find(self, query: Query, part: Part, work: Work) -> None:
        """In a thread: the passages, scoped to the assistant inside the search."""
        began = time.thread_time()
        with self._database.read() as connection:
            work.sources = assistant_sources(connection, work.trace.assistant_id)
        wanted = self._settings.passages + self._extractor.more
        section = partial(fetch_section, self._database)
        part.found = find(query, self._looking(work), section, wanted, self._search.rarities)
        work.spent(began)

    def _looking(self, work: Work) -> Look:
        """What searches the assistant's sources, for use in a thread."""

        def look(query: Query, limit: int) -> tuple[ScoredPassage, ...]:
            result = self._search.search(query, sources=work.sources, limit=limit)
            work.trace.mode = result.mode
            return result.passages

        return look

    def _sought(self, query: Query, part: Part, work: Work) -> tuple[Query, Extract]:
        """In a thread: the question, amid its turns or by itself, and the sentences that answer it."""
        anew = Part(part.question, part.first)

        def seek(alone: Query) -> Extract:
            self._find(alone, anew, work)
            return self._extract(alone, anew, work)

        told = self._extract(query, part, work)
        meant, extract = afresh(query, told, self._settings.refuse_below, seek)
        if meant is not query:
            seen = {scored.passage.id for scored in part.found}
            work.trace.passages += tuple(one for one in anew.found if one.passage.id not in seen)
            part.found, part.about, part.given = anew.found, anew.about, anew.given
        work.trace.confidence, work.trace.threshold = extract.confidence, self._settings.refuse_below
        return meant, extract

    def _extract(self, query: Query, part: Part, work: Work) -> Extract:
        """In a thread: the sentences that answer, and how surely they do."""
        began = time.thread_time()
        used = narrowed(query, part.found, lambda one: self._alone(query, one).text)
        sure = max(SURE, self._settings.refuse_below)
        told = self._extractor.extract(query, used, sure=sure)
        extract = completed(told, partial(fetch_section, self._database))
        answering = {span.passage.passage.id for span in extract.spans}
        first = sorted(extract.about, key=lambda scored: scored.passage.id not in answering)
        part.about, part.given = extract.about, tuple(first[: self._settings.passages])
        work.spent(began, extract.elsewhere_seconds)
        return extract

    def _branched(
        self, query: Query, part: Part, extract: Extract, work: Work
    ) -> tuple[tuple[str, ...], Quoted]:
        """In a thread: what to let the visitor choose from where passages branch, else what is quoted."""
        began = time.thread_time()
        alone = partial(self._alone, query)
        missing = self._missing(query, part, work)
        offered = choices(query, part.about, lambda one: alone(one).text, missing) if work.alone else ()
        below, rarities = self._settings.refuse_below, self._search.rarities
        others = () if offered else differing(query, extract, below, alone, rarities)
        work.spent(began)
        return offered, Quoted(extract.spans, others, extract.steps)

    def _unnamed(self, query: Query, part: Part, passages: Sequence[Passage], work: Work) -> str:
        """In a thread: what the question names and none of the passages does."""
        began = time.thread_time()
        name = self._missing(query, part, work)(passages)
        work.spent(began)
        return name

    def _missing(self, query: Query, part: Part, work: Work) -> Callable[[Sequence[Passage]], str]:
        look, rarities = self._looking(work), self._search.rarities
        return lambda passages: unnamed(query.text, passages, part.found, look, rarities)

    def _alone(self, query: Query, scored: ScoredPassage) -> Extract:
        """What one passage answers."""
        return self._extractor.extract(query, [scored])

    def _record(self, work: Work) -> None:
        """In a thread: the trace, then what the memory keeps of it."""
        self._traces.record(work.trace)
        for part in work.parts:
            if self._memory is not None and part.basis is not None:
                self._memory.keep(
                    part.question, work.trace.assistant_id, part.basis, work.trace.id, work.kept(part)
                )
