"""Writing documents and their passages: several in one transaction, unchanged passages left as they are."""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

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

    def write(self, first: Callable[[Connection], None] | None = None) -> None:
        """Writes what it holds, in one transaction, and is empty then.

        `first` is called within that transaction before the rest, and may add documents.

        Raises:
            NotFound: the source was removed meanwhile.
            NoRoom: the disk is full; nothing of this batch was written.
        """
        if not self._reads and first is None:
            return
        with self._database.write() as connection:
            require_source(connection, self._source_id)
            if first is not None:
                first(connection)
            changes = _Changes(connection, self._source_id)
            for read in self._reads:
                self._put(connection, read, changes)
            changed = changes.make()
        self._reads, self._bytes, self._seconds = [], 0, BATCH_SECONDS
        if changed:
            self._written()

    def remove(self, ids: Sequence[int], stopping: Callable[[], None]) -> None:
        """Removes documents with their passages; `stopping` is called between transactions, and may raise."""
        for some in _parts(ids):
            stopping()
            with self._database.write() as connection:
                drop_documents(connection, some)
            self._written()

    def _put(self, connection: Connection, read: Read, changes: _Changes) -> None:
        values = {
            "modified_ns": read.modified_ns,
            "etag": read.etag,
            "error": None if read.error is None else read.error.message,
            "error_code": None if read.error is None else read.error.code,
            "synced_at": self._clock(),
        }
        if not read.same:
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
            changes.add(document_id, read.chunks)
            return
        own = documents.c.id == read.known.id
        title = connection.execute(select(documents.c.title).where(own)).scalar_one_or_none()
        if title is None:
            raise NotFound(f"{read.location} was removed while it was read.")
        connection.execute(update(documents).where(own).values(values))
        if not read.same:
            changes.replace(read.known.id, read.chunks, retitled=title != read.title)


class _Changes:
    """What a batch does to passages, collected to be done at once."""

    def __init__(self, connection: Connection, source_id: int) -> None:
        self._connection = connection
        self._source_id = source_id
        self._new: list[dict[str, Any]] = []
        self._gone: list[int] = []
        self._moved: list[dict[str, int]] = []
        self._retitled: list[int] = []

    def add(self, document_id: int, chunks: Sequence[Chunk]) -> None:
        """The passages of a document that had none."""
        for position, chunk in enumerate(chunks):
            self._add(document_id, position, chunk, _text_hash(chunk))

    def replace(self, document_id: int, chunks: Sequence[Chunk], *, retitled: bool) -> None:
        """Passages whose heading path and text stay keep their row; a new title changes what indexes hold."""
        stored: defaultdict[str, deque[tuple[int, tuple[int, int, int]]]] = defaultdict(deque)
        for row in self._connection.execute(
            select(passages.c.id, passages.c.position, passages.c.start, passages.c.end, passages.c.text_hash)
            .where(passages.c.document_id == document_id)
            .order_by(passages.c.position)
        ):
            stored[row.text_hash].append((row.id, (row.position, row.start, row.end)))
        for position, chunk in enumerate(chunks):
            text_hash = _text_hash(chunk)
            if not stored[text_hash]:
                self._add(document_id, position, chunk, text_hash)
                continue
            kept, place = stored[text_hash].popleft()
            if place != (position, chunk.start, chunk.end):
                self._moved.append(
                    {"passage": kept, "position": position, "start": chunk.start, "end": chunk.end}
                )
            if retitled:
                self._retitled.append(kept)
        self._gone += [passage_id for rest in stored.values() for passage_id, _ in rest]

    def make(self) -> bool:
        """Writes them; whether any index is concerned."""
        run = self._connection.execute
        for some in _parts(self._gone):
            run(delete(passages).where(passages.c.id.in_(some)))
        for some in _parts(self._retitled):
            run(delete(vectors).where(vectors.c.passage_id.in_(some)))
        if self._moved:
            run(update(passages).where(passages.c.id == bindparam("passage")), self._moved)
        added: list[int] = []
        if self._new:
            added = list(run(insert(passages).returning(passages.c.id), self._new).scalars())
        changed = {*added, *self._retitled, *(moved["passage"] for moved in self._moved)}
        for ids, removed in ((self._gone, True), (sorted(changed), False)):
            record_changes(self._connection, ids, source_id=self._source_id, removed=removed)
        return bool(self._gone or changed)

    def _add(self, document_id: int, position: int, chunk: Chunk, text_hash: str) -> None:
        self._new.append(
            {
                "document_id": document_id,
                "source_id": self._source_id,
                "position": position,
                "heading_path": _written_path(chunk),
                "start": chunk.start,
                "end": chunk.end,
                "text": chunk.text,
                "text_hash": text_hash,
            }
        )


def _written_path(chunk: Chunk) -> str:
    return json.dumps(chunk.heading_path, ensure_ascii=False)


def _text_hash(chunk: Chunk) -> str:
    return hashlib.sha256(f"{_written_path(chunk)}\n{chunk.text}".encode()).hexdigest()


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(ids), AT_ONCE):
        yield ids[first : first + AT_ONCE]


def drop_documents(connection: Connection, ids: Sequence[int]) -> None:
    """Removes a few documents with their passages, and leaves word for the indexes."""
    gone: defaultdict[int, list[int]] = defaultdict(list)
    query = select(passages.c.id, passages.c.source_id).where(passages.c.document_id.in_(ids))
    for passage_id, source_id in connection.execute(query):
        gone[source_id].append(passage_id)
    for source_id, passage_ids in gone.items():
        record_changes(connection, passage_ids, source_id=source_id, removed=True)
    connection.execute(delete(documents).where(documents.c.id.in_(ids)))


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
