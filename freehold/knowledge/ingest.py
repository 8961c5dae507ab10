"""Reading a source: what is new is added, what changed is replaced, what is gone leaves every index.

Documents are written in batches, each one transaction, and the words of a batch are searchable before
the next is read. A crash at any moment loses at most the batch in hand; reading again goes on from there.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from sqlalchemy import select, update

from freehold.egress import Egress
from freehold.errors import Conflict, FreeholdError
from freehold.knowledge import schedule
from freehold.knowledge.batch import Batch, known_documents, require_source
from freehold.knowledge.crawl import Web
from freehold.knowledge.folder import Folder
from freehold.knowledge.origin import Item, Known, Listing, Origin, SyncReport
from freehold.knowledge.parse import SUFFIXES
from freehold.knowledge.reader import Parser, Read, Reader
from freehold.knowledge.site import SiteSync
from freehold.knowledge.sources import Source, Sources, default_title
from freehold.knowledge.store import documents, sources
from freehold.knowledge.visit import PageParser
from freehold.store.database import Database
from freehold.store.job_context import Interrupted, JobContext

READ_AT_ONCE = 2
"""Documents of a folder read at the same time; of the web it is one."""

LOOK_UP_SECONDS = 0.2
"""Longest time between two looks at whether to stop."""

FILE_NAMES = re.compile(rb"[^\s()\[\]<>\"'`/\\|{}]+\.\w+")
"""Whatever looks like a file's name, without its folder."""


class Lexical(Protocol):
    """The index of words: `lexical.LexicalIndex`."""

    def apply(self) -> Any:
        """Takes in what `index_changes` names."""
        ...


class Progress(Protocol):
    """Is told how far a sync is: `JobContext.progress`. `saved`: something more of it is on disk."""

    def __call__(self, done: int, total: int, current: str = "", *, saved: bool = False) -> None: ...


def unwatched(done: int, total: int, current: str = "", *, saved: bool = False) -> None:
    """A `Progress` that tells nobody."""


