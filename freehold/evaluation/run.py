"""Asks a suite's questions of the production answerer and search, and records what came of each.

Both are handed in from above; nothing here composes, searches or checks. Questions are asked one after the
other, or several at once where an engine has places for them; work for customers comes first. A run that
was ended in any way goes on with the questions that have no record yet.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from anyio import to_thread

from freehold.assistant.history import without_small_talk
from freehold.assistant.trace import Trace
from freehold.engines.base import Engine
from freehold.errors import FreeholdError
from freehold.evaluation.gold import Gold, Known
from freehold.evaluation.metrics import DEPTH
from freehold.evaluation.questions import Question
from freehold.evaluation.records import Records
from freehold.store.job_context import Interrupted
from freehold.types import AnswerEvent, Query, SearchResult

FAILURES = 5
"""Questions in a row that may end in an error before the run does."""
LOOK_UP_SECONDS = 0.2
"""Longest time between two looks at whether to stop."""
YIELD_SECONDS, YIELD_MOST = 0.05, 200
"""Pause between two looks while customers' questions are in flight, and looks until one is asked anyway."""


class Answers(Protocol):
    """`assistant.answer.Answerer`."""

    def answer(
        self, query: Query, assistant_id: str, *, instructions: str = ""
    ) -> AsyncGenerator[AnswerEvent, None]: ...


