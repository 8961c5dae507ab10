"""Assistants: one bot each, with its name, greeting, origins and public token."""

from __future__ import annotations

from sqlalchemy import Column, Float, String, Table, Text

from freehold.store.database import metadata

DEFAULT = "default"
DEMO = "demo"

assistants = Table(
    "assistants",
    metadata,
    Column("id", String, primary_key=True),  # a slug; `default` and `demo` are made at the first start
    Column("name", Text, nullable=False),
    Column("greeting", Text, nullable=False, server_default=""),
    Column("instructions", Text, nullable=False, server_default=""),
    Column("allowed_origins", Text, nullable=False, server_default="[]"),  # JSON array of origins
    Column("accent", String),  # CSS hex colour of the widget
    Column("public_token", String, nullable=False, unique=True),  # opens a visitor's own conversations only
    Column("created_at", Float, nullable=False),
)
