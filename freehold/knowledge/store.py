"""Sources, documents, passages and vectors in the database.

A passage keeps its id (and so its vector) while its text, heading path and document stay the same.
Every change of passages writes, in the same transaction, rows of `index_changes`: the lexical index
applies them and deletes them once its own commit is on disk, so a crash between the two is made good
at the next start by applying them again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from freehold.errors import NotFound
from freehold.store.database import Database, metadata
from freehold.types import DocumentRef, Passage

sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("assistant_id", String, ForeignKey("assistants.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String, nullable=False),  # folder | file | page | sitemap | site | upload
    Column("location", Text, nullable=False),  # absolute path or URL
    Column("title", Text, nullable=False),
    Column("state", String, nullable=False),  # new | syncing | ready | failed
    Column("error", Text),  # why the last sync failed as a whole
    Column("created_at", Float, nullable=False),  # seconds since the epoch, here and everywhere
    Column("synced_at", Float),  # when it was last read with success
    Column("options", Text, nullable=False, server_default="{}"),  # JSON, of a site: pages, depth, delay
    Column("every_seconds", Integer),  # how often it is read by itself; 0 never, NULL as the setting has it
    Column("tried_at", Float),  # when a reading last ended, well or not
    Column("failures", Integer, nullable=False, server_default="0"),  # readings in a row that failed
    Column("changes", Text),  # JSON, what the last reading with success changed
    UniqueConstraint("assistant_id", "location"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", Integer, ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    Column("location", Text, nullable=False),  # path within the source, or URL
    Column("title", Text, nullable=False, server_default=""),
    Column("content_hash", String, nullable=False),  # SHA-256 of the bytes read
    Column("size", Integer, nullable=False),
    Column("modified_ns", Integer),  # file's mtime, to skip unread what did not change
    Column("etag", Text),
    Column("text", Text, nullable=False, server_default=""),  # what passages' offsets point into
    Column("error", Text),  # why the last sync could not read it; what was read before may still stand
    Column("error_code", String),
    Column("synced_at", Float, nullable=False),
    UniqueConstraint("source_id", "location"),
)

passages = Table(
    "passages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("document_id", Integer, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("source_id", Integer, ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),  # order within the document
    Column("heading_path", Text, nullable=False),  # JSON array of strings
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("text_hash", String, nullable=False),  # of heading path and text
    Index(None, "document_id"),
    Index(None, "source_id"),
    sqlite_autoincrement=True,  # an id is never given twice: indexes may lag behind
)

vectors = Table(
    "vectors",
    metadata,
    Column("passage_id", Integer, ForeignKey("passages.id", ondelete="CASCADE"), primary_key=True),
    Column("embedder", String, nullable=False),  # Embedder.name
    Column("scale", Float, nullable=False),  # vector = int8 * scale
    Column("vector", LargeBinary, nullable=False),  # int8[n, dimensions]: the passage, then its parts if any
    Column("signs", LargeBinary),  # of the passage's vector, see signs.py; made when first needed
    Index(None, "embedder", "passage_id", "signs"),  # holds all that a large index reads when it opens
)

index_changes = Table(
    "index_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("passage_id", Integer, nullable=False),
    Column("removed", Boolean, nullable=False),
    sqlite_autoincrement=True,
)

source_versions = Table(
    "source_versions",
    metadata,
    Column("source_id", Integer, ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, nullable=False),  # id of the last of its index_changes: never the same twice
)

PASSAGES = """
    SELECT passages.id, passages.source_id, document_id, title, location,
        heading_path, passages.text, start, "end"
    FROM passages JOIN documents ON documents.id = document_id
    WHERE passages.id IN (SELECT value FROM json_each(?))
"""
"""The passages of a JSON list of ids, as `Passage` has them."""

SECTION = """
    SELECT passages.id, passages.source_id, passages.document_id, title, location,
        passages.heading_path, passages.text, passages.start, passages."end"
    FROM passages AS one
    JOIN passages ON passages.document_id = one.document_id AND passages.heading_path = one.heading_path
    JOIN documents ON documents.id = passages.document_id
    WHERE one.id = ? ORDER BY passages.start LIMIT ?
"""
"""The first passages of the section that one passage is of, in their order, as `Passage` has them."""

AT_ONCE = 500
"""Ids named in one statement; SQLite takes a bounded number of parameters."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as lists show it."""

    id: int
    source_id: int
    location: str
    title: str
    size: int
    """Bytes read."""
    passages: int
    error: str | None
    """Why the last sync could not read it."""
    error_code: str | None
    synced_at: float


@dataclass(frozen=True, slots=True)
class Counts:
    """How much an assistant, a source or the whole folder holds."""

    sources: int
    documents: int
    passages: int
    vectors: int
    failed: int
    """Documents that the last sync could not read."""


def assistant_sources(connection: Connection, assistant_id: str) -> frozenset[int]:
    """The scope of an assistant's searches: its sources' ids."""
    return frozenset(
        connection.execute(select(sources.c.id).where(sources.c.assistant_id == assistant_id)).scalars()
    )


def load_passages(connection: Connection, ids: Iterable[int]) -> dict[int, Passage]:
    """The passages of these ids, in no order; those that are gone are left out."""
    return _passages(connection.exec_driver_sql(PASSAGES, (json.dumps(list(ids)),)))


def fetch_passages(database: Database, ids: Iterable[int]) -> dict[int, Passage]:
    """The same in a moment of its own, in a tenth of the time."""
    return _passages(database.fetch(PASSAGES, (json.dumps(list(ids)),)))


