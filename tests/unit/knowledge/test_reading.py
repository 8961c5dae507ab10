"""A moment of the index of words: adding up what is remembered of words gives what the whole index says."""

import numpy as np
import pytest
from shelf import Shelf
from sqlalchemy import func, select

from freehold.errors import Unavailable
from freehold.knowledge import lexical, reading
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.reading import Reading
from freehold.knowledge.store import passages
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
    index.hold()
    yield index
    index.close()


def ask(now):
    """What a moment says of the question."""
    return now.ask([(now.rarities(words(text)), weight) for text, weight in TEXTS])


def both(index):
    """The same question, added up and asked of the whole index."""
    now = index.reading()
    added, asked = ask(now), ask(Reading(now._schema, now._searcher))
    assert (type(added), type(asked)) == (Added, Asked)
    return added, asked


@pytest.mark.parametrize("sources", [OURS, frozenset({1}), frozenset({3, 99}), frozenset({99}), frozenset()])
def test_the_nearest_are_the_same_either_way(index, sources):
    (ids, scores), (others, theirs) = (each.nearest(sources, 60) for each in both(index))
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    assert dict(zip(ids.tolist(), scores.tolist(), strict=True)) == pytest.approx(
        dict(zip(others.tolist(), theirs.tolist(), strict=True))
    )
    assert bool(len(ids)) is bool(sources & {1, 2, 3})


def test_only_so_many_are_named_and_the_best(index):
    for each in both(index):
        scores = each.nearest(OURS, 60)[1]
        assert each.nearest(OURS, 7)[1].tolist() == scores[:7].tolist()


def test_given_passages_have_the_same_scores_either_way(index):
    added, asked = both(index)
    given = np.array([0, 2, 5, 30, 60, 61, 9_999])
    assert added.of(given).tolist() == pytest.approx(asked.of(given).tolist())
    assert added.of(given)[[0, 5, 6]].tolist() == [0, 0, 0]
    assert len(added.of(given[:0])) == len(asked.of(given[:0])) == 0


def test_a_moment_stays_what_it_was_and_the_next_forgets_what_is_gone(shelf, index):
    before = index.reading()
    ids = ask(before).nearest(OURS, 99)[0].tolist()
    shelf.drop(*ids[:5])
    kept = shelf.put("kettle lid", source=2)
    index.apply()
    assert ask(before).nearest(OURS, 99)[0].tolist() == ids
    for each in both(index):
        assert set(each.nearest(OURS, 99)[0].tolist()) == {*ids[5:], kept}
        assert each.of(np.array(sorted(ids[:5]))).tolist() == [0] * 5


def test_passages_of_any_length_count_as_tantivy_counts_them(shelf, index):
    for length in (23, 24, 39, 41, 57, 200, 1_001):
        shelf.put(" ".join(["kettle"] * 3 + ["pan"] * length))
    index.apply()
    for text in ("kettle", "pan kettle"):
        rarities = index.reading().rarities(words(text))
        now = index.reading()
        asked = Reading(now._schema, now._searcher).ask([(rarities, 1.0)]).nearest(OURS, 80)
        added = now.ask([(rarities, 1.0)]).nearest(OURS, 80)
        assert added[1].tolist() == pytest.approx(asked[1].tolist(), rel=1e-5)


def test_rarities_are_forgotten_when_they_are_many(index, monkeypatch):
    usual = ask(index.reading()).nearest(OURS, 60)[1].tolist()
    monkeypatch.setattr(reading, "MOST_RARITIES", 1)
    now = Reading(index.reading()._schema, index.reading()._searcher, index.reading().wordings)
    assert [ask(now).nearest(OURS, 60)[1].tolist() for _ in range(2)] == [usual] * 2


def test_words_are_held_while_passages_are_few(shelf, index, monkeypatch):
    assert len(index.reading().wordings) == 60
    monkeypatch.setattr(lexical, "SMALL", 60)
    one = shelf.put("kettle lid")
    index.apply()
    assert index.reading().wordings is None
    shelf.drop(one)
    index.apply()
    assert len(index.reading().wordings) == 60
    index.rebuild()
    assert len(index.reading().wordings) == 60


def test_words_of_what_is_gone_do_not_pile_up(shelf, index, monkeypatch):
    monkeypatch.setattr(lexical, "MOST_GROWN", 1)
    shelf.put("samovar")
    index.apply()
    assert "samovar" in index.reading().wordings.numbers
    with shelf.database.write() as connection:
        gone = connection.execute(select(func.max(passages.c.id))).scalar_one()
    shelf.drop(gone)
    shelf.put("trivet")
    index.apply()
    assert {"samovar", "trivet"} & set(index.reading().wordings.numbers) == {"trivet"}


def test_an_index_without_a_word_finds_nothing(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.put("the and of")
    index = LexicalIndex(tmp_path / "index", shelf.database)
    index.open()
    index.hold()
    assert len(ask(index.reading()).nearest(OURS, 5)[0]) == 0
    index.close()
    shelf.database.close()


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
