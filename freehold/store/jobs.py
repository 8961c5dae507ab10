"""Background work that survives a restart."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, String, Table, Text

from freehold.store.database import metadata

jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("payload", Text, nullable=False),  # JSON
    Column("state", String, nullable=False),  # queued | running | done | failed | cancelled
    Column("progress", Text, nullable=False, server_default="{}"),  # JSON {done, total, current}
    Column("result", Text),  # JSON
    Column("error", Text),  # JSON {code, message, hint}
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Index(None, "state", "created_at"),
)
