"""Visitors, their conversations and messages, and what they thought of the answers."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, String, Table, Text

from freehold.store.database import metadata

visitors = Table(
    "visitors",
    metadata,
    Column("id", String, primary_key=True),
    Column("assistant_id", String, ForeignKey("assistants.id", ondelete="CASCADE"), nullable=False),
    Column("token_hash", String, nullable=False, unique=True),  # SHA-256; the token itself is not kept
    Column("created_at", Float, nullable=False),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", String, primary_key=True),
    Column("assistant_id", String, ForeignKey("assistants.id", ondelete="CASCADE"), nullable=False),
    Column("visitor_id", String, ForeignKey("visitors.id", ondelete="CASCADE"), nullable=False),
    Column("status", String, nullable=False),  # pending | open | resolved | snoozed
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Index(None, "visitor_id"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", String, primary_key=True),
    Column("conversation_id", String, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String, nullable=False),  # incoming | outgoing | activity
    Column("text", Text, nullable=False),
    Column("claims", Text, nullable=False, server_default="[]"),  # JSON; of outgoing messages
    Column("citations", Text, nullable=False, server_default="[]"),  # JSON snapshots; of outgoing messages
    Column("outcome", String),
    Column("trace_id", String),
    Column("created_at", Float, nullable=False),
    Index(None, "conversation_id", "created_at"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("message_id", String, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("rating", String, nullable=False),  # up | down
    Column("comment", Text),
    Column("created_at", Float, nullable=False),
)
