"""The path of an answer: search, enough?, compose, generate, check, tell, record.

One code path serves the widget, the API, the terminal and every evaluation. Without a generating
model the answer is extractive: the sentences that answer, quoted to the letter. With one, each
sentence it writes is checked against the passages it cites before it is shown. Knows nothing of HTTP,
of conversations in the database, or of what runs the model.
"""

from __future__ import annotations

import secrets
import time
from asyncio import CancelledError
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace

from anyio import to_thread

from freehold.assistant import smalltalk
from freehold.assistant.citations import Citations
from freehold.assistant.draft import Draft
from freehold.assistant.extract import Extract, Extractor, Span
from freehold.assistant.grounding import check
from freehold.assistant.trace import Checked, Recorder, Trace
from freehold.engines.base import Engine, Finished, Generation
from freehold.errors import FreeholdError
from freehold.knowledge.search import Search
from freehold.knowledge.store import assistant_sources
from freehold.store.database import Database
from freehold.tasks import answer as task
from freehold.types import (
    AnswerEvent,
    CitationFound,
    Claim,
    MessageDelta,
    MessageEnd,
    MessageStart,
    Nearby,
    Outcome,
    Query,
    SearchResult,
    Usage,
)

REFUSAL = "I could not find an answer to that in the documents I have."
REFUSAL_NEARBY = "I could not find an answer to that in the documents I have. The closest they come:"
NO_DOCUMENTS = "I have not been given any documents yet, so I cannot answer."

