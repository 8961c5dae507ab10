"""Search: words and vectors together, the conversation, the scope, and one side missing."""

import numpy as np
import pytest
from shelf import Shelf
from sqlalchemy import delete, insert

from freehold.knowledge import search as module
from freehold.knowledge.closeness import closeness, named
from freehold.knowledge.dense import DenseIndex, quantise
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.search import HYBRID, WORDS, Search
from freehold.knowledge.store import passages, vectors
from freehold.knowledge.wordings import MARK, Laid, Vocabulary
from freehold.testing import FakeEmbedder
from freehold.types import Query, Turn

OURS = frozenset({1, 2})

TEXTS = {
    "refund": (
        "Returns",
        "A refund reaches your account within five working days of our receiving the parcel.",
    ),
    "exchange": ("Returns", "An exchange is sent as soon as the first parcel has been scanned at the depot."),
    "kettle": ("Kettle K2", "The kettle is descaled with citric acid. Its warranty lasts two years."),
    "toaster": ("Toaster T9", "Crumbs are removed from the tray. The warranty lasts two years."),
    "hours": ("Contact", "The telephone is answered from nine to five on working days."),
}


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.database.close()


@pytest.fixture
def ids(shelf):
    return {name: shelf.put(text, title=title) for name, (title, text) in TEXTS.items()}


class Parts:
    """The indexes over a shelf, and searches with and without vectors."""

    def __init__(self, shelf, folder):
        self.embedder = FakeEmbedder(128)
        shelf.embed(self.embedder)
        self.lexical = LexicalIndex(folder / "index", shelf.database)
        self.lexical.open()
        self.dense = DenseIndex(shelf.database, self.embedder.name, self.embedder.dimensions)
        self.dense.load()
        self.both = Search(shelf.database, self.lexical, self.dense, self.embedder)
        self.words = Search(shelf.database, self.lexical)


@pytest.fixture(params=["held", "looked up"])
def parts(request, shelf, ids, tmp_path):
    """The words of all passages held in memory, or read where they are needed."""
    parts = Parts(shelf, tmp_path)
    if request.param == "held":
        parts.lexical.hold()
    yield parts
    parts.lexical.close()


def found(result):
    return [each.passage.id for each in result.passages]


def test_the_nearest_passage_is_first_in_either_mode(parts, ids):
    for search, mode in ((parts.both, "hybrid"), (parts.words, "words")):
        result = search.search(Query("How many days until my refund is paid?"), sources=OURS, limit=3)
        assert result.mode == search.mode == mode
        assert found(result)[0] == ids["refund"]
        best = result.passages[0]
        assert best.passage.document.title == "Returns"
        assert best.lexical > 0
        assert (best.dense is None) is (mode == "words")
        scores = [each.score for each in result.passages]
        assert scores == sorted(scores, reverse=True)
        assert len(result.passages) <= 3


def test_a_score_is_the_weighed_traits(parts):
    for search, weights in ((parts.both, HYBRID), (parts.words, WORDS)):
        looked = search.look(Query("kettle warranty"), sources=OURS, limit=5)
        assert looked
        for each, traits in looked:
            assert each.score == pytest.approx(sum(t * w for t, w in zip(traits, weights, strict=True)))
            shares = (traits.held, traits.together, traits.order, traits.named, traits.about)
            assert all(0 <= share <= 1 + 1e-9 for share in shares)
        assert sum(weights) == pytest.approx(1)
        assert min(weights) >= 0


def test_the_scope_holds_on_both_sides(parts, shelf, ids):
    theirs = [
        shelf.put("A refund reaches your account within five days.", title="Returns", source=3)
        for _ in range(9)
    ]
    shelf.embed(parts.embedder, theirs)
    parts.lexical.apply()
    parts.dense.refresh()
    query = Query("refund within five days")
    for search in (parts.both, parts.words):
        assert not set(theirs) & set(found(search.search(query, sources=OURS, limit=50)))
        assert set(found(search.search(query, sources=frozenset({3}), limit=50))) == set(theirs)
        assert search.search(query, sources=frozenset(), limit=5).passages == ()


