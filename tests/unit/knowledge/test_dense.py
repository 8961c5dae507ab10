"""The index of vectors: exact while small, nearly so when large, always in step with the store."""

import threading

import numpy as np
import pytest
from shelf import Shelf
from sqlalchemy import delete, insert, select, update

from freehold.knowledge import dense, heads
from freehold.knowledge import vector_scores as module
from freehold.knowledge.dense import DenseIndex, quantise
from freehold.knowledge.heads import NOWHERE
from freehold.knowledge.store import vectors

OURS = frozenset({1, 2})
DIMENSIONS = 40
NAME = "drawn"


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.database.close()


def write(shelf, passage_ids, rows, name=NAME):
    with shelf.database.write() as connection:
        for passage_id, row in zip(passage_ids, rows, strict=True):
            packed, scale = quantise(row)
            connection.execute(delete(vectors).where(vectors.c.passage_id == passage_id))
            connection.execute(
                insert(vectors),
                {"passage_id": passage_id, "embedder": name, "scale": scale, "vector": packed},
            )


@pytest.fixture
def filled(shelf):
    """Sixty passages around ten centres, every third of them theirs."""
    draw = np.random.default_rng(0)
    centres = draw.normal(size=(10, DIMENSIONS))
    rows = unit(centres[np.arange(60) % 10] + draw.normal(scale=0.3, size=(60, DIMENSIONS)))
    ids = [shelf.put(f"passage {number}", source=(1, 2, 3)[number % 3]) for number in range(60)]
    write(shelf, ids, rows)
    return ids, rows


KINDS = {"exact": {"exact_limit": 1000}, "signs": {"exact_limit": 5}, "held": {"exact_limit": 5}}


def opened(shelf, kind="exact"):
    index = DenseIndex(shelf.database, NAME, DIMENSIONS, **KINDS[kind])
    index.load()
    if kind == "held":
        index.hold()
    return index


def test_a_vector_survives_being_packed():
    row = unit(np.random.default_rng(1).normal(size=DIMENSIONS))
    packed, scale = quantise(row)
    back = np.frombuffer(packed, np.int8) * scale
    assert np.abs(back - row).max() <= scale / 2 + 1e-7
    assert quantise(np.zeros(4, np.float32)) == (bytes(4), 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_nearest_of_the_scope_are_found_in_order(shelf, filled, kind):
    ids, rows = filled
    index = opened(shelf, kind)
    for number in (0, 7, 31):
        cosines = rows @ rows[number]
        ours = [i for i in range(60) if i % 3 != 2]
        expected = sorted(ours, key=lambda i: -cosines[i])[:5]
        hits = index.search(rows[number], sources=OURS, limit=5)
        assert [passage_id for passage_id, _ in hits] == [ids[i] for i in expected]
        assert [cosine for _, cosine in hits] == pytest.approx([cosines[i] for i in expected], abs=0.01)
    assert index.search(rows[0], sources=frozenset(), limit=5) == []
    assert index.search(rows[0], sources=OURS, limit=0) == []
    assert len(index.search(rows[0], sources=OURS, limit=1000)) == 40
    assert {ids[i] for i in range(2, 60, 3)} == {
        passage_id for passage_id, _ in index.search(rows[0], sources=frozenset({3}), limit=99)
    }


@pytest.mark.parametrize("kind", KINDS)
def test_given_passages_are_scored(shelf, filled, kind):
    ids, rows = filled
    index = opened(shelf, kind)
    scores = index.ask(rows[3]).of(np.array([ids[50], 999, ids[4]]))
    expected = [rows[50] @ rows[3], np.nan, rows[4] @ rows[3]]
    assert scores.tolist() == pytest.approx(expected, abs=0.01, nan_ok=True)
    assert len(index.ask(rows[3]).of(np.array([], dtype=np.int64))) == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["refresh", "add and remove"])
def test_it_follows_the_store(shelf, filled, kind, how):
    ids, rows = filled
    index = opened(shelf, kind)
    new = shelf.put("new")
    write(shelf, [new], rows[:1])
    shelf.drop(ids[0], ids[1])
    if how == "refresh":
        index.refresh()
    else:
        index.add([new])
        index.remove([ids[0], ids[1]])
    assert len(index) == 59
    assert index.search(rows[0], sources=OURS, limit=1)[0][0] == new
    assert np.isnan(index.ask(rows[1]).of(np.array(ids))).tolist() == [True] * 2 + [False] * 58
    index.add([new])
    index.refresh()
    assert len(index) == 59


