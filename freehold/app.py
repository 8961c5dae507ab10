"""The composition root: opens the data folder and builds everything from Config.

What a layer needs from a layer above it (job handlers, the active engine, whether questions are in
flight) is handed over here, as a callable. Knows nothing of processes, sockets or signals.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from freehold import memory
from freehold.assistant.answer import Answerer, AnswerSettings
from freehold.assistant.assistants import DEMO, Assistants
from freehold.assistant.conversations import Conversations
from freehold.assistant.extract import Extractor
from freehold.assistant.suggestions import Suggestions
from freehold.assistant.trace import Traces
from freehold.config import Config
from freehold.engines.active import ActiveEngine
from freehold.engines.base import Engine
from freehold.engines.embedder import OnnxEmbedder
from freehold.engines.local import LocalEngine
from freehold.errors import Unavailable
from freehold.knowledge.dense import DenseIndex
from freehold.knowledge.embedding import Backfill
from freehold.knowledge.ingest import Ingest
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.parser_pool import ParserPool
from freehold.knowledge.search import Search
from freehold.knowledge.sources import Source, Sources
from freehold.models.registry import Model, Registry
from freehold.net import Egress
from freehold.store.database import Database
from freehold.store.jobs import Handler, Job, JobContext, JobRunner, Jobs
from freehold.store.lock import HomeLock
from freehold.store.migrations import migrate
from freehold.web.auth import Keys
from freehold.web.services import Services

SYNC = "sync"

log = logging.getLogger(__name__)


class Home:
    """The parts of an opened data folder; one process at a time has it. A context manager."""

    def __init__(self, config: Config, engine: Engine | None = None) -> None:
        """`engine` answers in place of any model of the registry: tests, and whoever brings their own."""
        self.config = config
        self._given = engine
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

        self.embedder = embedder_of(config)
        self.lexical = LexicalIndex(config.index, database)
        closing.callback(self.lexical.close)
        self.lexical.open()
        self.dense = None
        if self.embedder is not None:
            self.dense = DenseIndex(database, self.embedder.name, self.embedder.dimensions)
            self.dense.load()
        self.search = Search(database, self.lexical, self.dense, self.embedder)
        self.registry = Registry(
            database, config.models, context=config.engine_context, slots=config.engine_slots
        )
        self.engine = ActiveEngine(self.registry, self._engine_for, self._given)
        self.traces = Traces(database)
        extractor = Extractor(self.embedder, self.lexical.rarities)
        refuse_below = extractor.refuse_below if config.refuse_below is None else config.refuse_below
        self.answerer = Answerer(
            database=database,
            search=self.search,
            extractor=extractor,
            traces=self.traces,
            engine=self.engine,
            settings=AnswerSettings(config.passages_per_answer, refuse_below, config.max_answer_tokens),
        )

        self.backfill = None
        if self.embedder is not None and self.dense is not None:
            self.backfill = Backfill(
                database,
                config.embedder_folder,
                self.embedder.name,
                busy=lambda: self.answerer.in_flight > 0,
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
            Egress(config.allowed_egress, config.allowed_private),
            max_document_bytes=config.max_document_bytes,
            changed=self._changed,
        )
        self.jobs = Jobs(database)
        self.jobs.recover()
        self._know_the_demo()
        runner = JobRunner(self.jobs, {SYNC: lean(ingest.job)})
        closing.callback(runner.stop)
        runner.start()

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
            registry=self.registry,
            add_source=self._add_source,
            add_upload=self._add_upload,
            sync_source=self._sync,
            remove_source=self.sources.remove,
            add_model=self.registry.add,
            use_model=self.engine.use,
            remove_model=lambda ref: void(self.registry.remove(ref)),
            vectors=lambda: (0, 0) if self.backfill is None else self.backfill.progress(),
            unready=lambda: None,
            stop=stop,
            memory_bytes=memory.resident_bytes,
        )

    def _engine_for(self, model: Model) -> Engine:
        return LocalEngine(
            self.registry.path(model),
            model.id,
            threads=self.config.engine_threads,
            context=self.config.engine_context,
            slots=self.config.engine_slots,
            queue=self.config.engine_queue,
        )

    def _add_source(self, location: str, assistant_id: str, title: str | None) -> tuple[int, Job]:
        return self._queued(self.sources.add(location, assistant_id, title=title))

    def _add_upload(self, folder: Path, assistant_id: str) -> tuple[int, Job]:
        return self._queued(self.sources.add(str(folder), assistant_id, title="Uploaded files", upload=True))

    def _queued(self, source: Source) -> tuple[int, Job]:
        return source.id, self._sync(source.id)

    def _sync(self, source_id: int) -> Job:
        return self.jobs.enqueue(SYNC, {"source_id": self.sources.get(source_id).id})

    def _changed(self) -> None:
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
            self._sync(self.sources.add(str(docs), DEMO, title="Freehold's documentation").id)


def embedder_of(config: Config) -> OnnxEmbedder | None:
    """The embedding model, or None (said in the log, `status` and every search) where there is none.

    Raises:
        ModelRejected: the folder is there and holds something else, or files that are damaged.
    """
    try:
        embedder = OnnxEmbedder(config.embedder_folder, config.embedder_threads)
        embedder.verify()
        return embedder
    except Unavailable as error:
        log.warning("Searching by words alone: %s %s", error.message, error.hint or "")
        return None


def own_docs() -> Path | None:
    """Freehold's documentation: in the wheel, or beside the package in a clone."""
    package = Path(__file__).parent
    return next((docs for docs in (package / "_docs", package.parent / "docs") if docs.is_dir()), None)


def lean(handler: Handler) -> Handler:
    """The handler of a job after which its memory goes back to the system."""

    def work(context: JobContext) -> Mapping[str, Any]:
        try:
            return handler(context)
        finally:
            memory.give_back()

    return work


def void(_: object) -> None:
    """Drops a result nobody wants."""