def test_a_passage_that_only_one_side_finds_is_scored_by_both(parts, ids, monkeypatch):
    monkeypatch.setattr(module, "CANDIDATES", 1)
    result = parts.both.search(Query("descaled kettle"), sources=OURS, limit=1)
    assert found(result) == [ids["kettle"]]
    for each in parts.both.search(Query("warranty lasts two years"), sources=OURS, limit=2).passages:
        assert each.lexical > 0
        assert each.dense is not None


def test_the_conversation_says_what_is_meant(parts, ids):
    history = (
        Turn("user", "I bought the Toaster T9."),
        Turn("assistant", "The Toaster T9 is a fine choice."),
    )
    question = "How long is the warranty?"
    for search in (parts.both, parts.words):
        assert found(search.search(Query(question, history), sources=OURS, limit=5))[0] == ids["toaster"]
        other = (
            Turn("user", "I bought the Kettle K2."),
            Turn("assistant", "The Kettle K2 is a fine choice."),
        )
        assert found(search.search(Query(question, other), sources=OURS, limit=5))[0] == ids["kettle"]


def test_a_question_that_stands_alone_is_not_drowned_by_the_conversation(parts, ids):
    history = (Turn("user", "How is the kettle descaled?"), Turn("assistant", "With citric acid."))
    query = Query("When is the telephone answered on working days?", history)
    for search in (parts.both, parts.words):
        assert found(search.search(query, sources=OURS, limit=5))[0] == ids["hours"]


def test_passages_without_vectors_are_ranked_beside_those_with(parts, shelf, ids):
    """The backfill has come half-way: a passage without a vector is neither lost nor pushed ahead."""
    newer = shelf.put("The blender is cleaned with warm water and a drop of soap.", title="Blender B4")
    parts.lexical.apply()
    result = parts.both.search(Query("How is the blender cleaned?"), sources=OURS, limit=5)
    assert found(result)[0] == newer
    assert result.passages[0].dense is None
    assert result.mode == "hybrid"
    result = parts.both.search(Query("How is the kettle descaled?"), sources=OURS, limit=5)
    assert found(result)[0] == ids["kettle"]


def test_the_nearest_part_of_a_long_passage_counts(parts, shelf):
    """Two passages whose vectors as a whole are equally far; one has a part that is near."""
    question = parts.embedder.embed(["zebra"])[0]
    whole = parts.embedder.embed(["something else"])[0]
    ids = [shelf.put("a passage about stripes"), shelf.put("a passage about strides")]
    with shelf.database.write() as connection:
        for passage_id, inner in zip(ids, (whole, question), strict=True):
            packed, scale = quantise(np.concatenate([whole, inner]))
            row = {
                "passage_id": passage_id,
                "embedder": parts.embedder.name,
                "scale": scale,
                "vector": packed,
            }
            connection.execute(insert(vectors), row)
    parts.lexical.apply()
    parts.dense.add(ids)
    result = parts.both.search(Query("zebra"), sources=OURS, limit=9)
    by_id = {each.passage.id: each for each in result.passages}
    assert by_id[ids[0]].dense == pytest.approx(by_id[ids[1]].dense, abs=0.02)
    assert by_id[ids[1]].score - by_id[ids[0]].score > 0.5 * HYBRID.part


def test_without_any_vectors_words_decide(shelf, ids, tmp_path):
    parts = Parts(shelf, tmp_path)
    empty = DenseIndex(shelf.database, "another", 128)
    empty.load()
    search = Search(shelf.database, parts.lexical, empty, parts.embedder)
    result = search.search(Query("refund account days"), sources=OURS, limit=2)
    assert found(result)[0] == ids["refund"]
    assert {each.dense for each in result.passages} == {None}


def test_what_the_store_no_longer_has_is_not_shown(parts, shelf, ids):
    """The instant between the store's commit and the indexes'."""
    with shelf.database.write() as connection:
        connection.execute(delete(passages).where(passages.c.id == ids["refund"]))
    for search in (parts.both, parts.words):
        assert ids["refund"] not in found(search.search(Query("refund account"), sources=OURS, limit=5))


