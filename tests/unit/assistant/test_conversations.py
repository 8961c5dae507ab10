"""Conversations in the database: order, ownership, what broke off, ratings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from freehold.assistant.assistants import Assistants
from freehold.assistant.conversations import HISTORY_TURNS, Conversations, Visitor, visitors
from freehold.errors import NotFound, Unauthorized
from freehold.store.database import Database
from freehold.store.migrations import migrate
from freehold.testing import FakeClock
from freehold.types import Citation, Claim, DocumentRef, Turn

CITATION = Citation(1, 7, DocumentRef(3, "Refunds", "refunds.md"), ("Refunds",), "Five days.", "Five", 0, 4)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "freehold.db")
    migrate(made)
    Assistants(made).ensure()
    yield made
    made.close()


@pytest.fixture
def talks(database: Database) -> Conversations:
    return Conversations(database, clock=FakeClock())


def begin(talks: Conversations, assistant: str = "default") -> tuple[str, Visitor]:
    started = talks.start(assistant)
    return started.conversation_id, talks.visitor(assistant, started.visitor_token)


def answered(talks: Conversations, conversation: str, text: str = "Five days.") -> str:
    message = talks.new_message_id()
    claims = [Claim(text, (1,))]
    talks.answered(
        conversation, message, claims=claims, citations=[CITATION], outcome="answered", trace_id="trc_1"
    )
    return message


def test_messages_of_one_moment_keep_their_order(talks: Conversations) -> None:
    conversation, visitor = begin(talks)
    for number in range(5):
        talks.ask(conversation, visitor, f"{number}?")
        answered(talks, conversation, f"{number}!")
    texts = [message.text for message in talks.get(conversation, visitor).messages]
    assert texts == [f"{number}{mark}" for number in range(5) for mark in "?!"]


def test_an_answer_is_kept_as_it_was_shown(talks: Conversations) -> None:
    conversation, visitor = begin(talks)
    message = answered(talks, conversation)
    stored = talks.get(conversation, visitor).messages[0]
    assert (stored.id, stored.kind, stored.outcome) == (message, "outgoing", "answered")
    assert stored.claims == [{"text": "Five days.", "citations": [1]}]
    assert stored.citations[0]["text"][stored.citations[0]["start"] : stored.citations[0]["end"]] == "Five"
    assert stored.citations[0]["document"] == {"id": 3, "title": "Refunds", "location": "refunds.md"}


def test_history_is_the_last_turns_without_notes(talks: Conversations) -> None:
    conversation, visitor = begin(talks)
    for number in range(HISTORY_TURNS):
        talks.ask(conversation, visitor, f"{number}?")
        answered(talks, conversation, f"{number}!")
        talks.note(conversation, "Something happened.")
    history = talks.ask(conversation, visitor, "now?").history
    assert len(history) == HISTORY_TURNS
    assert history[-2:] == (Turn("user", "9?"), Turn("assistant", "9!"))
    assert history[0].role == "user"


def test_only_the_visitor_reads_writes_and_rates(talks: Conversations) -> None:
    conversation, mine = begin(talks)
    _other, stranger = begin(talks)
    message = answered(talks, conversation)
    for foreign in (
        lambda: talks.get(conversation, stranger),
        lambda: talks.ask(conversation, stranger, "?"),
        lambda: talks.rate(message, stranger, "up"),
        lambda: talks.get("cnv_never", mine),
        lambda: talks.rate("msg_never", mine, "up"),
    ):
        with pytest.raises(NotFound):
            foreign()
    assert [each.kind for each in talks.get(conversation, mine).messages] == ["outgoing"]


def test_tokens_are_not_kept(talks: Conversations, database: Database) -> None:
    started = talks.start("default")
    with database.read() as connection:
        hashes = connection.execute(select(visitors.c.token_hash)).scalars().all()
    assert started.visitor_token not in hashes
    for wrong in (None, "", "vis_", hashes[0], f"vis_{hashes[0]}", started.visitor_token + "x"):
        with pytest.raises(Unauthorized):
            talks.visitor("default", wrong)
    with pytest.raises(Unauthorized):
        talks.visitor("demo", started.visitor_token)


def test_a_visitor_comes_back(talks: Conversations) -> None:
    first = talks.start("default")
    second = talks.start("default", first.visitor_token)
    assert second.visitor_token == first.visitor_token
    visitor = talks.visitor("default", first.visitor_token)
    assert talks.get(second.conversation_id, visitor).messages == ()
    elsewhere = talks.start("demo", first.visitor_token)
    assert elsewhere.visitor_token != first.visitor_token


def test_a_later_rating_replaces_an_earlier_one(talks: Conversations) -> None:
    conversation, visitor = begin(talks)
    message = answered(talks, conversation)
    talks.rate(message, visitor, "up")
    talks.rate(message, visitor, "down", "Wrong number.")
    assert talks.get(conversation, visitor).messages[0].feedback == "down"
    asked = talks.ask(conversation, visitor, "?")
    with pytest.raises(NotFound):
        talks.rate(asked.message_id, visitor, "up")


def test_an_answer_to_a_conversation_that_is_gone(database: Database, talks: Conversations) -> None:
    assistants = Assistants(database)
    assistants.create("shop")
    conversation, visitor = begin(talks, "shop")
    assistants.remove("shop")
    with pytest.raises(NotFound):
        answered(talks, conversation)
    with pytest.raises(NotFound):
        talks.get(conversation, visitor)