@pytest.mark.parametrize("kind", KINDS)
def test_a_vector_that_was_replaced_is_taken_anew(shelf, filled, kind):
    ids, rows = filled
    index = opened(shelf, kind)
    write(shelf, [ids[0]], -rows[:1])
    index.add([ids[0]])
    assert index.ask(rows[0]).of(np.array(ids[:1]))[0] == pytest.approx(-1, abs=0.02)
    assert len(index) == 60


def test_it_changes_its_ways_as_it_grows_and_shrinks(shelf, filled):
    ids, rows = filled
    index = DenseIndex(shelf.database, NAME, DIMENSIONS, exact_limit=60)
    index.load()
    assert index._now.exact
    new = shelf.put("new")
    write(shelf, [new], rows[:1])
    index.add([new])
    assert not index._now.exact
    assert len(index) == 61
    assert index.search(rows[0], sources=OURS, limit=1)[0][0] in (ids[0], new)
    shelf.drop(new, ids[5])
    index.refresh()
    assert index._now.exact
    assert len(index) == 59


def test_a_large_index_that_is_held_reads_no_vectors_of_passages(shelf, filled, monkeypatch):
    ids, rows = filled
    index = opened(shelf, "held")
    expected = [opened(shelf, "signs").ask(row).of(np.array(ids)) for row in rows[:3]]
    write(shelf, [ids[7]], rows[8:9])  # unknown to the index, so what is held says the old
    monkeypatch.setattr(module.Stored, "_read", None)
    for row, cosines in zip(rows[:3], expected, strict=True):
        np.testing.assert_allclose(index.ask(row).of(np.array(ids)), cosines, atol=1e-6)
        assert index.search(row, sources=OURS | {3}, limit=60)[0][1] == pytest.approx(1, abs=0.02)


def test_what_finds_no_room_is_read_from_the_store(shelf, filled, monkeypatch):
    ids, rows = filled
    monkeypatch.setattr(dense, "HELD_BYTES", 25 * DIMENSIONS)
    index = opened(shelf, "held")
    assert np.count_nonzero(index._now.slots != NOWHERE) == 25
    expected = opened(shelf, "signs").ask(rows[0])
    np.testing.assert_allclose(index.ask(rows[0]).of(np.array(ids)), expected.of(np.array(ids)), atol=1e-6)
    assert index.search(rows[0], sources=OURS, limit=5) == [
        (passage_id, pytest.approx(cosine, abs=1e-6))
        for passage_id, cosine in zip(*(each.tolist() for each in expected.nearest(OURS, 5)), strict=True)
    ]


def test_damaged_vectors_and_an_emptied_index_are_not_held(shelf, filled):
    ids, _ = filled
    index = opened(shelf, "signs")
    with shelf.database.write() as connection:
        connection.execute(update(vectors).values(vector=b"short"))
    index.hold()
    assert (index._now.slots == NOWHERE).all()
    emptied = opened(shelf, "signs")
    emptied.remove(ids)
    emptied.hold()
    assert len(emptied) == 0


def test_blocks_fill_up_and_forgotten_vectors_make_room(shelf, filled, monkeypatch):
    ids, rows = filled
    monkeypatch.setattr(heads, "_BITS", 3)
    monkeypatch.setattr(heads, "BLOCK", 8)
    monkeypatch.setattr(dense, "BLOCK", 8)
    index = opened(shelf, "held")
    asked = index.ask(rows[3])
    before = asked.of(np.array(ids))
    for turn in range(1, 6):  # all vectors again and again, each time in new slots
        write(shelf, ids, np.roll(rows, turn, axis=0))
        index.add(ids)
        assert index._now.heads.used <= 2 * len(ids) + 8
    np.testing.assert_allclose(index.ask(rows[3]).of(np.array(ids)), np.roll(before, 5), atol=1e-6)
    np.testing.assert_allclose(asked.of(np.array(ids)), before)  # who asked earlier sees what was


def test_an_index_that_becomes_large_is_held_by_itself(shelf, filled):
    _, rows = filled
    index = DenseIndex(shelf.database, NAME, DIMENSIONS, exact_limit=60)
    index.load()
    index.hold()
    new = shelf.put("new")
    write(shelf, [new], rows[:1])
    index.add([new])
    index._thread.join(10)
    assert np.count_nonzero(index._now.slots != NOWHERE) == 61
    index.close()


def test_vectors_are_held_while_the_index_changes(shelf, filled, monkeypatch):
    ids, rows = filled
    monkeypatch.setattr(dense, "CHUNK", 7)
    index = opened(shelf, "signs")
    index.hold_soon()
    for number in range(30):
        new = shelf.put(f"new {number}")
        write(shelf, [new], rows[number : number + 1])
        index.add([new])
        shelf.drop(ids[number])
        index.remove([ids[number]])
    index._thread.join(10)
    assert len(index) == 60
    assert index._now.slots.min() != NOWHERE
    assert len(set(index._now.slots.tolist())) == 60
    for row in rows[:30]:
        assert index.search(row, sources=OURS, limit=1)[0][1] == pytest.approx(1, abs=0.02)


