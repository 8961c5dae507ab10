"""A moment of the index of words: adding up what is remembered of words gives what the whole index says."""

import numpy as np
import pytest
from shelf import Shelf

from freehold.errors import Unavailable
from freehold.knowledge import postings, reading
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.word_scores import Added, Asked
from freehold.knowledge.words import words

OURS = frozenset({1, 2})
WORDS = ("kettle", "pan", "lid", "warranty", "refund", "parcel")
TEXTS = [("kettle warranty", 1.0), ("Which parcel had the lid of the kettle?", 0.5)]


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path)
    draw = np.random.default_rng(0)
    for number in range(60):
        text = " ".join(draw.choice(WORDS, size=draw.integers(1, 30)))
        shelf.put(f"{text} {number}", title=str(draw.choice(WORDS)), source=number % 3 + 1)
    yield shelf
    shelf.database.close()


@pytest.fixture
def index(tmp_path, shelf):
    index = LexicalIndex(tmp_path / "index", shelf.database)
    index.open()
    yield index
    index.close()


def ask(now):
    """What a moment says of the question."""
    return now.ask([(now.rarities(words(text)), weight) for text, weight in TEXTS])


def both(index, monkeypatch):
    """The same question, added up and asked of the whole index."""
    added = ask(index.reading())
    with monkeypatch.context() as patch:
        patch.setattr(reading, "SMALL", 0)
        asked = ask(index.reading())
    assert (type(added), type(asked)) == (Added, Asked)
    return added, asked


@pytest.mark.parametrize("sources", [OURS, frozenset({1}), frozenset({3, 99}), frozenset({99}), frozenset()])
def test_the_nearest_are_the_same_either_way(index, monkeypatch, sources):
    (ids, scores), (others, theirs) = (each.nearest(sources, 60) for each in both(index, monkeypatch))
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    assert dict(zip(ids.tolist(), scores.tolist(), strict=True)) == pytest.approx(
        dict(zip(others.tolist(), theirs.tolist(), strict=True))
    )
    assert bool(len(ids)) is bool(sources & {1, 2, 3})


def test_only_so_many_are_named_and_the_best(index, monkeypatch):
    for each in both(index, monkeypatch):
        scores = each.nearest(OURS, 60)[1]
        assert each.nearest(OURS, 7)[1].tolist() == scores[:7].tolist()


def test_given_passages_have_the_same_scores_either_way(index, monkeypatch):
    added, asked = both(index, monkeypatch)
    given = np.array([0, 2, 5, 30, 60, 61, 9_999])
    assert added.of(given).tolist() == pytest.approx(asked.of(given).tolist())
    assert added.of(given)[[0, 5, 6]].tolist() == [0, 0, 0]
    assert len(added.of(given[:0])) == len(asked.of(given[:0])) == 0


def test_a_moment_stays_what_it_was_and_the_next_forgets_what_is_gone(shelf, index, monkeypatch):
    before = index.reading()
    ids = ask(before).nearest(OURS, 99)[0].tolist()
    shelf.drop(*ids[:5])
    kept = shelf.put("kettle lid", source=2)
    index.apply()
    assert ask(before).nearest(OURS, 99)[0].tolist() == ids
    for each in both(index, monkeypatch):
        assert set(each.nearest(OURS, 99)[0].tolist()) == {*ids[5:], kept}
        assert each.of(np.array(sorted(ids[:5]))).tolist() == [0] * 5


def test_what_was_asked_before_is_not_asked_again(index, monkeypatch):
    now = index.reading()
    first = ask(now).nearest(OURS, 60)
    monkeypatch.setattr(postings, "hits", lambda *_: pytest.fail("asked again"))
    again = ask(now).nearest(OURS, 60)
    assert [each.tolist() for each in again] == [each.tolist() for each in first]


def test_too_much_remembered_is_forgotten(index, monkeypatch):
    usual = ask(index.reading()).nearest(OURS, 60)[1].tolist()
    for name in ("MOST_POSTINGS", "MOST_SCOPES"):
        monkeypatch.setattr(postings, name, 1)
    monkeypatch.setattr(reading, "MOST_RARITIES", 1)
    now = index.reading()
    for _ in range(2):
        assert len(ask(now).nearest(frozenset({3}), 60)[0]) > 0
        assert ask(now).nearest(OURS, 60)[1].tolist() == usual


def test_an_empty_index_finds_nothing(tmp_path):
    shelf = Shelf(tmp_path)
    index = LexicalIndex(tmp_path / "index", shelf.database)
    index.open()
    scores = ask(index.reading())
    assert len(scores.nearest(OURS, 5)[0]) == 0
    assert scores.of(np.array([1, 2])).tolist() == [0, 0]
    index.close()
    shelf.database.close()


def test_a_closed_index_has_no_moment(index):
    index.close()
    with pytest.raises(Unavailable):
        index.reading()