NEARBY_SCORE = 0.30
"""Search score from which a document is named beside a refusal."""
_NEARBY_LIMIT = 3


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
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: f"trc_{secrets.token_urlsafe(12)}",
    ) -> None:
        self._database = database
        self._search = search
        self._extractor = extractor
        self._traces = traces
        self._engine = engine
        self._settings = settings
        self._clock = clock
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
        trace = Trace(self._new_id(), assistant_id, query.text, query.history, self._clock())
        work = _Work(trace)
        self.in_flight += 1
        try:
            yield MessageStart(trace.id)
            async with aclosing(self._events(query, work, instructions)) as events:
                async for event in events:
                    work.told(event)
                    yield event
            work.finish(work.outcome)
            await to_thread.run_sync(self._traces.record, trace)
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
        yield MessageEnd(work.outcome, trace.usage, trace.id, trace.timings, work.nearby)

    async def _events(
        self, query: Query, work: _Work, instructions: str
    ) -> AsyncGenerator[AnswerEvent, None]:
        if (reply := smalltalk.reply(query.text)) is not None:
            work.outcome = "answered"
            yield MessageDelta(Claim(reply, ()))
            return
        sources, result = await to_thread.run_sync(self._find, query, work)
        work.lap("search")
        if not result.passages:
            yield MessageDelta(Claim(REFUSAL if sources else NO_DOCUMENTS, ()))
            return
        extract = await to_thread.run_sync(self._extract, query, result, work)
        work.lap("extract")
        if extract.confidence < self._settings.refuse_below or not extract.spans:
            yield work.refuse_near(result)
            return
        if (engine := self._engine()) is None:
            work.outcome = "answered"
            for quoted in _quoted(extract, work.citations):
                yield quoted
            return
        async with aclosing(self._generated(engine, query, result, work, instructions)) as events:
            async for event in events:
                yield event
        work.lap("generate")
        if work.trace.claims:
            work.outcome = "answered"
        else:
            yield work.refuse_near(result)

    def _find(self, query: Query, work: _Work) -> tuple[frozenset[int], SearchResult]:
        """In a thread: the passages, scoped to the assistant inside the search."""
        began = time.thread_time()
        with self._database.read() as connection:
            sources = assistant_sources(connection, work.trace.assistant_id)
        result = self._search.search(query, sources=sources, limit=self._settings.passages)
        work.trace.mode, work.trace.passages = result.mode, result.passages
        work.spent(began)
        return sources, result

    def _extract(self, query: Query, result: SearchResult, work: _Work) -> Extract:
        """In a thread: the sentences that answer, and how surely they do."""
        began = time.thread_time()
        extract = self._extractor.extract(query, result.passages)
        work.trace.confidence, work.trace.threshold = extract.confidence, self._settings.refuse_below
        work.spent(began)
        return extract

    async def _generated(
        self, engine: Engine, query: Query, result: SearchResult, work: _Work, instructions: str
    ) -> AsyncGenerator[AnswerEvent, None]:
        passages = task.stable_order([scored.passage for scored in result.passages])
        prompt = task.compose(query, passages, instructions=instructions)
        request = Generation(prompt.messages, prompt.system, max_tokens=self._settings.max_tokens)
        work.trace.model_id, work.trace.prompt = engine.model_id, asdict(prompt)
        draft = Draft()
        async with aclosing(engine.generate(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Finished):
                    work.trace.usage += piece.usage
                    sentences = draft.finish() if piece.reason != "cancelled" else ()
                else:
                    work.trace.written += piece.text
                    sentences = draft.add(piece.text)
                for separator, sentence in sentences:
                    text, numbers = task.cited(sentence)
                    separator = separator if work.trace.claims else ""
                    known = [number for number in numbers if 1 <= number <= len(passages)]
                    verdict = check(task.bare(text), [passages[number - 1] for number in known])
                    work.trace.checks.append(Checked(text, numbers, verdict.supported, verdict.reasons))
                    if not verdict.supported or task.refuses(text):
                        continue
                    passage = passages[known[verdict.passage] - 1]
                    citation, new = work.citations.add(passage, verdict.quote_start, verdict.quote_end)
                    if new:
                        yield CitationFound(citation)
                    yield MessageDelta(Claim(separator + text, (citation.number,)))


class _Work:
    """One answer while it is made: what it has told, its clocks, its trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.citations = Citations()
        self.outcome: Outcome = "refused"
        self.nearby: tuple[Nearby, ...] = ()
        self._began = self._lap = time.perf_counter()

    def told(self, event: AnswerEvent) -> None:
        """Notes what the caller is about to see."""
        if isinstance(event, CitationFound):
            self.trace.citations.append(event.citation)
        elif isinstance(event, MessageDelta):
            self.trace.timings.setdefault("first", self._since(self._began))
            self.trace.claims.append(event.claim)

    def refuse_near(self, result: SearchResult) -> MessageDelta:
        """A refusal that names what the documents do cover nearby."""
        near = {
            scored.passage.document.id: Nearby(scored.passage.document, scored.passage.heading_path)
            for scored in reversed(result.passages)
            if scored.score >= NEARBY_SCORE
        }
        self.nearby = tuple(reversed(near.values()))[:_NEARBY_LIMIT]
        return MessageDelta(Claim(REFUSAL_NEARBY if self.nearby else REFUSAL, ()))

    def lap(self, step: str) -> None:
        """Ends a step that began where the last one ended."""
        self.trace.timings[step] = self._since(self._lap)
        self._lap = time.perf_counter()

    def spent(self, thread_began: float) -> None:
        """Counts the processor time of this thread since `thread_began` (`time.thread_time`)."""
        self.trace.usage += Usage(cpu_seconds=time.thread_time() - thread_began)

    def finish(self, outcome: str) -> None:
        """Closes the trace."""
        self.trace.outcome = outcome
        self.trace.timings["total"] = self._since(self._began)
        self.trace.usage = replace(self.trace.usage, wall_seconds=time.perf_counter() - self._began)

    @staticmethod
    def _since(moment: float) -> float:
        return round(1000 * (time.perf_counter() - moment), 2)


def _quoted(extract: Extract, citations: Citations) -> Iterator[CitationFound | MessageDelta]:
    """The extracted spans as claims, to the letter: neighbours run on, the others stand apart."""
    before: Span | None = None
    for span in extract.spans:
        passage = span.passage.passage
        text = passage.text[span.start : span.end].strip()
        citation, new = citations.add(passage, span.start, span.end)
        if new:
            yield CitationFound(citation)
        yield MessageDelta(Claim(_separator(before, span, text) + text, (citation.number,)))
        before = span


def _separator(before: Span | None, span: Span, text: str) -> str:
    if before is None:
        return ""
    passage = span.passage.passage
    follows = before.passage.passage.id == passage.id and before.end <= span.start
    between = passage.text[before.end : span.start] if follows else ""
    return " " if follows and not between.strip() and "\n" not in between + text else "\n\n"
