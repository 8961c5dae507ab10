"""The composition root: builds everything from Config, and runs it as one process.

`Home` opens the data folder and gives the parts; `serve` puts the web in front of them until it is told
to stop; `private` does the same for one command. What a layer needs from a layer above it (job handlers,
the active engine, whether questions are in flight) is handed over here, as a callable.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import uvicorn

from freehold import __version__, memory
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
from freehold.errors import Conflict, InvalidInput, Unavailable
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
from freehold.web.auth import Keys, ensure_admin_key
from freehold.web.server import create_app, uvicorn_config
from freehold.web.services import Services

SYNC = "sync"

PRIVATE = 0o077
"""The mask of a process that writes a data folder: what it makes there is its user's alone to read."""

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


class Web:
    """The web in front of a home, on a listening socket; told to stop from any thread."""

    def __init__(self, home: Home, listening: socket.socket, *, start_token: str) -> None:
        self._home = home
        self._listening = listening
        self._token = start_token
        self._server: uvicorn.Server | None = None
        self._stopping = threading.Event()
        host, self.port = listening.getsockname()[:2]
        self.host = home.config.host
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
        self.url = f"http://{shown}:{self.port}"

    def stop(self) -> None:
        """Asks it to end: no new connections, a moment for those that are open."""
        self._stopping.set()
        if self._server is not None:
            self._server.should_exit = True

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Serves until `stop`; calls `on_ready` once connections are answered."""
        services = self._home.services(address=self.url, start_token=self._token, stop=self.stop)
        config = uvicorn_config(create_app(services), host=self.host, port=self.port)
        self._server = server = _Server(config, on_ready)
        if self._stopping.is_set():
            return
        await self._home.engine.resume()
        try:
            await server.serve(sockets=[self._listening])
        finally:
            await self._home.engine.close()


class _Server(uvicorn.Server):
    """uvicorn, that says when it is ready and leaves signals to us."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        Conflict: the port is taken.
        InvalidInput: the address is none of this machine's.
    """
    try:
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512
        )
        # connections inherit it; without, each answer's second packet waits 40 ms for a delayed ACK
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        if error.errno in (98, 13):
            raise Conflict(
                f"Port {port} of {host} cannot be listened on: {reason}.",
                hint="Name another with --port, or FREEHOLD_PORT; 0 takes a free one.",
            ) from None
        raise InvalidInput(
            f"{host} cannot be listened on: {reason}.", hint="Name an address of this machine."
        ) from None


def serve(
    config: Config, *, on_ready: Callable[[str, str | None], None], engine: Engine | None = None
) -> None:
    """Runs the server until SIGINT or SIGTERM; the main thread's.

    `on_ready` gets the URL, and the admin key when this start made one.

    Raises:
        HomeInUse: another process has the data folder.
        Conflict: the port is taken, or a newer Freehold wrote the folder.
    """
    set_up_logging(config)
    memory.few_arenas()
    os.umask(PRIVATE)
    token = secrets.token_urlsafe(32)
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(Home(config, engine))
        web = Web(home, stack.enter_context(listen(config.host, config.port)), start_token=token)

        def ready() -> None:
            admin_key = ensure_admin_key(home.database, config)  # not sooner: a start that fails shows no key
            write_server_file(config, web, token)
            stack.callback(config.server_file.unlink, missing_ok=True)
            on_ready(web.url, admin_key)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: web.stop())
        asyncio.run(web.run(ready))


@contextlib.contextmanager
def private(config: Config, engine: Engine | None = None) -> Generator[tuple[str, str], None, None]:
    """A server for one command, in this process, on a free loopback port: its URL and its token.

    Raises:
        HomeInUse: another process has the data folder.
    """
    token = secrets.token_urlsafe(32)
    config = config.model_copy(update={"host": "127.0.0.1", "port": 0})
    os.umask(PRIVATE)
    with Home(config, engine) as home, listen(config.host, 0) as listening:
        web = Web(home, listening, start_token=token)
        ready = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(web.run(ready.set)), name="web", daemon=True)
        thread.start()
        try:
            while not ready.wait(0.05):
                if not thread.is_alive():
                    raise Unavailable("The server for this command ended before it began.")
            yield web.url, token
        finally:
            web.stop()
            thread.join()


def write_server_file(config: Config, web: Web, token: str) -> None:
    """Says where the server is to commands of the same user: mode 0600, there whole or not at all."""
    content: dict[str, Any] = {
        "pid": os.getpid(),
        "host": web.host,
        "port": web.port,
        "url": web.url,
        "token": token,
        "version": __version__,
        "started_at": time.time(),
    }
    fresh = config.server_file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
    fresh.replace(config.server_file)


def set_up_logging(config: Config) -> None:
    """One line an event on stderr."""
    logging.basicConfig(
        level=config.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for chatty in ("alembic", "httpx", "httpcore", "uvicorn"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
