"""Visitors, their conversations and messages, and what they thought of the answers.

A visitor's token opens that visitor's conversations and nothing else: every look-up carries the visitor,
and another's id is as unknown as one that never was.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import (
    Column,
    ColumnClause,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    RowMapping,
    String,
    Table,
    Text,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import IntegrityError

from freehold.assistant.answer_memory import forget
from freehold.assistant.branches import offered_in
from freehold.errors import NotFound, Unauthorized
from freehold.store.database import Database, metadata
from freehold.types import Citation, Claim, Turn

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

Rating = Literal["up", "down"]

HISTORY_TURNS = 10
"""Turns of a conversation that an answer is given."""

_ARRIVAL: ColumnClause[int] = literal_column("messages.rowid", Integer)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone who writes to one assistant."""

    id: str
    assistant_id: str


@dataclass(frozen=True, slots=True)
class Started:
    """A new conversation, and the token that opens it."""

    conversation_id: str
    visitor_token: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A stored incoming message and the turns before it, oldest first."""

    message_id: str
    history: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A stored message; claims and citations as they were shown."""

    id: str
    kind: Literal["incoming", "outgoing", "activity"]
    text: str
    claims: list[dict[str, Any]]
    citations: list[dict[str, Any]]
    outcome: str | None
    created_at: float
    feedback: Rating | None
    choices: tuple[str, ...] = ()
    """What an answer asked back."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as its visitor sees it."""

    id: str
    status: str
    messages: tuple[Message, ...]


