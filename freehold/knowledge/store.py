"""Sources, documents, passages and vectors in the database.

A passage keeps its id (and so its vector) while its text, heading path and document stay the same.
Every change of passages writes, in the same transaction, rows of `index_changes`: the lexical index
applies them and deletes them once its own commit is on disk, so a crash between the two is made good
at the next start by applying them again.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from freehold.store.database import metadata

sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("assistant_id", String, ForeignKey("assistants.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String, nullable=False),  # folder | file | page | sitemap | upload
    Column("location", Text, nullable=False),  # absolute path or URL
    Column("title", Text, nullable=False),
    Column("state", String, nullable=False),  # new | syncing | ready | failed
    Column("error", Text),  # why the last sync failed as a whole
    Column("created_at", Float, nullable=False),  # seconds since the epoch, here and everywhere
    Column("synced_at", Float),
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
    Column("error", Text),  # set when it could not be read; then it has no passages
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
    Column("vector", LargeBinary, nullable=False),  # int8[dimensions]
)

index_changes = Table(
    "index_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("passage_id", Integer, nullable=False),
    Column("removed", Boolean, nullable=False),
    sqlite_autoincrement=True,
)
