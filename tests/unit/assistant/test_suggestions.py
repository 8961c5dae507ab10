"""First questions from headings: which make one, which do not, how they are chosen."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert, update

from freehold.assistant.assistants import Assistants
from freehold.assistant.suggestions import Suggestions, as_question, suggest
from freehold.knowledge.store import documents, passages, sources
from freehold.store.database import Database
from freehold.store.migrations import migrate


@pytest.mark.parametrize(
    ("heading", "question"),
    [
        ("How long do refunds take?", "How long do refunds take?"),
        ("what is a freehold?", "What is a freehold?"),
        ("How to set up a printer", "How do I set up a printer?"),
        ("How To: ", None),
        ("Set up a printer", "How do I set up a printer?"),
        ("Setting up a printer", "How do I set up a printer?"),
        ("Changing the VAT rate", "How do I change the VAT rate?"),
        ("Cancelling an order", "How do I cancel an order?"),
        ("3.2 Install the app.", "How do I install the app?"),
        ("Step 2: Install the app", "How do I install the app?"),
        ("**Post** an invoice to [the ledger](x.md)", "How do I post an invoice to the ledger?"),
        ("Post groups and numbers", None),
        ("Does it work with all !INCLUDE[name] clients?", None),
        ("Overview", None),
        ("Refund policy and terms", None),
        ("Why citations matter", None),
        ("Nothing much to see", None),
        ("Set up", None),
        ("Use <script>alert(1)</script> in titles", None),
        ("See https://example.com for more", None),
        ("Open the file readme.md first", None),
        ("Add " + "very " * 20 + "long headings", None),
        ("", None),
    ],
)
def test_headings_as_questions(heading: str, question: str | None) -> None:
    made = as_question(heading)
    assert (made and made[0]) == question


def test_one_from_each_document_before_a_second_from_any() -> None:
    headings = [
        (1, ["Guide", "How do I pay?"]),
        (1, ["Guide", "How do I pay twice?"]),
        (2, ["Manual", "How do I return it?"]),
        (3, ["Overview"]),
        (4, ["FAQ", "Where is my parcel?"]),
        (5, ["Guide", "How do I pay?"]),
    ]
    assert suggest(headings) == (
        "How do I pay?",
        "How do I return it?",
        "Where is my parcel?",
        "How do I pay twice?",
    )


def test_plain_questions_come_first_and_are_spread() -> None:
    many = [(number, [f"How do I do thing {number}?"]) for number in range(40)]
    turned = [(100, ["Set up a printer"])]
    assert suggest(turned + many) == tuple(f"How do I do thing {number}?" for number in (0, 10, 20, 30))
    assert suggest([]) == ()
    assert suggest(turned) == ("How do I set up a printer?",)


def test_only_the_assistants_own_and_fresh_after_a_sync(tmp_path: Path) -> None:
    database = Database(tmp_path / "freehold.db")
    migrate(database)
    Assistants(database).ensure()

    def add(assistant: str, heading: str, id: int) -> None:
        with database.write() as connection:
            connection.execute(
                insert(sources).values(
                    id=id,
                    assistant_id=assistant,
                    kind="folder",
                    location=f"/{id}",
                    title="x",
                    state="ready",
                    created_at=0.0,
                    synced_at=1.0,
                )
            )
            connection.execute(
                insert(documents).values(
                    id=id, source_id=id, location="a.md", content_hash="x", size=1, synced_at=1.0
                )
            )
            connection.execute(
                insert(passages).values(
                    document_id=id,
                    source_id=id,
                    position=0,
                    heading_path=f'["{heading}"]',
                    start=0,
                    end=1,
                    text="x",
                    text_hash="x",
                )
            )

    add("demo", "How do I see the demo?", 1)
    suggestions = Suggestions(database)
    assert suggestions.of("default") == ()
    add("default", "How do I pay now?", 2)
    assert suggestions.of("default") == ("How do I pay now?",)
    with database.write() as connection:
        connection.execute(update(passages).values(heading_path='["How do I pay later?"]'))
    assert suggestions.of("default") == ("How do I pay now?",)
    with database.write() as connection:
        connection.execute(update(sources).values(synced_at=2.0))
    assert suggestions.of("default") == ("How do I pay later?",)
    database.close()
