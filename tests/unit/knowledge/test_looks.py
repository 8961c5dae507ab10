"""Passages taken apart are remembered, and never longer than they are true."""

import numpy as np
import pytest
from shelf import Shelf
from sqlalchemy import event, update

from freehold.knowledge.closeness import numbered
from freehold.knowledge.dense import DenseIndex
from freehold.knowledge.looks import Looks
from freehold.knowledge.store import documents, passages, record_changes
from freehold.testing import FakeEmbedder


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.database.close()


def reads(shelf, ask):
    """How often `ask` reads passages from the store."""
    seen = []

    def note(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    event.listen(shelf.database.engine, "before_cursor_execute", note)
    ask()
    event.remove(shelf.database.engine, "before_cursor_execute", note)
    return sum("FROM passages" in statement for statement in seen)


def test_what_was_looked_at_is_not_read_again(shelf):
    ids = [shelf.put(f"The {word} lamp", title="Lamps", headings=("Oil",)) for word in ("old", "new")]
    looks = Looks(shelf.database, None)
    assert reads(shelf, lambda: looks.get(ids)) == 1
    assert reads(shelf, lambda: looks.get(ids)) == 0
    look = looks.get(ids)[ids[0]]
    assert look.passage.text == "The old lamp"
    assert look.path == ({"lamp"}, {"oil"})
    assert look.numbered.words.tolist() == numbered(["lamp", "oil"], ["old", "lamp"]).words.tolist()
    assert look.numbered.above == 2
    assert list(looks.get(reversed(ids))) == ids[::-1]


def test_what_changed_is_read_again(shelf):
    first, second = shelf.put("Wicks"), shelf.put("Oil")
    looks = Looks(shelf.database, None)
    looks.get([first, second])
    with shelf.database.write() as connection:
        connection.execute(update(passages).where(passages.c.id == first).values(start=7, end=12))
        connection.execute(update(documents).values(title="Lamps"))
        record_changes(connection, [first], source_id=1, removed=False)
    again = looks.get([first, second])
    assert again[first].passage.start == 7
    assert again[second].passage.document.title == "Lamps"
    shelf.drop(first)
    assert list(looks.get([first, second])) == [second]


def test_vectors_that_come_later_are_found(shelf):
    embedder = FakeEmbedder()
    first, second = shelf.put("Wicks"), shelf.put("Oil")
    looks = Looks(shelf.database, DenseIndex(shelf.database, embedder.name, embedder.dimensions).parts)
    assert looks.get([first])[first].parts is None
    shelf.embed(embedder)
    matrix, scale = looks.get([first, second])[first].parts
    assert np.allclose(matrix[0] * scale, embedder.embed(["Wicks"])[0], atol=0.01)


def test_no_more_than_so_many_are_remembered(shelf):
    ids = [shelf.put(f"Lamp {number}") for number in range(6)]
    looks = Looks(shelf.database, None, remembered=3)
    assert list(looks.get(ids)) == ids
    assert reads(shelf, lambda: looks.get(ids[3:])) == 0
    assert reads(shelf, lambda: looks.get(ids[:1])) == 1