class Overheard:
    """A recorder of traces (`assistant.trace.Recorder`) that keeps them for the one who asked."""

    def __init__(self) -> None:
        self._traces: dict[str, Trace] = {}

    def record(self, trace: Trace) -> None:
        self._traces[trace.id] = trace

    def take(self, trace_id: str) -> Trace | None:
        """The trace, which is forgotten then."""
        return self._traces.pop(trace_id, None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where questions are asked: an assistant with its knowledge, and a model or none."""

    answerer: Answers
    traces: Overheard
    """What the answerer records to."""
    search: Callable[[Query, int], SearchResult]
    """The production search over the same passages. Blocks: called in a thread."""
    assistant_id: str
    instructions: str = ""
    engine: Engine | None = None
    """Started before the first question, and closed after the last."""
    rewriting: Engine | None = None
    """The same, of the model that puts follow-ups in full."""
    at_once: int = 1
    """Questions in flight at the same time."""
    known: Known | None = None
    """The documents that the assistant has."""
    busy: Callable[[], bool] = lambda: False
    """Whether customers' questions are being answered."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the answers depend on: model, settings, versions."""


@dataclass(slots=True)
class _Asked:
    """What all workers of a run share."""

    questions: Iterator[Question]
    done: int
    failed_in_a_row: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def next(self) -> Question | None:
        """The next question; read in a thread, for one worker at a time."""
        async with self._turn:
            return await to_thread.run_sync(next, self.questions, None)


async def run(
    questions: Iterator[Question],
    place: Place,
    records: Records,
    *,
    progress: Callable[[int, str], None] = lambda done, current: None,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Asks every question that has no record yet; `progress` is told how many have one.

    Raises:
        Interrupted: `stopping` became true. What was recorded stays.
        FreeholdError: the engine cannot be started, records cannot be written, or `FAILURES` questions in a
            row failed: then the last one's error.
    """
    engines = [engine for engine in (place.engine, place.rewriting) if engine is not None]
    try:
        finished = await to_thread.run_sync(records.open)
        for engine in engines:
            await _unless_stopped(engine.start(), stopping)
        left = (question for question in questions if question.id not in finished)
        asked = _Asked(left, len(finished))
        progress(asked.done, "")
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(_watch(stopping))
                workers = [
                    group.create_task(_work(asked, place, records, progress)) for _ in range(place.at_once)
                ]
                await asyncio.gather(*workers)
                watch.cancel()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
    finally:
        records.close()
        for engine in engines:
            await engine.close()


async def _work(asked: _Asked, place: Place, records: Records, progress: Callable[[int, str], None]) -> None:
    while (question := await asked.next()) is not None:
        for _ in range(YIELD_MOST):
            if not place.busy():
                break
            await asyncio.sleep(YIELD_SECONDS)
        record, error = await _record(question, place)
        records.append(record)
        asked.done += 1
        progress(asked.done, question.text)
        asked.failed_in_a_row = asked.failed_in_a_row + 1 if error is not None else 0
        if error is not None and asked.failed_in_a_row >= FAILURES:
            raise error


async def _watch(stopping: Callable[[], bool]) -> None:
    while not stopping():  # noqa: ASYNC110 - asked of another thread
        await asyncio.sleep(LOOK_UP_SECONDS)
    raise Interrupted


async def _unless_stopped(wanted: Any, stopping: Callable[[], bool]) -> None:
    """Awaits it; stops waiting when the run is to stop."""
    task, watch = asyncio.ensure_future(wanted), asyncio.ensure_future(_watch(stopping))
    try:
        await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Interrupted
        await task
    finally:
        for each in (task, watch):
            each.cancel()
        await asyncio.gather(task, watch, return_exceptions=True)


async def _record(question: Question, place: Place) -> tuple[dict[str, Any], FreeholdError | None]:
    """One question's record, and the error that it failed with."""
    gold = Gold(question)
    record: dict[str, Any] = {
        "id": question.id,
        "question": question.text,
        "history": [[turn.role, turn.text] for turn in question.history],
        "answerable": question.answerable,
        "kind": question.kind,
        "gold": {"items": gold.items, **_gold(question)},
        "gold_unknown": place.known is not None and place.known.none_of(question),
        "at": time.time(),
        "found": None,
        "error": None,
    }
    trace_id = ""
    error: FreeholdError | None = None
    try:
        answering = place.answerer.answer(question.query, place.assistant_id, instructions=place.instructions)
        async with aclosing(answering) as events:
            async for event in events:
                trace_id = getattr(event, "trace_id", trace_id)
                nearby = getattr(event, "nearby", ())
    except FreeholdError as failure:
        error = failure
        record["error"] = failure.as_json()["error"]
    trace = place.traces.take(trace_id)
    try:
        if gold.items:
            record["found"] = await to_thread.run_sync(_found, question, trace, gold, place)
    except FreeholdError as failure:
        error = error or failure
        record["error"] = error.as_json()["error"]
    record["outcome"] = "failed" if error is not None or trace is None else trace.outcome
    if trace is not None:
        record |= _told(trace, gold)
        record["nearby"] = [] if error is not None else [
            {"location": each.document.location, "title": each.document.title} for each in nearby
        ]  # fmt: skip
    return record, error


def _found(question: Question, trace: Trace | None, gold: Gold, place: Place) -> list[dict[str, Any]]:
    """In a thread: what search finds for the question as it was put in full."""
    result = place.search(_in_full(question, trace), DEPTH)
    return [
        {
            "passage_id": scored.passage.id,
            "location": scored.passage.document.location,
            "title": scored.passage.document.title,
            "heading_path": list(scored.passage.heading_path),
            "score": round(scored.score, 4),
            "lexical": round(scored.lexical, 4),
            "dense": None if scored.dense is None else round(scored.dense, 4),
            "gold": gold.item(
                scored.passage.document.location, scored.passage.document.title, scored.passage.text
            ),
        }
        for scored in result.passages
    ]


def _in_full(question: Question, trace: Trace | None) -> Query:
    """A follow-up as it was searched for; a message of several questions stays as it was said."""
    if trace is None or not question.history or len(trace.questions) != 1:
        return question.query
    return Query(trace.questions[0], without_small_talk(question.history))


def _gold(question: Question) -> dict[str, Any]:
    return {
        "passages": list(question.passages),
        "documents": list(question.documents),
        "quotes": list(question.quotes),
        "answers": list(question.answers),
    }


def _told(trace: Trace, gold: Gold) -> dict[str, Any]:
    """What the trace says of the answer."""
    return {
        "claims": [asdict(claim) for claim in trace.claims],
        "citations": [
            {
                "number": citation.number,
                "location": citation.document.location,
                "title": citation.document.title,
                "heading_path": list(citation.heading_path),
                "quote": citation.quote,
                "gold": gold.item(citation.document.location, citation.document.title, citation.text),
            }
            for citation in trace.citations
        ],
        "checks": [asdict(check) for check in trace.checks],
        "confidence": trace.confidence,
        "threshold": trace.threshold,
        "mode": trace.mode,
        "questions": trace.questions,
        "rewritten_by": trace.rewritten_by,
        "rewrite_failure": trace.rewrite_failure,
        "model_id": trace.model_id,
        "timings": trace.timings,
        "usage": asdict(trace.usage),
    }
