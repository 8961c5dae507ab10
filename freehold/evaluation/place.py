"""Where an evaluation asks: the assistant's own knowledge, or a suite's in a data folder beside the runs.

Works on an opened data folder that is handed in (`app.Home`), and so through the parts that serve.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from freehold import __version__
from freehold.assistant.answer import Answerer
from freehold.assistant.assistants import DEFAULT, Assistants
from freehold.assistant.brief_model import BriefModel
from freehold.assistant.rewriting import Rewriter
from freehold.assistant.trace import Recorder
from freehold.config import Config
from freehold.engines.base import Engine
from freehold.engines.chosen import ChosenEngine
from freehold.engines.embedder import OnnxEmbedder
from freehold.errors import FreeholdError, InvalidInput
from freehold.evaluation.evaluations import RULE, Wish
from freehold.evaluation.gold import Known
from freehold.evaluation.run import Overheard, Place
from freehold.evaluation.scratch import fill, locations
from freehold.evaluation.suite import Suite
from freehold.knowledge.embedding import Backfill
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.search import Search
from freehold.knowledge.sources import Sources
from freehold.knowledge.store import assistant_sources
from freehold.knowledge.syncs import Syncs
from freehold.models.registry import Registry
from freehold.store.database import Database
from freehold.store.job_context import JobContext
from freehold.store.jobs import Jobs

LOOK_SECONDS = 0.2
"""Between two looks at how far reading and embedding are."""


class OpenHome(Protocol):
    """The parts of an opened data folder that are needed here: `app.Home`."""

    config: Config
    database: Database
    search: Search
    lexical: LexicalIndex
    embedder: OnnxEmbedder | None
    backfill: Backfill | None
    assistants: Assistants
    sources: Sources
    syncs: Syncs
    jobs: Jobs
    registry: Registry

    rewriter: Rewriter

    def answerer_for(
        self, engine: Callable[[], Engine | None], traces: Recorder, *, rewriter: Rewriter | None
    ) -> Answerer: ...

    def engine_for_evaluation(self, model_id: str | None, *, brief: bool = False) -> Engine | None: ...

    def busy(self) -> bool: ...

    def changed(self) -> None: ...


OpenScratch = Callable[[str], AbstractContextManager[OpenHome]]
"""Opens the data folder of a suite's own knowledge, by the hash of it."""


@contextmanager
def evaluation_place(
    home: OpenHome, scratch: OpenScratch, wish: Wish, suite: Suite, context: JobContext
) -> Iterator[Place]:
    """Opens where the suite's questions are asked; a suite's own knowledge is ready then.

    Raises:
        NotFound: the assistant or the model is gone.
        InvalidInput: a document of the suite cannot be read.
        Interrupted: the job is to end; what was read until then is found next time.
    """
    instructions = home.assistants.get(wish.assistant).instructions
    engine = home.engine_for_evaluation(wish.model)
    about = {
        "model": None if wish.model is None else _name(home, wish.model),
        "model_id": wish.model,
        "instructions": instructions,
    }
    rewriting = _rewriting(home, wish)
    if suite.knowledge is None:
        await_vectors(home, context)
        yield _place(home, wish.assistant, instructions, engine, rewriting, about)
        return
    with scratch(suite.knowledge) as opened:
        learn(opened, suite, context)
        yield _place(opened, DEFAULT, instructions, engine, rewriting, about)


@dataclass(frozen=True, slots=True)
class _Rewriting:
    """Who puts follow-ups in full."""

    rewriter: Rewriter | None
    engine: Engine | None = None
    """The evaluation's own."""


def _rewriting(home: OpenHome, wish: Wish) -> _Rewriting:
    """
    Raises:
        NotFound: the model is gone.
    """
    if wish.rewrite is None:
        return _Rewriting(home.rewriter)
    if wish.rewrite == RULE:
        return _Rewriting(None)
    engine = home.engine_for_evaluation(wish.rewrite, brief=True)
    assert engine is not None, "one was named"
    chosen = ChosenEngine(engine, home.registry.get(wish.rewrite))
    return _Rewriting(Rewriter(BriefModel(chosen)), engine)


