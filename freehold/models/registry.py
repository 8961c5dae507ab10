"""The models this organisation has: immutable, named by content hash, kept in `models/`."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Integer, String, Table, Text

from freehold.store.database import metadata

models = Table(
    "models",
    metadata,
    Column("id", String, primary_key=True),  # SHA-256 of the file
    Column("name", Text, nullable=False, unique=True),
    Column("format", String, nullable=False),  # gguf
    Column("size", Integer, nullable=False),  # bytes
    Column("facts", Text, nullable=False),  # JSON: architecture, parameters, context, quantisation, …
    Column("created_at", Float, nullable=False),
)

active_models = Table(
    "active_models",
    metadata,
    Column("task", String, primary_key=True),  # answer (others come with their issue)
    Column("model_id", String, ForeignKey("models.id"), nullable=False),
    Column("activated_at", Float, nullable=False),
)