class Conversations:
    """Conversations in the database. What a method was told to write is on disk when it returns."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def start(self, assistant_id: str, visitor_token: str | None = None) -> Started:
        """A new conversation for the token's visitor, or for a new visitor where it opens nothing here."""
        now = self._clock()
        with self._database.write() as connection:
            visitor = _visitor(connection, assistant_id, visitor_token)
            if visitor is None or visitor_token is None:
                visitor_token = f"vis_{secrets.token_urlsafe(32)}"
                visitor = Visitor(_new_id("vst"), assistant_id)
                connection.execute(
                    insert(visitors).values(
                        **asdict(visitor), token_hash=_hash(visitor_token), created_at=now
                    )
                )
            conversation_id = _new_id("cnv")
            connection.execute(
                insert(conversations).values(
                    id=conversation_id,
                    assistant_id=assistant_id,
                    visitor_id=visitor.id,
                    status="pending",
                    created_at=now,
                    updated_at=now,
                )
            )
        return Started(conversation_id, visitor_token)

    def visitor(self, assistant_id: str, token: str | None) -> Visitor:
        """Who this token belongs to.

        Raises:
            Unauthorized: nobody who writes to this assistant.
        """
        with self._database.read() as connection:
            visitor = _visitor(connection, assistant_id, token)
        if visitor is None:
            raise Unauthorized(
                "This needs the visitor's token.", hint="Start a conversation: its answer carries the token."
            )
        return visitor

    def get(self, conversation_id: str, visitor: Visitor) -> Conversation:
        """A visitor's conversation, oldest message first.

        Raises:
            NotFound: there is none, or it is another's.
        """
        with self._database.read() as connection:
            status = _owned(connection, conversation_id, visitor)
            query = (
                select(messages, feedback.c.rating.label("feedback"))
                .join(feedback, feedback.c.message_id == messages.c.id, isouter=True)
                .where(messages.c.conversation_id == conversation_id)
                .order_by(messages.c.created_at, _ARRIVAL)
            )
            rows = connection.execute(query).mappings()
            return Conversation(conversation_id, status, tuple(_message(row) for row in rows))

    def ask(self, conversation_id: str, visitor: Visitor, text: str) -> Asked:
        """Stores what the visitor says, and gives the turns before it.

        Raises:
            NotFound: there is no such conversation, or it is another's.
        """
        with self._database.write() as connection:
            _owned(connection, conversation_id, visitor)
            query = (
                select(messages.c.kind, messages.c.text)
                .where(messages.c.conversation_id == conversation_id, messages.c.kind != "activity")
                .order_by(messages.c.created_at.desc(), _ARRIVAL.desc())
                .limit(HISTORY_TURNS)
            )
            turns = [
                Turn("user" if row.kind == "incoming" else "assistant", row.text)
                for row in connection.execute(query)
            ]
            message_id = _new_id("msg")
            self._add(connection, conversation_id, {"id": message_id, "kind": "incoming", "text": text})
        return Asked(message_id, tuple(reversed(turns)))

    def answered(
        self,
        conversation_id: str,
        message_id: str,
        *,
        claims: Sequence[Claim],
        citations: Iterable[Citation],
        outcome: str | None,
        trace_id: str | None,
    ) -> None:
        """Stores an answer as it was shown. `outcome` None: it broke off after these claims."""
        row = {
            "id": message_id,
            "kind": "outgoing",
            "text": "".join(claim.text for claim in claims),
            "claims": json.dumps(
                [{"text": claim.text, "citations": claim.citations} for claim in claims], ensure_ascii=False
            ),
            "citations": json.dumps([asdict(citation) for citation in citations], ensure_ascii=False),
            "outcome": outcome,
            "trace_id": trace_id,
        }
        with self._database.write() as connection:
            self._add(connection, conversation_id, row)

    def note(self, conversation_id: str, text: str, *, trace_id: str | None = None) -> None:
        """Stores what happened to the conversation, said by nobody."""
        row = {"id": _new_id("msg"), "kind": "activity", "text": text, "trace_id": trace_id}
        with self._database.write() as connection:
            self._add(connection, conversation_id, row)

    def rate(self, message_id: str, visitor: Visitor, rating: Rating, comment: str | None = None) -> None:
        """Stores what the visitor thought of an answer; a later rating replaces an earlier one.

        One found bad is not given again from memory.

        Raises:
            NotFound: it is no answer, or not one to this visitor.
        """
        with self._database.write() as connection:
            query = (
                select(messages.c.trace_id)
                .join(conversations)
                .where(
                    messages.c.id == message_id,
                    messages.c.kind == "outgoing",
                    conversations.c.visitor_id == visitor.id,
                )
            )
            if (row := connection.execute(query).first()) is None:
                raise NotFound(
                    "There is no such answer.", hint="Only answers can be rated, by whoever asked."
                )
            if rating == "down" and row.trace_id is not None:
                forget(connection, row.trace_id)
            values = {"rating": rating, "comment": comment, "created_at": self._clock()}
            connection.execute(
                upsert(feedback)
                .values(message_id=message_id, **values)
                .on_conflict_do_update(index_elements=["message_id"], set_=values)
            )

    def new_message_id(self) -> str:
        """The id of an answer about to be given."""
        return _new_id("msg")

    def _add(self, connection: Connection, conversation_id: str, row: dict[str, Any]) -> None:
        now = self._clock()
        try:
            connection.execute(
                insert(messages).values(conversation_id=conversation_id, created_at=now, **row)
            )
        except IntegrityError:  # removed with its assistant while it was answered
            raise NotFound("The conversation is gone.", hint="Start a new one.") from None
        connection.execute(
            update(conversations).where(conversations.c.id == conversation_id).values(updated_at=now)
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _visitor(connection: Connection, assistant_id: str, token: str | None) -> Visitor | None:
    if not token or not token.startswith("vis_"):
        return None
    query = select(visitors.c.id).where(
        visitors.c.token_hash == _hash(token), visitors.c.assistant_id == assistant_id
    )
    found = connection.execute(query).scalar()
    return None if found is None else Visitor(found, assistant_id)


def _owned(connection: Connection, conversation_id: str, visitor: Visitor) -> str:
    query = select(conversations.c.status).where(
        conversations.c.id == conversation_id, conversations.c.visitor_id == visitor.id
    )
    status: str | None = connection.execute(query).scalar()
    if status is None:
        raise NotFound("There is no such conversation.", hint="Start one with POST …/conversations.")
    return status


def _message(row: RowMapping) -> Message:
    return Message(
        id=row["id"],
        kind=row["kind"],
        text=row["text"],
        claims=json.loads(row["claims"]),
        citations=json.loads(row["citations"]),
        outcome=row["outcome"],
        created_at=row["created_at"],
        feedback=row["feedback"],
        choices=offered_in(Turn("assistant", row["text"])) if row["kind"] == "outgoing" else (),
    )


def _new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_urlsafe(16)}"
