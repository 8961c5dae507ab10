"""Writing documents and their passages: several in one transaction, unchanged passages left as they are."""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from freehold.errors import NotFound
from freehold.knowledge.chunk import Chunk
from freehold.knowledge.origin import Known
from freehold.knowledge.reader import Read
from freehold.knowledge.store import AT_ONCE, documents, passages, record_changes, sources, vectors
from freehold.store.database import Database

BATCH_DOCUMENTS = 100
BATCH_BYTES = 8 * 2**20
BATCH_SECONDS = 2.0
"""A batch is due when it holds this many documents or bytes, or the first of it has waited this long."""

FIRST_SECONDS = 0.5
"""The first batch of a sync waits no longer than this: so soon there is something to find, and to keep."""


class Batch:
    """Documents on their way into the store."""

    def __init__(
        self,
        database: Database,
        source_id: int,
        *,
        written: Callable[[], None],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`written` is called after each transaction that changed passages."""
        self._database = database
        self._source_id = source_id
        self._written = written
        self._clock = clock
        self._monotonic = monotonic
        self._reads: list[Read] = []
        self._bytes = 0
        self._since = 0.0
        self._seconds = FIRST_SECONDS

    def add(self, read: Read) -> None:
        """Takes a document in."""
        if not self._reads:
            self._since = self._monotonic()
        self._reads.append(read)
        self._bytes += read.size

    @property
    def due(self) -> bool:
        """Whether it is time to write."""
        return bool(self._reads) and (
            len(self._reads) >= BATCH_DOCUMENTS
            or self._bytes >= BATCH_BYTES
            or self._monotonic() - self._since >= self._seconds
        )

    def write(self) -> None:
        """Writes what it holds, in one transaction, and is empty then.

        Raises:
            NotFound: the source was removed meanwhile.
            NoRoom: the disk is full; nothing of this batch was written.
        """
        if not self._reads:
            return
        with self._database.write() as connection:
            require_source(connection, self._source_id)
            changed = [self._put(connection, read) for read in self._reads]
        self._reads, self._bytes, self._seconds = [], 0, BATCH_SECONDS
        if any(changed):
            self._written()

    def remove(self, ids: Iterable[int], stopping: Callable[[], None]) -> None:
        """Removes documents with their passages; `stopping` is called between transactions, and may raise."""
        waiting = list(ids)
        for first in range(0, len(waiting), AT_ONCE):
            stopping()
            some = waiting[first : first + AT_ONCE]
            with self._database.write() as connection:
                gone = connection.execute(select(passages.c.id).where(passages.c.document_id.in_(some)))
                record_changes(connection, list(gone.scalars()), removed=True)
                connection.execute(delete(documents).where(documents.c.id.in_(some)))
            self._written()

    def _put(self, connection: Connection, read: Read) -> bool:
        """Whether passages changed."""
        values = {
            "modified_ns": read.modified_ns,
            "etag": read.etag,
            "error": None if read.error is None else read.error.message,
            "error_code": None if read.error is None else read.error.code,
            "synced_at": self._clock(),
        }
        if read.same:
            assert read.known is not None
            connection.execute(update(documents).where(documents.c.id == read.known.id).values(values))
            return False
        values |= {
            "content_hash": read.content_hash,
            "size": read.size,
            "title": read.title,
            "text": read.text,
        }
        if read.known is None:
            document_id = connection.execute(
                insert(documents)
                .values(source_id=self._source_id, location=read.location, **values)
                .returning(documents.c.id)
            ).scalar_one()
            return self._put_passages(connection, document_id, read.chunks, retitled=False)
        document_id = read.known.id
        title = connection.execute(
            select(documents.c.title).where(documents.c.id == document_id)
        ).scalar_one_or_none()
        if title is None:
            raise NotFound(f"{read.location} was removed while it was read.")
        connection.execute(update(documents).where(documents.c.id == document_id).values(values))
        return self._put_passages(connection, document_id, read.chunks, retitled=title != read.title)

    def _put_passages(
        self, connection: Connection, document_id: int, chunks: tuple[Chunk, ...], *, retitled: bool
    ) -> bool:
        """Passages whose heading path and text stay keep their row; a new title changes what indexes hold."""
        stored: defaultdict[str, deque[tuple[int, tuple[int, int, int]]]] = defaultdict(deque)
        for row in connection.execute(
            select(passages.c.id, passages.c.position, passages.c.start, passages.c.end, passages.c.text_hash)
            .where(passages.c.document_id == document_id)
            .order_by(passages.c.position)
        ):
            stored[row.text_hash].append((row.id, (row.position, row.start, row.end)))
        kept: list[int] = []
        moved: list[dict[str, int]] = []
        new: list[dict[str, object]] = []
        for position, chunk in enumerate(chunks):
            heading_path = json.dumps(chunk.heading_path, ensure_ascii=False)
            text_hash = hashlib.sha256(f"{heading_path}\n{chunk.text}".encode()).hexdigest()
            place = (position, chunk.start, chunk.end)
            if stored[text_hash]:
                passage_id, before = stored[text_hash].popleft()
                kept.append(passage_id)
                if place != before:
                    moved.append(
                        {"passage": passage_id, "position": position, "start": chunk.start, "end": chunk.end}
                    )
                continue
            new.append(
                {
                    "document_id": document_id,
                    "source_id": self._source_id,
                    "position": position,
                    "heading_path": heading_path,
                    "start": chunk.start,
                    "end": chunk.end,
                    "text": chunk.text,
                    "text_hash": text_hash,
                }
            )
        gone = [passage_id for rest in stored.values() for passage_id, _ in rest]
        for first in range(0, len(gone), AT_ONCE):
            connection.execute(delete(passages).where(passages.c.id.in_(gone[first : first + AT_ONCE])))
        record_changes(connection, gone, removed=True)
        if moved:
            connection.execute(
                update(passages).where(passages.c.id == bindparam("passage")),
                moved,
            )
        if new:
            added = connection.execute(insert(passages).returning(passages.c.id), new).scalars()
            record_changes(connection, list(added), removed=False)
        if retitled and kept:
            for first in range(0, len(kept), AT_ONCE):
                connection.execute(
                    delete(vectors).where(vectors.c.passage_id.in_(kept[first : first + AT_ONCE]))
                )
            record_changes(connection, kept, removed=False)
        return bool(gone or new or (retitled and kept))


def known_documents(connection: Connection, source_id: int) -> dict[str, Known]:
    """What the store knows of a source's documents, by location."""
    rows = connection.execute(
        select(
            documents.c.id,
            documents.c.location,
            documents.c.size,
            documents.c.modified_ns,
            documents.c.content_hash,
            documents.c.etag,
            documents.c.error,
            documents.c.error_code,
        ).where(documents.c.source_id == source_id)
    )
    return {
        row.location: Known(
            row.id, row.size, row.modified_ns, row.content_hash, row.etag, row.error, row.error_code
        )
        for row in rows
    }


def require_source(connection: Connection, source_id: int) -> None:
    """
    Raises:
        NotFound: the source was removed while it was read.
    """
    if connection.execute(select(sources.c.id).where(sources.c.id == source_id)).first() is None:
        raise NotFound(f"Source {source_id} was removed while it was read.")