class Ingest:
    """Reads sources into the store and the index of words. One sync of a source at a time."""

    def __init__(
        self,
        database: Database,
        lexical: Lexical,
        parser: PageParser,
        egress: Egress,
        *,
        max_document_bytes: int,
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`changed` is called after each batch: passages went, or came without vectors."""
        self._database = database
        self._sources = Sources(database)
        self._lexical = lexical
        self._parser = parser
        self._egress = egress
        self._max_document_bytes = max_document_bytes
        self._changed = changed
        self._clock = clock

    def job(self, context: JobContext) -> dict[str, Any]:
        """The handler of jobs whose payload is `{"source_id": …}`."""
        source_id = int(context.payload["source_id"])
        return asdict(self.sync(source_id, context.progress, lambda: context.stopping))

    def sync(
        self,
        source_id: int,
        progress: Progress = unwatched,
        stopping: Callable[[], bool] = lambda: False,
        *,
        again: bool = False,
    ) -> SyncReport:
        """Reads what changed since the last sync; `again` reads every document anew.

        Raises:
            Interrupted: `stopping` became true; what was read until then stays.
            NotFound: no such source, or it was removed meanwhile.
            FreeholdError: the source cannot be read as a whole; nothing of it was removed.
        """
        source = self._sources.get(source_id)
        try:
            self._state(source_id, state="syncing")
            report = self._read(source, progress, stopping, again=again)
            self._lexical.apply()
            learned = self._title(source) | schedule.succeeded(report, self._clock())
            self._state(source_id, **learned, state="ready", error=None)
        except Interrupted:
            self._leave(source_id, state="new" if source.synced_at is None else "ready")
            raise
        except FreeholdError as error:
            self._leave(source_id, **schedule.failed(self._clock()), state="failed", error=error.message)
            raise
        except Exception:
            error_text = "Something went wrong that we did not expect."
            self._leave(source_id, **schedule.failed(self._clock()), state="failed", error=error_text)
            raise
        return report

    def _read(
        self, source: Source, progress: Progress, stopping: Callable[[], bool], *, again: bool
    ) -> SyncReport:
        if source.kind == "site":
            crawl = SiteSync(
                source.id,
                source.location,
                source.options,
                self._database,
                self._parser,
                self._egress,
                max_bytes=self._max_document_bytes,
                written=self._written,
                clock=self._clock,
            )
            return crawl.run(progress, stopping, again=again)
        batch = Batch(self._database, source.id, written=self._written, clock=self._clock)
        sync = _Sync(source, self._origin(source), self._database, self._parser, batch)
        threads = 1 if source.kind in ("page", "sitemap") else READ_AT_ONCE
        return sync.run(progress, stopping, again=again, threads=threads)

    def _origin(self, source: Source) -> Origin:
        if source.kind in ("page", "sitemap"):
            return Web(source.location, source.kind, egress=self._egress, max_bytes=self._max_document_bytes)
        return Folder(
            Path(source.location),
            suffixes=SUFFIXES,
            max_bytes=self._max_document_bytes,
            single=source.kind == "file",
        )

    def _title(self, source: Source) -> dict[str, Any]:
        """A page that nobody named is called what it calls itself."""
        if source.kind != "page" or source.title != default_title(source.kind, source.location):
            return {}
        with self._database.read() as connection:
            title = connection.execute(
                select(documents.c.title).where(documents.c.source_id == source.id)
            ).scalar()
        return {"title": title} if title else {}

    def _leave(self, source_id: int, **values: Any) -> None:
        """Notes how a sync ended that did not end well; the reason it did may forbid that too."""
        with contextlib.suppress(FreeholdError):
            self._state(source_id, **values)

    def _written(self) -> None:
        self._lexical.apply()
        self._changed()

    def _state(self, source_id: int, **values: Any) -> None:
        with self._database.write() as connection:
            require_source(connection, source_id)
            connection.execute(update(sources).where(sources.c.id == source_id).values(values))


class _Sync:
    """One reading of one source."""

    def __init__(
        self, source: Source, origin: Origin, database: Database, parser: Parser, batch: Batch
    ) -> None:
        self._source = source
        self._origin = origin
        self._database = database
        self._batch = batch
        self._report = SyncReport()
        on_disk = {"folder": Path(source.location), "upload": Path(source.location)}
        on_disk["file"] = Path(source.location).parent
        self._has_includes = source.kind in on_disk
        self._reader = Reader(origin, parser, on_disk.get(source.kind))

    def run(
        self, progress: Progress, stopping: Callable[[], bool], *, again: bool, threads: int
    ) -> SyncReport:
        """Reads what is new or changed, then removes what is gone."""

        def look_up() -> None:
            if stopping():
                raise Interrupted

        with self._database.read() as connection:
            known = known_documents(connection, self._source.id)
        listing = self._listing(known, stopping)
        total = len(listing.items)
        fragments: list[Read] = []
        unchanged: list[Item] = []
        here: set[str] = set()
        gone: set[str] = set()
        pool = ThreadPoolExecutor(threads, thread_name_prefix="read")
        try:
            reads = self._reads(listing.items, known, pool, again=again, ahead=2 * threads)
            for number, (item, coming) in enumerate(reads):
                progress(number, total, item.location)
                read = _arrived(coming, look_up)
                if read.error is not None and self._source.kind == "page" and not known:
                    raise read.error  # it is all that was asked for
                self._count(read)
                (gone if read.gone else here).add(item.location)
                if read.same and read.error is None:
                    unchanged.append(item)
                if self._is_part_of_others(read):
                    fragments.append(read)
                elif read.to_write:
                    self._batch.add(read)
                if self._batch.due:
                    self._batch.write()
                    progress(number + 1, total, item.location, saved=True)
        finally:  # not waited for: a document in hand may take a minute, and stopping is not to
            pool.shutdown(wait=False, cancel_futures=True)
        removed = [
            location
            for location in known
            if location in gone or (location not in here and not location.startswith(listing.unseen))
        ]
        self._read_around([read.location for read in fragments] + removed, unchanged, known, look_up)
        for read in fragments:  # last: while they are not written, a crash leaves them to be found changed
            self._batch.add(read)
        self._batch.write()
        self._batch.remove([known[location].id for location in removed], look_up)
        self._report.removed = len(removed)
        progress(total, total, "", saved=True)
        return self._report

    def _listing(self, known: dict[str, Known], stopping: Callable[[], bool]) -> Listing:
        listing = self._origin.listing(stopping)
        if known and not listing.items and not listing.unseen and not listing.deleted:
            raise Conflict(
                f"{self._source.location} holds nothing that is read any more; {len(known):,} documents"
                " were read from it before. Nothing was removed.",
                hint="Bring its documents back, or remove the source if they are gone for good.",
            )
        for location, error in listing.failures:
            self._report.fail(location, error)
        self._report.skipped = listing.skipped
        return listing

    def _reads(
        self, items: Sequence[Item], known: dict[str, Known], pool: Executor, *, again: bool, ahead: int
    ) -> Iterator[tuple[Item, Read | Future[Read]]]:
        """Every document in order, a few being read ahead."""
        waiting: deque[tuple[Item, Read | Future[Read]]] = deque()
        for item in items:
            before = known.get(item.location)
            untouched = None if again else self._reader.untouched(item, before)
            waiting.append((item, untouched or pool.submit(self._reader.read, item, before, again=again)))
            while len(waiting) > ahead:
                yield waiting.popleft()
        yield from waiting

    def _count(self, read: Read) -> None:
        if read.error is not None:
            if not read.gone or read.known is None:
                self._report.fail(read.location, read.error)
        elif read.known is None:
            self._report.added += 1
        elif read.same or (read.content_hash == read.known.content_hash and self._is_stored(read)):
            self._report.unchanged += 1
        else:
            self._report.changed += 1

    def _is_stored(self, read: Read) -> bool:
        assert read.known is not None
        with self._database.read() as connection:
            row = connection.execute(
                select(documents.c.title, documents.c.text).where(documents.c.id == read.known.id)
            ).first()
        return row is not None and (row.title, row.text) == (read.title, read.text)

    def _is_part_of_others(self, read: Read) -> bool:
        """Whether documents read before may hold its words; at a first reading they are read with it."""
        seen_before = read.known is not None or self._source.synced_at is not None
        return read.is_fragment and seen_before and self._has_includes

    def _read_around(
        self,
        locations: list[str],
        unchanged: list[Item],
        known: dict[str, Known],
        look_up: Callable[[], None],
    ) -> None:
        """Reads documents again that name a changed fragment: its words are theirs too."""
        names = {PurePosixPath(location).name.encode() for location in locations}
        if not names or not self._has_includes:
            return
        for item in unchanged:
            look_up()
            data = self._reader.mentions(item)
            if data is None or names.isdisjoint(FILE_NAMES.findall(data)):
                continue
            read = self._reader.read(item, known[item.location], again=True)
            if read.gone:
                continue
            self._report.unchanged -= 1
            self._count(read)
            self._batch.add(read)
            if self._batch.due:
                self._batch.write()


def _arrived(coming: Read | Future[Read], look_up: Callable[[], None]) -> Read:
    """Waits for a document; `look_up` is called meanwhile, and may raise."""
    while True:
        look_up()
        if isinstance(coming, Read):
            return coming
        if wait([coming], timeout=LOOK_UP_SECONDS).done:
            return coming.result()
