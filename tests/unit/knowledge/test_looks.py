"""Passages taken apart are remembered, and never longer than they are true."""

import numpy as np
import pytest
from shelf import Shelf
from sqlalchemy import update

from freehold.knowledge import looks as module
from freehold.knowledge.looks import Looks
from freehold.knowledge.store import documents, passages, record_changes
from freehold.knowledge.wordings import MARK


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.database.close()


def reads(ask, monkeypatch):
    """How many passages `ask` reads from the store."""
    seen, fetch = [], module.fetch_passages

    def note(database, ids):
        seen.extend(ids)
        return fetch(database, ids)

    with monkeypatch.context() as patch:
        patch.setattr(module, "fetch_passages", note)
        ask()
    return len(seen)


def lay(looks, *ids):
    return looks.lay(np.array(ids, dtype=np.int64))


def said(laid):
    """The words of each passage."""
    names = {number: word for word, number in laid.numbers.items()} | {MARK: "|"}
    return [
        " ".join(names[number] for number in words.tolist())
        for words in np.split(laid.words, laid.begins)[1:]
    ]


def test_what_was_looked_at_is_not_read_again(shelf, monkeypatch):
    ids = [shelf.put(f"The {word} lamp", title="Lamps", headings=("Oil",)) for word in ("old", "new")]
    looks = Looks(shelf.database)
    assert reads(lambda: lay(looks, *ids), monkeypatch) == 2
    assert reads(lambda: lay(looks, *ids), monkeypatch) == 0
    laid = lay(looks, *reversed(ids))
    assert said(laid) == ["| lamp oil new lamp", "| lamp oil old lamp"]
    assert laid.above.tolist() == [2, 2]
    assert list(laid.paths) == [({"lamp"}, {"oil"})] * 2
    assert laid.known == len(laid.numbers) == 5


def test_what_changed_is_read_again(shelf):
    first, second = shelf.put("Wicks"), shelf.put("Oil")
    looks = Looks(shelf.database)
    lay(looks, first, second)
    with shelf.database.write() as connection:
        connection.execute(update(passages).where(passages.c.id == first).values(text="Chimneys"))
        connection.execute(update(documents).values(title="Lamps"))
        record_changes(connection, [first], source_id=1, removed=False)
    assert said(lay(looks, first, second)) == ["| lamp chimney", "| lamp oil"]
    shelf.drop(first)
    laid = lay(looks, first, second)
    assert laid.here.tolist() == [False, True]
    assert said(laid) == ["| lamp oil"]
    assert said(lay(looks)) == said(lay(looks, first)) == []


def test_no_more_than_so_many_are_remembered(shelf, monkeypatch):
    ids = [shelf.put(f"Lamp {number}") for number in range(6)]
    looks = Looks(shelf.database, remembered=3)
    assert lay(looks, *ids).here.all()
    assert reads(lambda: lay(looks, *ids[3:]), monkeypatch) == 0
    assert reads(lambda: lay(looks, *ids[:1]), monkeypatch) == 1
    monkeypatch.setattr(module, "MOST_WORDS", 3)
    assert reads(lambda: lay(looks, *ids[5:]), monkeypatch) == 1
