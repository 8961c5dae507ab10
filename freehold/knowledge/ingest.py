"""Reading a source: what is new is added, what changed is replaced, what is gone leaves every index.

Documents are written in batches, each one transaction, and the words of a batch are searchable before
the next is read. A crash at any moment loses at most the batch in hand; reading again goes on from there.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from sqlalchemy import select, update

from freehold.errors import Conflict, FreeholdError, NoRoom, NotFound, TooLarge, UnreadableDocument
from freehold.knowledge.batch import Batch, Read, known_documents, require_source
from freehold.knowledge.chunk import chunk
from freehold.knowledge.crawl import Web
from freehold.knowledge.folder import Folder
from freehold.knowledge.origin import Content, Item, Known, Listing, Origin, SyncReport
from freehold.knowledge.parse import SUFFIXES, Parsed
from freehold.knowledge.sources import Source, Sources
from freehold.knowledge.store import documents, sources
from freehold.net import Egress
from freehold.store.database import Database
from freehold.store.jobs import Interrupted, JobContext

OF_ITS_CONTENT = frozenset({UnreadableDocument.code, TooLarge.code})
"""Codes of failures that lie in the document as it is now; others may pass, so what was read stays."""

FILE_NAMES = re.compile(rb"[^\s()\[\]<>\"'`/\\|{}]+\.\w+")
"""Whatever looks like a file's name, without its folder."""


class Lexical(Protocol):
    """The index of words: `lexical.LexicalIndex`."""

    def apply(self) -> Any:
        """Takes in what `index_changes` names."""
        ...


class Parser(Protocol):
    """What makes text of bytes: `parser_pool.ParserPool`."""

    def parse(
        self, name: str, data: bytes, media_type: str | None = None, *, include_root: Path | None = None
    ) -> Parsed:
        """
        Raises:
            UnreadableDocument: with the reason.
        """
        ...


class Progress(Protocol):
    """Is told how far a sync is: `JobContext.progress`. `saved`: something more of it is on disk."""

    def __call__(self, done: int, total: int, current: str = "", *, saved: bool = False) -> None: ...


def unwatched(done: int, total: int, current: str = "", *, saved: bool = False) -> None:
    """A `Progress` that tells nobody."""