def test_signs_first_finds_what_comparing_all_finds(shelf, filled, monkeypatch):
    _, rows = filled
    everything = opened(shelf).search(rows[0], sources=OURS, limit=3)
    monkeypatch.setattr(module, "FEW", 10)
    monkeypatch.setattr(module, "NEAR_SHARE", 2)
    index = opened(shelf)
    assert index.search(rows[0], sources=OURS, limit=3) == everything
    assert len(index.search(rows[0], sources=frozenset({1, 2, 3}), limit=60)) == 60


def test_vectors_of_another_embedder_are_not_seen(shelf, filled):
    ids, _ = filled
    with shelf.database.write() as connection:
        connection.execute(update(vectors).where(vectors.c.passage_id == ids[0]).values(embedder="other"))
        connection.execute(update(vectors).where(vectors.c.passage_id == ids[1]).values(vector=b"short"))
    index = opened(shelf)
    assert len(index) == 58
    index.refresh()
    assert len(index) == 58


@pytest.mark.parametrize("kind", KINDS)
def test_a_passage_may_have_vectors_of_its_parts_too(shelf, filled, kind):
    ids, rows = filled
    write(shelf, [ids[0]], [np.concatenate([rows[0], rows[1], rows[2]])])
    index = opened(shelf, kind)
    assert len(index) == 60
    assert index.ask(rows[0]).of(np.array(ids[:1]))[0] == pytest.approx(1, abs=0.02)
    asked = index.ask(rows[2])
    near = asked.of_parts(np.array([ids[0], ids[2], ids[3], 999]))
    assert near.tolist() == pytest.approx([1, 1, rows[3] @ rows[2], np.nan], abs=0.02, nan_ok=True)
    assert len(asked.of_parts(np.array([], dtype=np.int64))) == 0


def test_an_empty_index_answers(shelf):
    index = opened(shelf)
    assert index.search(np.zeros(DIMENSIONS, np.float32), sources=OURS, limit=3) == []
    assert len(index) == 0


def test_threads_may_search_while_it_changes(shelf, filled):
    ids, rows = filled
    index = opened(shelf)
    failures, done = [], threading.Event()

    def ask():
        while not done.is_set():
            hits = index.search(rows[0], sources=OURS, limit=60)
            if len({passage_id for passage_id, _ in hits}) != len(hits) or not 30 <= len(hits) <= 41:
                failures.append(hits)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(15):
        index.remove(ids[:10])
        index.add(ids[:10])
        index.refresh()
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_signs_are_made_once_and_open_a_large_index_without_vectors(shelf, filled):
    ids, _ = filled
    opened(shelf, "exact")
    assert kept_signs(shelf) == {}  # a small index has no use for them
    before = opened(shelf, "signs")._now
    assert sorted(kept_signs(shelf)) == ids
    with shelf.database.write() as connection:
        connection.execute(update(vectors).values(vector=bytes(DIMENSIONS)))  # were it read, all would be 0
    after = opened(shelf, "signs")._now
    assert (after.signs == before.signs).all()
    assert (after.ids == before.ids).all()
    assert (after.sources == before.sources).all()


def test_signs_that_are_lacking_or_foreign_are_made_anew(shelf, filled):
    ids, _ = filled
    before = opened(shelf, "signs")._now
    with shelf.database.write() as connection:
        connection.execute(update(vectors).where(vectors.c.passage_id == ids[7]).values(signs=None))
        connection.execute(update(vectors).where(vectors.c.passage_id == ids[0]).values(signs=b"short"))
    after = opened(shelf, "signs")._now
    assert (after.ids == before.ids).all()
    assert (after.signs == before.signs).all()
    assert len(kept_signs(shelf)[ids[0]]) == 8


def test_what_is_added_to_a_large_index_keeps_its_signs(shelf, filled):
    _, rows = filled
    index = opened(shelf, "signs")
    new = shelf.put("new")
    write(shelf, [new], rows[:1])
    index.add([new])
    assert new in kept_signs(shelf)
    write(shelf, [new], rows[1:2])  # replaced, as when its document is retitled: the signs go with the vector
    assert new not in kept_signs(shelf)
    assert opened(shelf, "signs").search(rows[1], sources=OURS, limit=1)[0][1] == pytest.approx(1, abs=0.01)


def kept_signs(shelf):
    with shelf.database.read() as connection:
        query = select(vectors.c.passage_id, vectors.c.signs).where(vectors.c.signs.is_not(None))
        return {row.passage_id: row.signs for row in connection.execute(query)}
