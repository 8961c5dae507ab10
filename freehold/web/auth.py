"""Who may do what: keys and their scopes, visitors and their token, hosts and origins."""

from __future__ import annotations

from sqlalchemy import Column, Float, String, Table, Text

from freehold.store.database import metadata

keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scope", String, nullable=False),  # admin | chat
    Column("key_hash", String, nullable=False, unique=True),  # SHA-256: keys are 256 random bits
    Column("created_at", Float, nullable=False),
    Column("last_used_at", Float),
)
