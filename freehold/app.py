"""The composition root: opens the data folder and builds everything from Config.

What a layer needs from a layer above it (job handlers, the active engine, whether questions are in
flight) is handed over here, as a callable. Knows nothing of processes, sockets or signals.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from freehold import __version__, memory
from freehold.assistant.answer import Answerer, AnswerSettings
from freehold.assistant.answer_memory import AnswerMemory
from freehold.assistant.assistants import DEMO, Assistants
from freehold.assistant.brief_model import CONTEXT as BRIEF_CONTEXT
from freehold.assistant.brief_model import BriefModel
from freehold.assistant.conversations import Conversations
from freehold.assistant.extract import Extractor
from freehold.assistant.grounding import Checker
from freehold.assistant.linear_router import LinearRouter
from freehold.assistant.model_router import ModelRouter
from freehold.assistant.rewriting import Rewriter
from freehold.assistant.routing import Router
from freehold.assistant.suggestions import Suggestions
from freehold.assistant.trace import Recorder, Traces
from freehold.config import Config
from freehold.engines.active import ActiveEngine
from freehold.engines.adapted import assembled
from freehold.engines.at_hand import embedder_of, reader_of
from freehold.engines.base import Engine
from freehold.engines.embedder import OnnxEmbedder
from freehold.engines.made import engine_for
from freehold.engines.reader import OnnxReader
from freehold.engines.survey import EndpointWish, Survey, survey
from freehold.errors import InvalidInput
from freehold.evaluation.evaluations import KIND as EVALUATE
from freehold.evaluation.evaluations import Evaluations
from freehold.evaluation.place import evaluation_place
from freehold.evaluation.rehearsals import KIND as REHEARSE
from freehold.evaluation.rehearsals import Rehearsals
from freehold.knowledge.dense import DenseIndex
from freehold.knowledge.embedding import Backfill
from freehold.knowledge.ingest import Ingest
from freehold.knowledge.keeper import Keeper
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.parser_pool import ParserPool
from freehold.knowledge.schedule import Schedule, interval
from freehold.knowledge.search import Search
from freehold.knowledge.sources import Sources
from freehold.knowledge.syncs import CRAWL, SYNC, Syncs
from freehold.models.export import KIND as EXPORT
from freehold.models.export import Exports
from freehold.models.hub import Hub
from freehold.models.intake import KIND as ADD_MODEL
from freehold.models.intake import Intake
from freehold.models.registry import Model, Registry
from freehold.net import Egress
from freehold.store.database import Database
from freehold.store.job_runner import JobRunner
from freehold.store.jobs import Jobs
from freehold.store.lock import HomeLock
from freehold.store.migrations import migrate
from freehold.tasks.answer import TASK as ANSWER
from freehold.tasks.rewrite import TASK as REWRITE
from freehold.tasks.route import TASK as ROUTE
from freehold.web.auth import Keys
from freehold.web.services import Services

BESIDE_NICENESS = 10
"""Of everything that an evaluation or the taking in of a model runs: threads and processes."""

log = logging.getLogger(__name__)


class Home:
    """The parts of an opened data folder; one process at a time has it. A context manager."""

    def __init__(self, config: Config, engine: Engine | None = None, *, within: Home | None = None) -> None:
        """`engine` answers in place of any model of the registry: tests, and whoever brings their own.

        A home opened `within` another shares its embedding model and yields to its questions.
        """
        self.config = config
        self.egress = Egress(config.allowed_egress, config.allowed_private)
        self._given = engine
        self._within = within
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Home:
        """Locks the folder, brings it to this version, opens the indexes, takes up its jobs.

        Raises:
            HomeInUse: another process has it.
            Conflict: a newer Freehold wrote it, or the database is damaged.
            NoRoom: the disk is full.
        """
        try:
            self._open()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _open(self) -> None:
        config, closing = self.config, self._closing
        closing.enter_context(HomeLock(config.home))
        self.database = database = Database(config.database)
        closing.callback(database.close)
        migrate(database)
        self.assistants = Assistants(database, demo=config.demo)
        self.assistants.ensure()

        self.embedder: OnnxEmbedder | None = (
            embedder_of(config) if self._within is None else self._within.embedder
        )
        self.reader: OnnxReader | None = reader_of(config) if self._within is None else self._within.reader
        self.lexical = LexicalIndex(config.index, database)
        closing.callback(self.lexical.close)
        self.lexical.open()
        self.lexical.hold_soon()
        self.dense = None
        if self.embedder is not None:
            self.dense = DenseIndex(database, self.embedder.name, self.embedder.dimensions)
            closing.callback(self.dense.close)
            self.dense.load()
            self.dense.hold_soon()
        self.search = Search(database, self.lexical, self.dense, self.embedder)
        self.registry = Registry(
            database, config.models, context=config.engine_context, slots=config.engine_slots
        )
        self.engine = ActiveEngine(self.registry, self._engine_for, self._given)
        routing = ActiveEngine(self.registry, self._brief_engine_for, task=ROUTE)
        rewriting = ActiveEngine(self.registry, self._brief_engine_for, task=REWRITE)
        self.engines = {ANSWER: self.engine, ROUTE: routing, REWRITE: rewriting}
        """What runs the model of each task."""
        self.router = Router(LinearRouter(config.router, self.embedder), ModelRouter(BriefModel(routing)))
        self.rewriter = Rewriter(BriefModel(rewriting))
        self.traces = Traces(database)
        self.checker = Checker(self.reader, show_above=config.show_above)
        self.answerer = self.answerer_for(
            self.engine, self.traces, rewriter=self.rewriter, memory=self._memory()
        )

        self.backfill = None
        if self.embedder is not None and self.dense is not None:
            self.backfill = Backfill(
                database,
                config.embedder_folder,
                self.embedder.name,
                busy=self.busy,
                written=self.dense.add,
            )
            closing.callback(self.backfill.stop)
            self.backfill.start()
        self.sources = Sources(database, changed=self._removed)
        parsers = ParserPool(seconds=config.parser_seconds, memory_bytes=config.parser_memory_bytes)
        closing.callback(parsers.close)
        ingest = Ingest(
            database,
            self.lexical,
            parsers,
            self.egress,
            max_document_bytes=config.max_document_bytes,
            changed=self.changed,
        )
        self.schedule = Schedule(database, default_seconds=interval_of(config))
        self.jobs = Jobs(database)
        self.jobs.recover()
        self.syncs = Syncs(self.sources, self.schedule, self.jobs)
        self._know_the_demo()
        place = partial(evaluation_place, self, self._scratch)
        self.evaluations = Evaluations(config.runs, self.jobs, place=place)
        self.rehearsals = Rehearsals(config.runs, self.jobs, place=place, embedder=self.embedder)
        self.intake = Intake(
            self.registry,
            self.jobs,
            config.models / "incoming" / "downloads",
            egress=self.egress,
            hub=lambda: Hub.from_environment(os.environ),
        )
        self.exports = Exports(self.registry, self.jobs, config.models / "incoming")
        measuring = {EVALUATE: self.evaluations.job, REHEARSE: self.rehearsals.job}
        moving = {ADD_MODEL: self.intake.job, EXPORT: self.exports.job}
        work: list[JobRunner | Keeper | memory.Tidying] = [
            JobRunner(self.jobs, {SYNC: ingest.job}, beside=(CRAWL, *moving, *measuring)),
            JobRunner(self.jobs, {CRAWL: ingest.job}, apart=True),
            JobRunner(self.jobs, measuring, apart=True, niceness=BESIDE_NICENESS),
            JobRunner(self.jobs, moving, apart=True, niceness=BESIDE_NICENESS),
        ]
        if self._within is None:
            work.append(Keeper(self.schedule, at_work=self.syncs.at_work, queue=self.syncs.queue))
            work.append(memory.Tidying(busy=self.busy))
        for each in work:
            closing.callback(each.stop)
            each.start()

    def answerer_for(
        self,
        engine: Callable[[], Engine | None],
        traces: Recorder,
        *,
        rewriter: Rewriter | None,
        memory: AnswerMemory | None = None,
    ) -> Answerer:
        """An answerer over this home's knowledge: the one that serves, or one that is being evaluated.

        Without a rewriter follow-ups are put in full by rule. Only the one that serves has a memory: what is
        measured is worked out.
        """
        config, serving = self.config, self._within or self
        extractor = Extractor(self.embedder, self.lexical.rarities, reader=self.reader)
        refuse_below = extractor.refuse_below if config.refuse_below is None else config.refuse_below
        return Answerer(
            database=self.database,
            search=self.search,
            extractor=extractor,
            traces=traces,
            engine=engine,
            checker=self.checker,
            settings=AnswerSettings(config.passages_per_answer, refuse_below, config.max_answer_tokens),
            memory=memory,
            router=serving.router,
            rewriter=rewriter,
        )

    def _memory(self) -> AnswerMemory:
        config = self.config
        settings = (
            config.passages_per_answer,
            config.refuse_below,
            config.show_above,
            config.max_answer_tokens,
        )
        models = [one and one.name for one in (self.embedder, self.reader)]
        return AnswerMemory(
            self.database,
            size=config.answer_memory,
            fingerprint=f"{__version__} {settings} {models}",
            embedder=self.embedder,
            checker=self.checker,
            vectors=lambda: self.dense and self.dense.mark,
        )

    def busy(self) -> bool:
        """Whether customers' questions are being answered, here or in the home that this one is within."""
        return self.answerer.in_flight > 0 or (self._within is not None and self._within.busy())

    def engine_for_evaluation(self, model_id: str | None, *, brief: bool = False) -> Engine | None:
        """An engine of its own, so that what answers customers is neither held up nor changed; `brief` ones
        have the short context of small tasks.

        Raises:
            NotFound: the model has been removed.
        """
        if model_id is None:
            return None
        if self._given is not None and self._given.model_id == model_id:
            return self._given
        make = self._brief_engine_for if brief else self._engine_for
        engine, _ = assembled(self.registry, make, self.registry.get(model_id))
        return engine

    def services(self, *, address: str, start_token: str, stop: Callable[[], None]) -> Services:
        """What the web is given."""
        return Services(
            config=self.config,
            database=self.database,
            clock=time.time,
            started_at=time.time(),
            address=address,
            start_token=start_token,
            keys=Keys(self.database, start_token=start_token),
            assistants=self.assistants,
            conversations=Conversations(self.database),
            suggestions=Suggestions(self.database),
            traces=self.traces,
            answerer=self.answerer,
            search=self.search,
            embedder=self.embedder,
            jobs=self.jobs,
            sources=self.sources,
            schedule=self.schedule,
            registry=self.registry,
            add_source=self.syncs.add,
            add_upload=self.syncs.add_upload,
            sync_source=self.syncs.queue,
            remove_source=self.sources.remove,
            add_model=self.intake.add,
            export_model=self.exports.add,
            add_endpoint=self._add_endpoint,
            use_model=self._use_model,
            note_metrics=self._note_metrics,
            remove_model=lambda ref: void(self.registry.remove(ref)),
            evaluations=self.evaluations,
            rehearsals=self.rehearsals,
            evaluated_model=self._evaluated_model,
            vectors=lambda: (0, 0) if self.backfill is None else self.backfill.progress(),
            unready=lambda: None,
            stop=stop,
            memory_bytes=memory.resident_bytes,
        )

    async def _add_endpoint(self, wish: EndpointWish, name: str | None) -> tuple[Model, Survey]:
        found = await survey(wish, egress=self.egress)
        return await asyncio.to_thread(self.registry.add_endpoint, found.endpoint, name), found

    async def _use_model(self, ref: str | None, task: str) -> Model | None:
        return await self.engines[task].use(ref)

    async def _note_metrics(self, ref: str, task: str, metrics: Mapping[str, Any]) -> Model:
        model = await asyncio.to_thread(self.registry.note, ref, task, metrics)
        for engine in self.engines.values():
            engine.know(model)
        return model

    def _engine_for(self, model: Model, context: int | None = None) -> Engine:
        return engine_for(model, self.registry.path, self.config, self.egress, context=context)

    def _brief_engine_for(self, model: Model) -> Engine:
        return self._engine_for(model, min(self.config.engine_context, BRIEF_CONTEXT))

    def _scratch(self, knowledge: str) -> Home:
        """A home for the knowledge that a suite brings, beside the runs: never mixed with any other."""
        folder = self.config.runs / "knowledge" / knowledge
        apart = {
            "home": folder,
            "embedding_model": self.config.embedder_folder,
            "reader_model": self.config.reader_folder,
            "demo": False,
        }
        return Home(self.config.model_copy(update=apart), within=self)

    def _evaluated_model(self, ref: str | None) -> str | None:
        """The id of the model that a name means; None, the one in service; `none`, quoting."""
        if ref == "none":
            return None
        if ref is not None:
            return self.registry.get(ref).id
        serving = self.engine()
        return None if serving is None else serving.model_id

    def changed(self) -> None:
        """After a batch was read: vectors of replaced passages are gone, new ones are wanted."""
        if self.dense is not None and self.backfill is not None:
            self.dense.refresh()
            self.backfill.wake()

    def _removed(self) -> None:
        """After a source was removed: its passages leave both indexes before the caller is told."""
        self.lexical.apply()
        if self.dense is not None:
            self.dense.refresh()

    def _know_the_demo(self) -> None:
        """The assistant `demo` reads Freehold's own documentation, anew at each start."""
        if self.config.demo and (docs := own_docs()) is not None:
            others = [source for source in self.sources.list(DEMO) if source.location != str(docs)]
            for moved in others:
                self.sources.remove(moved.id)
            self.syncs.queue(self.sources.add(str(docs), DEMO, title="Freehold's documentation").id)


def interval_of(config: Config) -> int:
    """How often sources are read for which nothing else was said; 0 never.

    Raises:
        InvalidInput: the setting is no interval.
    """
    try:
        return interval(config.sync_every) or 0
    except InvalidInput as error:
        raise InvalidInput(f"Setting sync_every: {error.message}", hint=error.hint) from None


def own_docs() -> Path | None:
    """Freehold's documentation: in the wheel, or beside the package in a clone."""
    package = Path(__file__).parent
    return next((docs for docs in (package / "_docs", package.parent / "docs") if docs.is_dir()), None)


def void(_: object) -> None:
    """Drops a result nobody wants."""