def fetch_section(database: Database, passage: Passage, limit: int) -> list[Passage]:
    """The first passages, in order, of the section (document and headings) that one is of; none where it is
    gone."""
    return list(_passages(database.fetch(SECTION, (passage.id, limit))).values())


def _passages(rows: Iterable[Sequence[Any]]) -> dict[int, Passage]:
    found: dict[int, Passage] = {}
    for passage_id, source_id, document_id, title, location, path, text, start, end in rows:
        document = DocumentRef(document_id, title, location)
        heading_path = tuple(json.loads(path))
        found[passage_id] = Passage(passage_id, source_id, document, heading_path, text, start, end)
    return found


def counts(
    connection: Connection, *, assistant_id: str | None = None, source_id: int | None = None
) -> Counts:
    """Counts of the whole folder, of one assistant or of one source."""

    def scoped(query: Select[int]) -> int:
        if assistant_id is not None:
            query = query.where(sources.c.assistant_id == assistant_id)
        if source_id is not None:
            query = query.where(sources.c.id == source_id)
        return int(connection.execute(query).scalar_one())

    of_documents = (
        select(func.count()).select_from(documents).join(sources, sources.c.id == documents.c.source_id)
    )
    of_passages = (
        select(func.count()).select_from(passages).join(sources, sources.c.id == passages.c.source_id)
    )
    return Counts(
        sources=scoped(select(func.count()).select_from(sources)),
        documents=scoped(of_documents),
        passages=scoped(of_passages),
        vectors=scoped(of_passages.join(vectors, vectors.c.passage_id == passages.c.id)),
        failed=scoped(of_documents.where(documents.c.error.is_not(None))),
    )


def list_documents(
    connection: Connection, *, source_id: int | None = None, limit: int = 100, after: int = 0
) -> list[Document]:
    """Documents with ids above `after`, by id."""
    query = _documents().where(documents.c.id > after).order_by(documents.c.id).limit(limit)
    if source_id is not None:
        query = query.where(documents.c.source_id == source_id)
    return [_document(row) for row in connection.execute(query)]


def get_document(connection: Connection, document_id: int) -> tuple[Document, str]:
    """A document and its text, into which its passages' offsets point.

    Raises:
        NotFound: no such document.
    """
    row = connection.execute(
        _documents().add_columns(documents.c.text).where(documents.c.id == document_id)
    ).first()
    if row is None:
        raise NotFound(f"There is no document {document_id}.")
    return _document(row), row.text


def record_changes(connection: Connection, ids: Collection[int], *, source_id: int, removed: bool) -> None:
    """Leaves word for the lexical index, and a new version of the source whose passages these are.

    Belongs into the transaction that changes the passages.
    """
    if ids:
        connection.execute(
            index_changes.insert(), [{"passage_id": passage_id, "removed": removed} for passage_id in ids]
        )
        version = select(func.max(index_changes.c.id)).scalar_subquery()
        connection.execute(
            upsert(source_versions)
            .values(source_id=source_id, version=version)
            .on_conflict_do_update(index_elements=["source_id"], set_={"version": version})
        )


def knowledge_version(connection: Connection, assistant_id: str) -> str | None:
    """Changes whenever any passage that an assistant knows does, and is never the same again.

    None while the lexical index has not yet taken in what the store holds.
    """
    if connection.execute(select(index_changes.c.id).limit(1)).first() is not None:
        return None
    rows = connection.execute(
        select(sources.c.id, func.coalesce(source_versions.c.version, 0))
        .join(source_versions, source_versions.c.source_id == sources.c.id, isouter=True)
        .where(sources.c.assistant_id == assistant_id)
        .order_by(sources.c.id)
    )
    return " ".join(f"{source_id}:{version}" for source_id, version in rows)


def integrity(connection: Connection) -> list[str]:
    """What is wrong with the database, by SQLite's own checks and ours; empty when sound. Reads it all."""
    wrong = [
        str(line) for line in connection.exec_driver_sql("PRAGMA integrity_check").scalars() if line != "ok"
    ]
    wrong += [
        f"{row[0]}: row without its parent" for row in connection.exec_driver_sql("PRAGMA foreign_key_check")
    ]
    doubled = (
        select(passages.c.document_id)
        .group_by(passages.c.document_id, passages.c.position)
        .having(func.count() > 1)
        .distinct()
    )
    wrong += [
        f"document {document}: a passage stands twice" for document in connection.execute(doubled).scalars()
    ]
    strayed = (
        select(passages.c.id)
        .join(documents, documents.c.id == passages.c.document_id)
        .where(
            (
                func.substr(documents.c.text, passages.c.start + 1, passages.c.end - passages.c.start)
                != passages.c.text
            )
            | (documents.c.source_id != passages.c.source_id)
        )
    )
    wrong += [
        f"passage {passage}: not where it should be" for passage in connection.execute(strayed).scalars()
    ]
    return wrong


def _documents() -> Select[Any]:
    size = (
        select(func.count())
        .select_from(passages)
        .where(passages.c.document_id == documents.c.id)
        .scalar_subquery()
    )
    return select(
        documents.c.id,
        documents.c.source_id,
        documents.c.location,
        documents.c.title,
        documents.c.size,
        size.label("passages"),
        documents.c.error,
        documents.c.error_code,
        documents.c.synced_at,
    )


def _document(row: Row[Any]) -> Document:
    return Document(
        id=row.id,
        source_id=row.source_id,
        location=row.location,
        title=row.title,
        size=row.size,
        passages=row.passages,
        error=row.error,
        error_code=row.error_code,
        synced_at=row.synced_at,
    )