@pytest.mark.parametrize("text", ["", "   ", "what is the", '"AND ) :', "\ud800", "x" * 50_000, "?" * 2_000])
def test_any_question_can_be_asked(parts, text):
    history = (Turn("user", text), Turn("assistant", text))
    for search in (parts.both, parts.words):
        for query in (Query(text), Query(text, history), Query("refund", history)):
            result = search.search(query, sources=OURS, limit=5)
            assert len(result.passages) <= 5
            assert all(np.isfinite(each.score) for each in result.passages)


def test_no_more_than_asked_for(parts):
    for limit in (0, 1, 2, 100):
        result = parts.both.search(Query("warranty parcel days"), sources=OURS, limit=limit)
        assert len(result.passages) == min(limit, 5)


WANTED = {"kettl": 2.0, "warranti": 1.0, "year": 1.0}


def test_closeness_sees_words_that_stand_together():
    filler = ["x"] * 30
    together, apart, above, twice, neither = close(
        WANTED,
        ([], ["kettl", "warranti", "year"]),
        ([], ["kettl", *filler, "warranti", "year"]),
        (["kettl"], [*filler, "warranti", "year", *filler]),
        ([], ["kettl", "kettl", *filler, "kettl"]),
        (["x"], filler),
    )
    assert together == (1, 1, 1)
    assert apart[:2] == (1, pytest.approx(0.5))
    assert 0.5 < apart[2] < 0.6
    assert above[1] == 1
    assert twice == (0.5, 0.5, 0)
    assert neither == (0, 0, 0)


def test_words_of_two_passages_do_not_stand_together():
    ends, begins = close(WANTED, ([], ["x", "warranti"]), ([], ["year", "x"]))
    assert ends == begins == (0.25, 0.25, 0)


def test_texts_count_by_their_weights():
    passages = laid([([], ["kettl", "warranti"]), ([], ["year"])])
    one, other = ({"kettl": 1.0, "warranti": 1.0}, 0.75), ({"year": 2.0, "kettl": 1.0}, 0.25)
    both = closeness([one, other], passages)
    assert both.held.tolist() == pytest.approx([0.75 + 0.25 / 3, 0.25 * 2 / 3])
    assert both.together.tolist() == pytest.approx(both.held.tolist())
    assert both.order.tolist() == [0.75, 0]
    alone = closeness([one, ({}, 0.25)], passages)
    assert alone.held.tolist() == [0.75, 0]


def test_closeness_of_nothing_is_nothing():
    assert close({}, (["a"], ["b"])) == [(0, 0, 0)]
    assert close(WANTED, ([], [])) == [(0, 0, 0)]
    assert close(WANTED) == []


def laid(passages):
    """Passages given as the words of their titles and of their texts."""
    numbers = Vocabulary()
    rows = [[MARK, *(numbers[word] for word in above + body)] for above, body in passages]
    return Laid(
        np.ones(len(rows), bool),
        np.array([number for row in rows for number in row], np.int32),
        np.cumsum([0, *map(len, rows)])[:-1],
        np.array([len(above) for above, _ in passages], np.int32),
        [],
        numbers,
        len(numbers),
    )


def close(text, *passages):
    found = closeness([(text, 1.0)], laid(passages))
    return list(zip(found.held.tolist(), found.together.tolist(), found.order.tolist(), strict=True))


def test_a_place_is_named_in_full_or_in_part():
    rarity = {"tax": 1.0, "sale": 1.0, "set": 0.5, "overview": 1.0}
    parts = [{"sale", "tax"}, {"overview"}]
    assert named(parts, {"sale", "tax", "set"}, rarity.__getitem__) == 1
    assert named(parts, {"tax"}, rarity.__getitem__) == 0.5
    assert named(parts, {"overview"}, rarity.__getitem__) == 0, "a heading of one word names nothing"
    assert named([{"overview"}], {"overview"}, rarity.__getitem__) == 1, "a title of one word does"
    assert named([], {"tax"}, rarity.__getitem__) == 0
