"""What others ask of the knowledge tables, and that damage is found."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, text, update

from freehold.assistant.assistants import assistants
from freehold.errors import NotFound
from freehold.knowledge.store import (
    AT_ONCE,
    Counts,
    assistant_sources,
    counts,
    documents,
    fetch_section,
    get_document,
    integrity,
    list_documents,
    load_passages,
    passages,
    sources,
    vectors,
)
from freehold.store.database import Database
from freehold.store.migrations import migrate
from freehold.types import DocumentRef, Passage


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Assistant `a` has sources 1 and 2, `b` has 3; each has one document of two passages."""
    made = Database(tmp_path / "freehold.db")
    migrate(made)
    with made.write() as connection:
        connection.execute(
            insert(assistants),
            [{"id": name, "name": name, "public_token": f"pub_{name}", "created_at": 0.0} for name in "ab"],
        )
        for n, owner in ((1, "a"), (2, "a"), (3, "b")):
            connection.execute(
                insert(sources).values(
                    id=n,
                    assistant_id=owner,
                    kind="folder",
                    location=f"/{n}",
                    title="",
                    state="ready",
                    created_at=0.0,
                )
            )
            connection.execute(
                insert(documents).values(
                    id=n,
                    source_id=n,
                    location=f"{n}.md",
                    title=f"Title {n}",
                    content_hash="",
                    size=9,
                    text="Один two.",
                    error="No." if n == 2 else None,
                    error_code="unreadable_document" if n == 2 else None,
                    synced_at=0.0,
                )
            )
            connection.execute(
                insert(passages),
                [
                    {
                        "id": 10 * n + position,
                        "document_id": n,
                        "source_id": n,
                        "position": position,
                        "heading_path": '["Über", "B"]',
                        "start": start,
                        "end": end,
                        "text": "Один two."[start:end],
                        "text_hash": str(position),
                    }
                    for position, (start, end) in enumerate([(0, 4), (5, 9)])
                ],
            )
        connection.execute(insert(vectors).values(passage_id=10, embedder="e", scale=1.0, vector=b"1"))
    yield made
    made.close()


def test_passages_are_loaded_as_they_are(database: Database) -> None:
    with database.read() as connection:
        loaded = load_passages(connection, [11, 999, 30])
    assert set(loaded) == {11, 30}
    assert loaded[11] == Passage(
        id=11,
        source_id=1,
        document=DocumentRef(1, "Title 1", "1.md"),
        heading_path=("Über", "B"),
        text="two.",
        start=5,
        end=9,
    )


def test_a_section_is_what_stands_under_the_same_headings_of_the_document(database: Database) -> None:
    with database.read() as connection:
        loaded = load_passages(connection, [10, 11, 20])
    assert fetch_section(database, loaded[11], 20) == [loaded[10], loaded[11]]
    assert fetch_section(database, loaded[11], 1) == [loaded[10]]
    with database.write() as connection:
        connection.execute(update(passages).where(passages.c.id == 10).values(heading_path='["Über", "C"]'))
    assert fetch_section(database, loaded[11], 20) == [loaded[11]]
    with database.write() as connection:
        connection.execute(delete(passages).where(passages.c.id == 11))
    assert fetch_section(database, loaded[11], 20) == []


def test_any_number_of_passages_can_be_asked_for(database: Database) -> None:
    with database.read() as connection:
        assert set(load_passages(connection, range(-100 * AT_ONCE, 12))) == {10, 11}
        assert load_passages(connection, []) == {}


def test_an_assistant_sees_its_own_sources(database: Database) -> None:
    with database.read() as connection:
        assert assistant_sources(connection, "a") == {1, 2}
        assert assistant_sources(connection, "b") == {3}
        assert assistant_sources(connection, "nobody") == frozenset()


def test_counts_are_scoped(database: Database) -> None:
    with database.read() as connection:
        assert counts(connection) == Counts(sources=3, documents=3, passages=6, vectors=1, failed=1)
        assert counts(connection, assistant_id="a") == Counts(2, 2, 4, 1, 1)
        assert counts(connection, source_id=3) == Counts(1, 1, 2, 0, 0)
        assert counts(connection, assistant_id="b", source_id=1) == Counts(0, 0, 0, 0, 0)


def test_documents_are_listed_in_pages(database: Database) -> None:
    with database.read() as connection:
        first = list_documents(connection, limit=2)
        assert [(entry.id, entry.passages, entry.error_code) for entry in first] == [
            (1, 2, None),
            (2, 2, "unreadable_document"),
        ]
        assert [entry.id for entry in list_documents(connection, after=2)] == [3]
        assert [entry.id for entry in list_documents(connection, source_id=2)] == [2]
        found, words = get_document(connection, 3)
        assert (found.location, words) == ("3.md", "Один two.")
        with pytest.raises(NotFound):
            get_document(connection, 99)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE passages SET position = 0 WHERE id = 11", "document 1: a passage stands twice"),
        ("UPDATE passages SET start = 1 WHERE id = 20", "passage 20: not where it should be"),
        ("UPDATE passages SET source_id = 3 WHERE id = 20", "passage 20: not where it should be"),
        ("DELETE FROM documents WHERE id = 3", "passages: row without its parent"),
    ],
)
def test_damage_is_found(database: Database, damage: str, said: str) -> None:
    with database.read() as connection:
        assert integrity(connection) == []
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.execute(text(damage))
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
    with database.read() as connection:
        assert said in integrity(connection)


def test_a_changed_text_is_found(database: Database) -> None:
    with database.write() as connection:
        connection.execute(update(documents).where(documents.c.id == 1).values(text="Other words."))
    with database.read() as connection:
        assert integrity(connection) == [f"passage {n}: not where it should be" for n in (10, 11)]
