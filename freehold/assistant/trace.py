"""Why an answer is what it is: passages, scores, prompt, checks, outcome, timings."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, String, Table, Text

from freehold.store.database import metadata

traces = Table(
    "traces",
    metadata,
    Column("id", String, primary_key=True),
    Column("assistant_id", String, nullable=False),
    Column("model_id", String),  # None: extractive
    Column("question", Text, nullable=False),
    Column("outcome", String, nullable=False),
    Column("body", Text, nullable=False),  # JSON, see Trace
    Column("created_at", Float, nullable=False),
    Index(None, "created_at"),
)