class Ingest:
    """Reads sources into the store and the index of words. One sync at a time."""

    def __init__(
        self,
        database: Database,
        lexical: Lexical,
        parser: Parser,
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
            batch = Batch(self._database, source_id, written=self._written, clock=self._clock)
            sync = _Sync(source, self._origin(source), self._database, self._parser, batch)
            report = sync.run(progress, stopping, again=again)
            self._lexical.apply()
            self._state(source_id, state="ready", error=None, synced_at=self._clock())
        except FreeholdError as error:
            with contextlib.suppress(FreeholdError):  # the disk may be full for this too
                self._state(source_id, state="failed", error=error.message)
            raise
        return report

    def _origin(self, source: Source) -> Origin:
        if source.kind in ("page", "sitemap"):
            return Web(source.location, source.kind, egress=self._egress, max_bytes=self._max_document_bytes)
        return Folder(Path(source.location), suffixes=SUFFIXES, max_bytes=self._max_document_bytes)

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
        self._parser = parser
        self._batch = batch
        self._report = SyncReport()
        self._include_root = {
            "folder": Path(source.location),
            "upload": Path(source.location),
            "file": Path(source.location).parent,
        }.get(source.kind)

    def run(self, progress: Progress, stopping: Callable[[], bool], *, again: bool) -> SyncReport:
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
        gone: set[str] = set()
        for number, item in enumerate(listing.items):
            look_up()
            progress(number, total, item.location)
            try:
                read = self._read(item, known.get(item.location), again=again)
            except NotFound as error:
                gone.add(item.location)
                if item.location not in known:
                    self._report.fail(item.location, error)
                continue
            if read is None:
                unchanged.append(item)
            elif self._is_part_of_others(read):
                fragments.append(read)
            else:
                self._batch.add(read)
            if self._batch.due:
                self._batch.write()
                progress(number + 1, total, item.location, saved=True)
        here = {item.location for item in listing.items} - gone
        removed = [
            location for location in known if location not in here and not location.startswith(listing.unseen)
        ]
        self._read_around([read.location for read in fragments] + removed, unchanged, known, look_up)
        for read in fragments:  # last: while they are not written, a crash leaves them to be found changed
            self._batch.add(read)
        self._batch.write()
        self._batch.remove([known[location].id for location in removed], look_up)
        self._report.removed = len(removed)
        progress(total, total, "", saved=True)
        return self._report

    def _is_part_of_others(self, read: Read) -> bool:
        """Whether documents read before may hold its words; at a first reading they are read with it."""
        seen_before = read.known is not None or self._source.synced_at is not None
        return read.is_fragment and seen_before and self._include_root is not None

    def _read_around(
        self,
        locations: list[str],
        unchanged: list[Item],
        known: dict[str, Known],
        look_up: Callable[[], None],
    ) -> None:
        """Reads documents again that name a changed fragment: its words are theirs too."""
        names = {PurePosixPath(location).name.encode() for location in locations}
        if not names or self._include_root is None:
            return
        for item in unchanged:
            look_up()
            before = known[item.location]
            with contextlib.suppress(NotFound):
                content = self._origin.read(item, None)
                if content is None or b"include" not in content.data.lower():
                    continue
                if names.isdisjoint(FILE_NAMES.findall(content.data)):
                    continue
                self._report.unchanged -= before.error is None
                content_hash = hashlib.sha256(content.data).hexdigest()
                self._batch.add(self._parsed(item, before, content, content_hash))
            if self._batch.due:
                self._batch.write()

    def _listing(self, known: dict[str, Known], stopping: Callable[[], bool]) -> Listing:
        listing = self._origin.listing(stopping)
        if known and not listing.items and not listing.unseen:
            raise Conflict(
                f"{self._source.location} holds nothing that is read any more; {len(known):,} documents"
                " were read from it before. Nothing was removed.",
                hint="Bring its documents back, or remove the source if they are gone for good.",
            )
        for location, error in listing.failures:
            self._report.fail(location, error)
        self._report.skipped = listing.skipped
        return listing

    def _read(self, item: Item, known: Known | None, *, again: bool = False) -> Read | None:
        """What became of a document; None when nothing is to be written.

        Raises:
            NotFound: it is gone.
        """
        untouched = (
            known is not None
            and not again
            and item.modified_ns is not None
            and (item.size, item.modified_ns) == (known.size, known.modified_ns)
            and known.error_code in (None, UnreadableDocument.code)
        )
        if untouched:
            assert known is not None
            self._count_same(item, known)
            return None
        try:
            content = self._origin.read(item, None if again else known)
        except (NotFound, NoRoom):
            raise
        except FreeholdError as error:
            return self._failed(item, known, error)
        if content is None:
            assert known is not None
            self._count_same(item, known)
            return None
        content_hash = hashlib.sha256(content.data).hexdigest()
        if known is not None and not again and known.content_hash == content_hash:
            return self._unchanged(item, known, content)
        return self._parsed(item, known, content, content_hash)

    def _parsed(self, item: Item, known: Known | None, content: Content, content_hash: str) -> Read:
        read = Read(
            item.location,
            known,
            content_hash=content_hash,
            size=len(content.data),
            modified_ns=content.modified_ns,
            etag=content.etag,
        )
        try:
            parsed = self._parser.parse(
                content.name, content.data, content.media_type, include_root=self._include_root
            )
        except UnreadableDocument as error:
            self._report.fail(item.location, error)
            return replace(read, error=error)
        except NoRoom:
            raise
        except FreeholdError as error:
            return self._failed(item, known, error)
        read = replace(read, title=parsed.title, text=parsed.text, chunks=tuple(chunk(parsed)))
        if known is None:
            self._report.added += 1
        elif known.content_hash == content_hash and self._is_stored(known, parsed):
            self._report.unchanged += 1
        else:
            self._report.changed += 1
        return read

    def _is_stored(self, known: Known, parsed: Parsed) -> bool:
        with self._database.read() as connection:
            row = connection.execute(
                select(documents.c.title, documents.c.text).where(documents.c.id == known.id)
            ).first()
        return row is not None and (row.title, row.text) == (parsed.title, parsed.text)

    def _unchanged(self, item: Item, known: Known, content: Content) -> Read | None:
        """A document whose bytes are what they were, though a stamp of them may have changed."""
        self._count_same(item, known)
        error = UnreadableDocument(known.error or "") if known.error_code == UnreadableDocument.code else None
        settled = (content.modified_ns, content.etag) == (known.modified_ns, known.etag)
        if settled and (known.error is None) == (error is None):
            return None
        return Read(
            item.location,
            known,
            modified_ns=content.modified_ns,
            etag=content.etag,
            error=error,
            same=True,
        )

    def _failed(self, item: Item, known: Known | None, error: FreeholdError) -> Read:
        self._report.fail(item.location, error)
        if known is None or error.code in OF_ITS_CONTENT:
            return Read(item.location, known, size=item.size or 0, error=error)
        return Read(item.location, known, etag=known.etag, error=error, same=True)

    def _count_same(self, item: Item, known: Known) -> None:
        if known.error_code == UnreadableDocument.code:
            self._report.fail(item.location, UnreadableDocument(known.error or ""))
        else:
            self._report.unchanged += 1