def _place(
    home: OpenHome,
    assistant_id: str,
    instructions: str,
    engine: Engine | None,
    rewriting: _Rewriting,
    about: dict[str, Any],
) -> Place:
    with home.database.read() as connection:
        scope = assistant_sources(connection, assistant_id)
        there = list(locations(connection, scope))
    knowledge = hashlib.sha256("\0".join("\0".join(each) for each in there).encode()).hexdigest()[:16]
    traces = Overheard()
    config = home.config
    rewriter = rewriting.rewriter
    model = None if rewriter is None else rewriter.model
    return Place(
        answerer=home.answerer_for(lambda: engine, traces, rewriter=rewriter),
        traces=traces,
        search=lambda query, limit: home.search.search(query, sources=scope, limit=limit),
        assistant_id=assistant_id,
        instructions=instructions,
        engine=engine,
        rewriting=rewriting.engine,
        at_once=1 if engine is None else config.engine_slots,
        known=Known((location, title) for location, title, _ in there),
        busy=home.busy,
        facts={
            **about,
            "follow_ups": "by rule" if model is None else f"by {model.name}, {model.id[:12]}",
            "documents": len(there),
            "knowledge": knowledge,
            "search": home.search.mode,
            "embedding_model": None if home.embedder is None else home.embedder.name,
            "passages_per_answer": config.passages_per_answer,
            "refuse_below": config.refuse_below,
            "max_answer_tokens": config.max_answer_tokens,
            "freehold": __version__,
        },
    )


def learn(home: OpenHome, suite: Suite, context: JobContext) -> None:
    """Reads the suite's own knowledge into a home that has no other, and waits until it is searchable."""
    if suite.documents is not None:
        _read(home, suite, context)
    elif suite.passages is not None:

        def written(count: int) -> None:
            home.lexical.apply()
            home.changed()
            context.progress(count, 0, "reading the suite's passages")
            context.raise_if_cancelled()

        fill(home.database, suite.passages(), assistant_id=DEFAULT, name=suite.name, written=written)
    await_vectors(home, context)


def await_vectors(home: OpenHome, context: JobContext) -> None:
    """Waits until every passage that can have a vector has one: figures would shift while they come.

    Raises:
        Unavailable: vectors cannot be made at present.
    """
    backfill = home.backfill
    while backfill is not None:
        done, total = backfill.progress()
        if done + backfill.given_up >= total:
            return
        if backfill.problem is not None:
            raise backfill.problem
        context.progress(done, total, "waiting for vectors")
        context.raise_if_cancelled()
        time.sleep(LOOK_SECONDS)


def _read(home: OpenHome, suite: Suite, context: JobContext) -> None:
    assert suite.documents is not None, "asked before"
    source = home.sources.add(str(suite.documents.resolve()), DEFAULT, title=suite.name)
    job = home.syncs.queue(source.id)
    while not (job := home.jobs.get(job.id)).finished:
        context.progress(job.progress["done"], job.progress["total"], "reading the suite's documents")
        context.raise_if_cancelled()
        time.sleep(LOOK_SECONDS)
    if job.result is None:
        error = job.error or {"message": "Reading was cancelled.", "hint": None}
        raise FreeholdError(f"The suite's documents cannot be read: {error['message']}", hint=error["hint"])
    for failed in job.result["failed"]:
        raise InvalidInput(
            f"The suite's document {failed['document']} cannot be read: {failed['reason']}",
            hint="Mend it, or take it out of the suite.",
        )


def _name(home: OpenHome, model_id: str) -> str:
    found = next((model.name for model in home.registry.list() if model.id == model_id), None)
    return found or model_id
